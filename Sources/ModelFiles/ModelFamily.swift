/// A family of models that share tensors, settings and computation, described by data.
///
/// The two file formats name the same things differently; a family is the dictionary between them.
struct ModelFamily: Sendable {
  /// What `general.architecture` says in GGUF.
  let ggufArchitecture: String
  /// What `model_type` says in config.json.
  let modelType: String
  /// What `architectures` says in config.json.
  let huggingFaceArchitecture: String
  /// Whether GGUF stores the rows of query and key projections permuted.
  let permutesQueryAndKey: Bool
  /// Tensors outside the layers.
  let outerTensors: [TensorName]
  /// Tensors of each layer, after `blk.N.` in GGUF and `model.layers.N.` in Hugging Face.
  let layerTensors: [TensorName]
  /// Whole numbers, after `<architecture>.` in GGUF.
  let wholeNumbers: [SettingName]
  /// Fractions, likewise.
  let fractions: [SettingName]

  /// One tensor's two names.
  struct TensorName: Sendable {
    let gguf: String
    let huggingFace: String
    /// The setting that counts the heads its rows belong to, where GGUF permutes them.
    var headsKey: String?
  }

  /// One setting's two names.
  struct SettingName: Sendable {
    let gguf: String
    let huggingFace: String
    let isRequired: Bool
  }

  /// Every family Lorikeet knows.
  static let all: [ModelFamily] = [.llama]

  /// Llama, SmolLM and others that say they are Llama.
  static let llama = ModelFamily(
    ggufArchitecture: "llama",
    modelType: "llama",
    huggingFaceArchitecture: "LlamaForCausalLM",
    permutesQueryAndKey: true,
    outerTensors: [
      TensorName(gguf: "token_embd.weight", huggingFace: "model.embed_tokens.weight"),
      TensorName(gguf: "output_norm.weight", huggingFace: "model.norm.weight"),
      TensorName(gguf: "output.weight", huggingFace: "lm_head.weight"),
    ],
    layerTensors: [
      TensorName(gguf: "attn_norm.weight", huggingFace: "input_layernorm.weight"),
      TensorName(
        gguf: "attn_q.weight", huggingFace: "self_attn.q_proj.weight",
        headsKey: "num_attention_heads"),
      TensorName(
        gguf: "attn_k.weight", huggingFace: "self_attn.k_proj.weight",
        headsKey: "num_key_value_heads"),
      TensorName(gguf: "attn_v.weight", huggingFace: "self_attn.v_proj.weight"),
      TensorName(gguf: "attn_output.weight", huggingFace: "self_attn.o_proj.weight"),
      TensorName(
        gguf: "attn_q.bias", huggingFace: "self_attn.q_proj.bias", headsKey: "num_attention_heads"),
      TensorName(
        gguf: "attn_k.bias", huggingFace: "self_attn.k_proj.bias", headsKey: "num_key_value_heads"),
      TensorName(gguf: "attn_v.bias", huggingFace: "self_attn.v_proj.bias"),
      TensorName(gguf: "attn_output.bias", huggingFace: "self_attn.o_proj.bias"),
      TensorName(gguf: "ffn_norm.weight", huggingFace: "post_attention_layernorm.weight"),
      TensorName(gguf: "ffn_gate.weight", huggingFace: "mlp.gate_proj.weight"),
      TensorName(gguf: "ffn_up.weight", huggingFace: "mlp.up_proj.weight"),
      TensorName(gguf: "ffn_down.weight", huggingFace: "mlp.down_proj.weight"),
      TensorName(gguf: "ffn_gate.bias", huggingFace: "mlp.gate_proj.bias"),
      TensorName(gguf: "ffn_up.bias", huggingFace: "mlp.up_proj.bias"),
      TensorName(gguf: "ffn_down.bias", huggingFace: "mlp.down_proj.bias"),
    ],
    wholeNumbers: [
      SettingName(
        gguf: "context_length", huggingFace: "max_position_embeddings", isRequired: true),
      SettingName(gguf: "embedding_length", huggingFace: "hidden_size", isRequired: true),
      SettingName(gguf: "block_count", huggingFace: "num_hidden_layers", isRequired: true),
      SettingName(gguf: "feed_forward_length", huggingFace: "intermediate_size", isRequired: true),
      SettingName(
        gguf: "attention.head_count", huggingFace: "num_attention_heads", isRequired: true),
      SettingName(
        gguf: "attention.head_count_kv", huggingFace: "num_key_value_heads", isRequired: false),
      SettingName(gguf: "attention.key_length", huggingFace: "head_dim", isRequired: false),
    ],
    fractions: [
      SettingName(
        gguf: "attention.layer_norm_rms_epsilon", huggingFace: "rms_norm_eps", isRequired: true),
      SettingName(gguf: "rope.freq_base", huggingFace: "rope_theta", isRequired: false),
    ])

  /// The families' names, for messages.
  static let supportedNames = all.map(\.ggufArchitecture).joined(separator: ", ")
}

extension ModelFamily {
  /// The Hugging Face name of the GGUF tensor `name`, and the setting that counts its permuted heads.
  func huggingFaceName(ofGGUF name: String) -> (name: String, headsKey: String?)? {
    if let outer = outerTensors.first(where: { $0.gguf == name }) {
      return (outer.huggingFace, nil)
    }
    guard let (layer, rest) = Self.split(name, prefix: "blk."),
      let inner = layerTensors.first(where: { $0.gguf == rest })
    else { return nil }
    let headsKey = permutesQueryAndKey ? inner.headsKey : nil
    return ("model.layers.\(layer).\(inner.huggingFace)", headsKey)
  }

  /// The GGUF name of the Hugging Face tensor `name`, and the setting that counts its permuted heads.
  func ggufName(ofHuggingFace name: String) -> (name: String, headsKey: String?)? {
    if let outer = outerTensors.first(where: { $0.huggingFace == name }) {
      return (outer.gguf, nil)
    }
    guard let (layer, rest) = Self.split(name, prefix: "model.layers."),
      let inner = layerTensors.first(where: { $0.huggingFace == rest })
    else { return nil }
    return ("blk.\(layer).\(inner.gguf)", permutesQueryAndKey ? inner.headsKey : nil)
  }

  /// The number and the rest of a name `<prefix>N.<rest>`, where N is written as a number is.
  private static func split(_ name: String, prefix: String) -> (layer: Int, rest: Substring)? {
    guard name.hasPrefix(prefix) else { return nil }
    let tail = name.dropFirst(prefix.count)
    guard let dot = tail.firstIndex(of: "."), let layer = Int(tail[..<dot]), layer >= 0,
      String(layer) == tail[..<dot]
    else { return nil }
    return (layer, tail[tail.index(after: dot)...])
  }
}

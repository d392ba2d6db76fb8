import Serialization

/// The families, in the order in which messages name them.
extension ModelFamily {
  /// Every family Lorikeet knows.
  static let all: [ModelFamily] = [.llama, .mistral, .qwen2, .qwen3, .smolLM3]

  /// The families' names, for messages.
  static let supportedNames = all.map(\.modelType).joined(separator: ", ")

  /// Llama, SmolLM and others that say they are Llama.
  static let llama = ModelFamily(
    ggufArchitecture: "llama",
    modelType: "llama",
    huggingFaceArchitecture: "LlamaForCausalLM",
    permutesQueryAndKey: true,
    outerTensors: commonOuterTensors,
    layerTensors: commonLayerTensors + inputBiasTensors + outputBiasTensors + mlpBiasTensors,
    wholeNumbers: commonWholeNumbers,
    fractions: commonFractions,
    biases: [
      Biases(key: "attention_bias", linears: ["q_proj", "k_proj", "v_proj", "o_proj"]),
      Biases(key: "mlp_bias", linears: ["gate_proj", "up_proj", "down_proj"]),
    ])

  /// Mistral 7B and what was made from it: Llama, whose first version sees a window of tokens.
  ///
  /// llama.cpp knows no window in its architecture `llama`; a file that says nothing of one is read as Llama.
  static let mistral = ModelFamily(
    ggufArchitecture: "llama",
    ggufMark: "attention.sliding_window",
    modelType: "mistral",
    huggingFaceArchitecture: "MistralForCausalLM",
    permutesQueryAndKey: true,
    outerTensors: commonOuterTensors,
    layerTensors: commonLayerTensors,
    wholeNumbers: commonWholeNumbers + [
      SettingName(
        gguf: "attention.sliding_window", huggingFace: "sliding_window", isRequired: false)
    ],
    fractions: commonFractions,
    windows: Windows(flag: nil, blocks: .all),
    defaults: ["num_key_value_heads": 8, "sliding_window": 4_096])

  /// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
  static let qwen2 = ModelFamily(
    ggufArchitecture: "qwen2",
    modelType: "qwen2",
    huggingFaceArchitecture: "Qwen2ForCausalLM",
    permutesQueryAndKey: false,
    outerTensors: commonOuterTensors,
    layerTensors: commonLayerTensors + inputBiasTensors,
    wholeNumbers: commonWholeNumbers,
    fractions: commonFractions,
    biases: [Biases(key: nil, linears: ["q_proj", "k_proj", "v_proj"])],
    windows: Windows(flag: "use_sliding_window", blocks: .upper),
    defaults: qwenDefaults)

  /// Qwen 3: Llama with norms on queries and keys, and heads of a size of their own.
  static let qwen3 = ModelFamily(
    ggufArchitecture: "qwen3",
    modelType: "qwen3",
    huggingFaceArchitecture: "Qwen3ForCausalLM",
    permutesQueryAndKey: false,
    outerTensors: commonOuterTensors,
    layerTensors: commonLayerTensors + inputBiasTensors + outputBiasTensors + headNormTensors,
    wholeNumbers: commonWholeNumbers,
    fractions: commonFractions,
    biases: [Biases(key: "attention_bias", linears: ["q_proj", "k_proj", "v_proj", "o_proj"])],
    normalizesQueriesAndKeys: true,
    windows: Windows(flag: "use_sliding_window", blocks: .upper),
    defaults: qwenDefaults.merging(["head_dim": 128]))

  /// SmolLM3: Llama, of whose blocks every fourth does not rotate.
  static let smolLM3 = ModelFamily(
    ggufArchitecture: "smollm3",
    modelType: "smollm3",
    huggingFaceArchitecture: "SmolLM3ForCausalLM",
    permutesQueryAndKey: true,
    outerTensors: commonOuterTensors,
    layerTensors: commonLayerTensors + inputBiasTensors + outputBiasTensors + mlpBiasTensors,
    wholeNumbers: commonWholeNumbers,
    fractions: commonFractions,
    biases: llama.biases,
    windows: Windows(flag: "use_sliding_window", blocks: .unrotated),
    skipsRotation: true,
    defaults: [
      "max_position_embeddings": 32_768, "num_key_value_heads": 4, "rope_theta": 2_000_000.0,
      "tie_word_embeddings": true,
    ])
}

/// What families share.
extension ModelFamily {
  private static let commonOuterTensors = [
    TensorName(gguf: "token_embd.weight", huggingFace: "model.embed_tokens.weight"),
    TensorName(gguf: "output_norm.weight", huggingFace: "model.norm.weight"),
    TensorName(gguf: "output.weight", huggingFace: "lm_head.weight"),
  ]

  private static let commonLayerTensors = [
    TensorName(gguf: "attn_norm.weight", huggingFace: "input_layernorm.weight"),
    TensorName(
      gguf: "attn_q.weight", huggingFace: "self_attn.q_proj.weight",
      headsKey: "num_attention_heads"),
    TensorName(
      gguf: "attn_k.weight", huggingFace: "self_attn.k_proj.weight",
      headsKey: "num_key_value_heads"),
    TensorName(gguf: "attn_v.weight", huggingFace: "self_attn.v_proj.weight"),
    TensorName(gguf: "attn_output.weight", huggingFace: "self_attn.o_proj.weight"),
    TensorName(gguf: "ffn_norm.weight", huggingFace: "post_attention_layernorm.weight"),
    TensorName(gguf: "ffn_gate.weight", huggingFace: "mlp.gate_proj.weight"),
    TensorName(gguf: "ffn_up.weight", huggingFace: "mlp.up_proj.weight"),
    TensorName(gguf: "ffn_down.weight", huggingFace: "mlp.down_proj.weight"),
  ]

  /// Biases of what reads a block's input.
  private static let inputBiasTensors = [
    TensorName(
      gguf: "attn_q.bias", huggingFace: "self_attn.q_proj.bias", headsKey: "num_attention_heads"),
    TensorName(
      gguf: "attn_k.bias", huggingFace: "self_attn.k_proj.bias", headsKey: "num_key_value_heads"),
    TensorName(gguf: "attn_v.bias", huggingFace: "self_attn.v_proj.bias"),
  ]

  private static let outputBiasTensors = [
    TensorName(gguf: "attn_output.bias", huggingFace: "self_attn.o_proj.bias")
  ]

  private static let mlpBiasTensors = [
    TensorName(gguf: "ffn_gate.bias", huggingFace: "mlp.gate_proj.bias"),
    TensorName(gguf: "ffn_up.bias", huggingFace: "mlp.up_proj.bias"),
    TensorName(gguf: "ffn_down.bias", huggingFace: "mlp.down_proj.bias"),
  ]

  /// Norms of single heads.
  private static let headNormTensors = [
    TensorName(gguf: "attn_q_norm.weight", huggingFace: "self_attn.q_norm.weight"),
    TensorName(gguf: "attn_k_norm.weight", huggingFace: "self_attn.k_norm.weight"),
  ]

  private static let commonWholeNumbers = [
    SettingName(gguf: "context_length", huggingFace: "max_position_embeddings", isRequired: true),
    SettingName(gguf: "embedding_length", huggingFace: "hidden_size", isRequired: true),
    SettingName(gguf: "block_count", huggingFace: "num_hidden_layers", isRequired: true),
    SettingName(gguf: "feed_forward_length", huggingFace: "intermediate_size", isRequired: true),
    SettingName(
      gguf: "attention.head_count", huggingFace: "num_attention_heads", isRequired: true),
    SettingName(
      gguf: "attention.head_count_kv", huggingFace: "num_key_value_heads", isRequired: false),
    SettingName(gguf: "attention.key_length", huggingFace: "head_dim", isRequired: false),
  ]

  private static let commonFractions = [
    SettingName(
      gguf: "attention.layer_norm_rms_epsilon", huggingFace: "rms_norm_eps", isRequired: true),
    SettingName(gguf: "rope.freq_base", huggingFace: "rope_theta", isRequired: false),
  ]

  private static let qwenDefaults: JSONObject = [
    "max_position_embeddings": 32_768, "max_window_layers": 28, "num_key_value_heads": 32,
    "sliding_window": 4_096,
  ]
}

extension JSONObject {
  /// The members of both; where both have one, that of `other`.
  fileprivate func merging(_ other: JSONObject) -> JSONObject {
    var result = self
    for (key, value) in other { result[key] = value }
    return result
  }
}

import Serialization

/// The families, in the order in which messages name them.
extension ModelFamily {
  /// Every family Lorikeet knows.
  static let all: [ModelFamily] = [
    .llama, .mistral, .qwen2, .qwen3, .smolLM3, .gemma2, .gemma3,
  ]

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

  /// Gemma 2: scores and logits bounded by tanh, every second block with a window, norms around attention and MLP.
  static let gemma2 = ModelFamily(
    ggufArchitecture: "gemma2",
    modelType: "gemma2",
    huggingFaceArchitecture: "Gemma2ForCausalLM",
    permutesQueryAndKey: false,
    outerTensors: commonOuterTensors,
    layerTensors: gemmaLayerTensors,
    wholeNumbers: gemmaWholeNumbers,
    fractions: commonFractions + [
      SettingName(
        gguf: "attn_logit_softcapping", huggingFace: "attn_logit_softcapping", isRequired: false),
      SettingName(
        gguf: "final_logit_softcapping", huggingFace: "final_logit_softcapping", isRequired: false),
    ],
    windows: Windows(flag: nil, blocks: .allButEvery(2), isRequired: true),
    activation: .geluTanh,
    activationKey: "hidden_activation",
    normalizesOutputs: true,
    normOffset: 1,
    scalesEmbeddings: true,
    queryScalar: QueryScalar(sharingBlockCount: 46),
    capsAttention: true,
    capsLogits: true,
    tiesHeadInGGUF: true,
    defaults: gemmaDefaults.merging([
      "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
      "max_position_embeddings": 8_192,
    ]))

  /// Gemma 3, its text: of six blocks five with a window and a rotation of their own; norms on queries and keys too.
  ///
  /// llama.cpp bounds no logits in this architecture, and no model of it is known to.
  static let gemma3 = ModelFamily(
    ggufArchitecture: "gemma3",
    modelType: "gemma3_text",
    huggingFaceArchitecture: "Gemma3ForCausalLM",
    permutesQueryAndKey: false,
    outerTensors: commonOuterTensors,
    layerTensors: gemmaLayerTensors + headNormTensors,
    wholeNumbers: gemmaWholeNumbers + [
      SettingName(
        gguf: "attention.sliding_window_pattern", huggingFace: "sliding_window_pattern",
        isRequired: false, isWritten: false)
    ],
    fractions: commonFractions + [
      SettingName(
        gguf: "rope.freq_base_swa", huggingFace: "rope_local_base_freq", isRequired: false,
        isWritten: false)
    ],
    normalizesQueriesAndKeys: true,
    windows: Windows(flag: nil, blocks: .allButEvery(6), isRequired: true),
    rotatesLocally: true,
    activation: .geluTanh,
    activationKey: "hidden_activation",
    normalizesOutputs: true,
    normOffset: 1,
    scalesEmbeddings: true,
    queryScalar: QueryScalar(sharingBlockCount: 62),
    capsLogits: true,
    defaults: gemmaDefaults.merging([
      "max_position_embeddings": 131_072, "rope_theta": 1_000_000.0,
    ]))
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

  /// Gemma's `post_attention_layernorm` stands behind attention, where Llama's stands before the MLP.
  private static let gemmaLayerTensors =
    commonLayerTensors.map {
      $0.gguf == "ffn_norm.weight"
        ? TensorName(gguf: $0.gguf, huggingFace: "pre_feedforward_layernorm.weight") : $0
    } + [
      TensorName(
        gguf: "post_attention_norm.weight", huggingFace: "post_attention_layernorm.weight"),
      TensorName(gguf: "post_ffw_norm.weight", huggingFace: "post_feedforward_layernorm.weight"),
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

  private static let gemmaWholeNumbers =
    commonWholeNumbers + [
      SettingName(
        gguf: "attention.sliding_window", huggingFace: "sliding_window", isRequired: false)
    ]

  private static let gemmaDefaults: JSONObject = [
    "head_dim": 256, "num_key_value_heads": 4, "query_pre_attn_scalar": 256,
    "sliding_window": 4_096, "tie_word_embeddings": true,
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

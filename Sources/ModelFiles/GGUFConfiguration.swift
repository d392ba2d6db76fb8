import Serialization

/// Translates the metadata of a GGUF file into the keys of a Hugging Face config.json.
struct GGUFConfiguration {
  let gguf: GGUFFile
  let family: ModelFamily

  /// The family of a file, or why Lorikeet cannot use it as a model.
  static func family(of gguf: GGUFFile) throws(ModelFileError) -> ModelFamily {
    let path = gguf.file.path
    if gguf.value("general.type")?.stringValue == "adapter" {
      throw .unsupported(
        path: path, problem: "is an adapter, not a model", remedy: "name its base model instead")
    }
    if let count = gguf.value("split.count")?.intValue, count > 1 {
      throw .unsupported(
        path: path, problem: "is one of \(count) parts of a model",
        remedy: "join them with llama-gguf-split --merge")
    }
    guard let architecture = gguf.value("general.architecture")?.stringValue else {
      throw .malformed(
        path: path, place: "metadata general.architecture", problem: "is missing or not text")
    }
    let candidates = ModelFamily.all.filter { $0.ggufArchitecture == architecture }
    let marked = candidates.first { family in
      family.ggufMark.map { gguf.value("\(architecture).\($0)") != nil } ?? false
    }
    guard let family = marked ?? candidates.first(where: { $0.ggufMark == nil }) else {
      throw .unsupported(
        path: path, problem: "has the architecture \(architecture), which Lorikeet does not know",
        remedy: "use a model of one of these: \(ModelFamily.supportedNames)")
    }
    return family
  }

  /// The settings under Hugging Face's keys, sorted as Transformers writes them.
  func configuration() throws(ModelFileError) -> JSONObject {
    var found: [String: JSONValue] = [
      "architectures": [.string(family.huggingFaceArchitecture)],
      "model_type": .string(family.modelType),
      family.activationKey: .string(family.activation.rawValue),
      "tie_word_embeddings": .bool(gguf.tensor(named: "output.weight") == nil),
      "attention_bias": .bool(gguf.tensor(named: "blk.0.attn_q.bias") != nil),
      "mlp_bias": .bool(gguf.tensor(named: "blk.0.ffn_gate.bias") != nil),
      "torch_dtype": .string(storedPrecision),
    ]
    try refuseWhatDiffers()
    for setting in family.wholeNumbers {
      found[setting.huggingFace] = try wholeNumber(setting).map { .integer($0) }
    }
    for setting in family.fractions {
      found[setting.huggingFace] = try fraction(setting).map { .number($0) }
    }
    guard let embedding = gguf.tensor(named: "token_embd.weight"), embedding.shape.count == 2 else {
      throw .malformed(
        path: gguf.file.path, place: "tensor token_embd.weight",
        problem: "is missing or not a matrix")
    }
    found["vocab_size"] = .integer(embedding.shape[0])
    found["rope_scaling"] = try ropeScaling()
    if let scalar = family.queryScalar {
      found["query_pre_attn_scalar"] = .integer(
        scalar.inGGUF(
          blockCount: found["num_hidden_layers"]?.intValue ?? 0,
          hiddenSize: found["hidden_size"]?.intValue ?? 0,
          heads: found["num_attention_heads"]?.intValue ?? 0,
          headSize: (found["head_dim"] ?? family.defaults["head_dim"])?.intValue ?? 0))
    }
    for (key, name) in [
      ("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding"),
    ] {
      found[key] = gguf.value("tokenizer.ggml.\(name)_token_id")?.intValue.map { .integer($0) }
    }
    return JSONObject(found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  /// A float type every matrix has, or `float32`, the precision quantised blocks decode to.
  private var storedPrecision: String {
    let types = Set(gguf.tensors.filter { $0.shape.count > 1 }.map(\.type.name))
    return switch types {
    case ["F16"]: "float16"
    case ["BF16"]: "bfloat16"
    default: "float32"
    }
  }

  private func key(_ name: String) -> String { "\(family.ggufArchitecture).\(name)" }

  private func wholeNumber(
    _ setting: ModelFamily.SettingName
  ) throws(ModelFileError) -> Int? {
    guard let value = gguf.value(key(setting.gguf)) else {
      if setting.isRequired { throw missing(setting) }
      return nil
    }
    guard let number = value.intValue else {
      throw .malformed(
        path: gguf.file.path, place: "metadata \(key(setting.gguf))",
        problem: "is not one whole number")
    }
    return number
  }

  private func fraction(_ setting: ModelFamily.SettingName) throws(ModelFileError) -> Double? {
    guard let value = gguf.value(key(setting.gguf)) else {
      if setting.isRequired { throw missing(setting) }
      return nil
    }
    guard let number = value.doubleValue else {
      throw .malformed(
        path: gguf.file.path, place: "metadata \(key(setting.gguf))",
        problem: "is not a floating-point number")
    }
    return number
  }

  private func missing(_ setting: ModelFamily.SettingName) -> ModelFileError {
    .malformed(
      path: gguf.file.path, place: "metadata \(key(setting.gguf))", problem: "is missing")
  }

  /// Models that call themselves by the family's name and compute something else.
  private func refuseWhatDiffers() throws(ModelFileError) {
    if let experts = gguf.value(key("expert_count"))?.intValue, experts > 0 {
      throw .unsupported(
        path: gguf.file.path, problem: "is a mixture of \(experts) experts",
        remedy: "use a model without experts")
    }
    let heads = gguf.value(key("attention.head_count"))?.intValue ?? 0
    let width = gguf.value(key("embedding_length"))?.intValue ?? 0
    let keyLength =
      gguf.value(key("attention.key_length"))?.intValue ?? (heads > 0 ? width / heads : 0)
    for name in ["rope.dimension_count", "attention.value_length"] {
      guard let length = gguf.value(key(name))?.intValue, length != keyLength else { continue }
      throw .unsupported(
        path: gguf.file.path,
        problem: "has \(key(name)) \(length), which differs from the head size \(keyLength)",
        remedy: "use a model whose heads are rotated whole")
    }
  }
}

extension GGUFConfiguration {
  /// The stretching of RoPE, or nil where there is none.
  private func ropeScaling() throws(ModelFileError) -> JSONValue? {
    if let tensor = gguf.tensor(named: "rope_freqs.weight") {
      return try llama3Scaling(tensor)
    }
    let kind = gguf.value(key("rope.scaling.type"))?.stringValue
    let factor = (gguf.value(key("rope.scaling.factor")) ?? gguf.value(key("rope.scale_linear")))?
      .doubleValue
    guard kind != "none", let factor, factor != 1, factor != 0 else { return nil }
    var scaling: JSONObject = [
      "rope_type": .string(kind ?? "linear"), "factor": .number(factor),
    ]
    if let length = gguf.value(key("rope.scaling.original_context_length"))?.intValue {
      scaling["original_max_position_embeddings"] = .integer(length)
    }
    guard kind == "yarn" else { return .object(scaling) }
    for (name, setting) in [("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow")] {
      scaling[setting] = gguf.value(key("rope.scaling.\(name)"))?.doubleValue.map { .number($0) }
    }
    // GGUF has a factor on what follows from the scaling, config.json the product.
    if let share = gguf.value(key("rope.scaling.attn_factor"))?.doubleValue, share != 1 {
      scaling["attention_factor"] = .number(share * YarnRopeScaling.attentionFactor(factor))
    }
    return .object(scaling)
  }

  /// Llama 3 keeps no settings in GGUF, only the factors they lead to; this finds the settings.
  private func llama3Scaling(_ tensor: TensorDescription) throws(ModelFileError) -> JSONValue {
    let theta = gguf.value(key("rope.freq_base"))?.doubleValue ?? 10_000
    let factors = tensor.type.name == "F32" ? floats(tensor) : []
    if let largest = factors.max(), largest.isFinite {
      let scaling = Llama3RopeScaling(factor: Double(largest))
      if scaling.factors(headSize: 2 * factors.count, theta: theta) == factors {
        return .object(scaling.configuration)
      }
    }
    throw .unsupported(
      path: gguf.file.path,
      problem: "tensor rope_freqs.weight holds factors that are not those of Llama 3",
      remedy: "use the model's Hugging Face folder, whose config.json names its RoPE scaling")
  }

  private func floats(_ tensor: TensorDescription) -> [Float] {
    (0..<tensor.elementCount).map { index in
      Float(
        bitPattern: UInt32(
          littleEndian: gguf.file.bytes.loadUnaligned(
            fromByteOffset: tensor.byteOffset + 4 * index, as: UInt32.self)))
    }
  }
}

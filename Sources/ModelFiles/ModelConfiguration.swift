import Serialization

/// Brings the settings of a model into one form, checked, whichever file and version they come from.
///
/// Transformers 4 wrote `rope_theta` and `rope_scaling`, Transformers 5 writes `rope_parameters`;
/// defaults may be left out. After `normalized()` every key a model is built from is there, and every
/// number is in bounds.
struct ModelConfiguration {
  let path: String
  let source: JSONObject
  private let family: ModelFamily

  /// - Parameter source: the settings as a file has them; what they leave out is as the family has it.
  init(path: String, source: JSONObject, family: ModelFamily = .llama) {
    self.path = path
    self.family = family
    var settings = source
    for (key, value) in family.defaults where settings[key] == nil {
      settings[key] = value
    }
    self.source = settings
  }

  /// Sizes above this are in no model; it keeps products of two of them within an `Int`.
  static let maximumSize = 1 << 28

  /// The settings with defaults filled in.
  ///
  /// - Throws: `.malformed` for a missing or impossible value, `.unsupported` for one Lorikeet does
  ///   not compute with.
  func normalized() throws(ModelFileError) -> JSONObject {
    try refuseWhatDiffers()
    var settings = source
    for key in ["hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"] {
      settings[key] = .integer(try size(key))
    }
    let heads = try size("num_attention_heads")
    let keyValueHeads = try size("num_key_value_heads", default: heads)
    let hiddenSize = try size("hidden_size")
    let headSize = try size("head_dim", default: hiddenSize / heads)
    guard heads.isMultiple(of: keyValueHeads) else {
      throw malformed("num_key_value_heads", "is \(keyValueHeads), which does not divide \(heads)")
    }
    guard headSize.isMultiple(of: 2), headSize > 0 else {
      throw malformed("head_dim", "is \(headSize), and rotation needs an even number")
    }
    settings["num_attention_heads"] = .integer(heads)
    settings["num_key_value_heads"] = .integer(keyValueHeads)
    settings["head_dim"] = .integer(headSize)
    settings["max_position_embeddings"] = .integer(
      try size("max_position_embeddings", default: 2_048))
    settings["rms_norm_eps"] = .number(try positive(source["rms_norm_eps"], "rms_norm_eps", 1e-6))
    settings["tie_word_embeddings"] = .bool(try flag("tie_word_embeddings"))
    settings["attention_bias"] = .bool(try flag("attention_bias"))
    settings["mlp_bias"] = .bool(try flag("mlp_bias"))
    settings["torch_dtype"] = source["torch_dtype"] ?? source["dtype"] ?? "float32"
    try normalizeRotation(&settings)
    return settings
  }

  private func normalizeRotation(_ settings: inout JSONObject) throws(ModelFileError) {
    for key in ["rope_parameters", "rope_scaling"] {
      guard let value = source[key], !value.isNull, value.objectValue == nil else { continue }
      throw malformed(key, "is \(value.kindDescription), not an object")
    }
    let written = source["rope_parameters"]?.objectValue
    let newer = family.rotatesLocally ? try member("full_attention", of: written) : written
    let theta = try positive(
      newer?["rope_theta"] ?? source["rope_theta"], "rope_theta", 10_000)
    var parameters = newer ?? source["rope_scaling"]?.objectValue ?? JSONObject()
    let kind = (parameters["rope_type"] ?? parameters["type"])?.stringValue ?? "default"
    parameters["type"] = nil
    parameters["rope_theta"] = nil
    parameters["rope_type"] = .string(kind)
    settings["rope_theta"] = .number(theta)
    settings["rope_scaling"] = kind == "default" ? .null : .object(parameters)
    parameters["rope_theta"] = .number(theta)
    settings["rope_parameters"] = .object(parameters)
    guard family.rotatesLocally else { return }
    let local = try member("sliding_attention", of: written)
    if let kind = (local?["rope_type"] ?? local?["type"])?.stringValue, kind != "default" {
      throw .unsupported(
        path: path, problem: "stretches RoPE of blocks with a window in the way \"\(kind)\"",
        remedy: "use a model that stretches it in the other blocks alone")
    }
    let base = try positive(
      local?["rope_theta"] ?? source["rope_local_base_freq"], "rope_local_base_freq", 10_000)
    settings["rope_local_base_freq"] = .number(base)
    settings["rope_parameters"] = [
      "full_attention": .object(parameters),
      "sliding_attention": ["rope_theta": .number(base), "rope_type": "default"],
    ]
  }

  /// One kind of block's part of `rope_parameters`; nil where there is none.
  private func member(
    _ key: String, of parameters: JSONObject?
  ) throws(ModelFileError) -> JSONObject? {
    guard let value = parameters?[key], !value.isNull else { return nil }
    guard let object = value.objectValue else {
      throw malformed("rope_parameters.\(key)", "is \(value.kindDescription), not an object")
    }
    return object
  }

  private func refuseWhatDiffers() throws(ModelFileError) {
    if let quantization = source["quantization_config"], !quantization.isNull {
      let method = quantization["quant_method"]?.stringValue ?? "an unknown method"
      throw .unsupported(
        path: path, problem: "holds weights quantised by \(method)",
        remedy: "use the model's unquantised folder or a GGUF file")
    }
    for key in ["hidden_act", family.activationKey] {
      guard let activation = source[key]?.stringValue, activation != family.activation.rawValue
      else { continue }
      throw .unsupported(
        path: path, problem: "uses the activation \(activation)",
        remedy: "use a model with \(family.activation.rawValue)")
    }
    if source["use_bidirectional_attention"]?.boolValue == true {
      throw .unsupported(
        path: path, problem: "attends in both directions",
        remedy: "use a model that predicts the next token")
    }
    if let share = source["partial_rotary_factor"]?.doubleValue, share != 1 {
      throw .unsupported(
        path: path, problem: "rotates \(share) of each head",
        remedy: "use a model whose heads are rotated whole")
    }
  }

  private func malformed(_ key: String, _ problem: String) -> ModelFileError {
    .malformed(path: path, place: key, problem: problem)
  }

  private func size(_ key: String, default fallback: Int? = nil) throws(ModelFileError) -> Int {
    guard let value = source[key], !value.isNull else {
      guard let fallback else { throw malformed(key, "is missing") }
      return fallback
    }
    guard let size = value.intValue, (1...Self.maximumSize).contains(size) else {
      throw malformed(
        key, "is \(value.serialized()), not a whole number from 1 to \(Self.maximumSize)")
    }
    return size
  }

  private func positive(
    _ value: JSONValue?, _ key: String, _ fallback: Double
  ) throws(ModelFileError) -> Double {
    guard let value, !value.isNull else { return fallback }
    guard let number = value.doubleValue, number > 0, number.isFinite else {
      throw malformed(key, "is \(value.serialized()), not a number above 0")
    }
    return number
  }

  private func flag(_ key: String) throws(ModelFileError) -> Bool {
    guard let value = source[key], !value.isNull else { return false }
    guard let flag = value.boolValue else {
      throw malformed(key, "is \(value.kindDescription), not true or false")
    }
    return flag
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
internal import Serialization

/// How RoPE's frequencies are changed so that a model reads more text than it was first trained on.
///
/// - SeeAlso: `modeling_rope_utils.py` in Transformers; Chen et al. 2023 (linear), arXiv:2306.15595; Peng et al. 2023
///   (YaRN), arXiv:2309.00071; Llama team 2024, arXiv:2407.21783.
public enum RopeScaling: Sendable, Equatable {
  /// Not at all.
  case none
  /// Every frequency divided by one factor.
  case linear(factor: Double)
  /// Low frequencies divided by a factor, high ones kept.
  case llama3(Llama3RopeScaling)
  /// As with `llama3`, by another ramp, and attention sharpened.
  case yarn(YarnRopeScaling)

  /// What rotated queries and keys are multiplied by; 1 but for YaRN.
  public var attentionFactor: Float {
    if case .yarn(let yarn) = self { Float(yarn.attentionFactor) } else { 1 }
  }

  /// Angles per unit of position, `[headSize / 2]`.
  ///
  /// Rounded to single precision where Transformers rounds them.
  ///
  /// - Parameters:
  ///   - headSize: numbers in a head, an even count.
  ///   - theta: the base, `rope_theta`.
  public func frequencies(headSize: Int, theta: Double) -> [Float] {
    let plain = Self.plainFrequencies(headSize: headSize, theta: theta)
    switch self {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / Float(factor) }
    case .llama3(let scaling):
      return zip(plain, scaling.factors(headSize: headSize, theta: theta)).map { $0 / $1 }
    case .yarn(let yarn): return yarn.frequencies(plain, theta: theta)
    }
  }

  /// `theta^(−2j / headSize)`: in f32 the exponent first, then the power, then its inverse.
  static func plainFrequencies(headSize: Int, theta: Double) -> [Float] {
    stride(from: 0, to: headSize, by: 2).map { index in
      1 / powf(Float(theta), Float(index) / Float(headSize))
    }
  }
}

extension RopeScaling {
  /// Reads the settings of a model.
  ///
  /// - Parameters:
  ///   - settings: normalised; `rope_scaling` is an object or null.
  ///   - path: what errors call the file.
  init(_ settings: JSONObject, path: String) throws(ModelFileError) {
    guard let scaling = settings["rope_scaling"]?.objectValue else {
      self = .none
      return
    }
    let reader = RopeSettings(
      path: path, scaling: scaling,
      contextLength: settings["max_position_embeddings"]?.intValue ?? 0)
    switch scaling["rope_type"]?.stringValue ?? "" {
    case "linear": self = .linear(factor: try reader.number("factor"))
    case "llama3": self = .llama3(try Llama3RopeScaling(reader))
    case "yarn": self = .yarn(try YarnRopeScaling(reader))
    case let kind:
      throw .unsupported(
        path: path, problem: "stretches RoPE in the way \"\(kind)\"",
        remedy: "use a model with one of these: default, linear, llama3, yarn")
    }
  }
}

/// The members of `rope_scaling`, checked.
struct RopeSettings {
  let path: String
  let scaling: JSONObject
  /// Stands in for the original length where that is not given.
  let contextLength: Int

  /// A number above 0, at most 2^40.
  func number(_ key: String, default fallback: Double? = nil) throws(ModelFileError) -> Double {
    guard let value = scaling[key], !value.isNull else {
      if let fallback { return fallback }
      throw malformed(key, "is missing")
    }
    guard let number = value.doubleValue, number >= 0x1p-40, number <= 0x1p40 else {
      throw malformed(key, "is \(value.serialized()), not a number above 0")
    }
    return number
  }

  /// `original_max_position_embeddings`, in tokens.
  func originalLength() throws(ModelFileError) -> Int {
    let key = "original_max_position_embeddings"
    guard let value = scaling[key], !value.isNull else { return contextLength }
    guard let length = value.intValue, (1...ModelConfiguration.maximumSize).contains(length) else {
      throw malformed(
        key,
        "is \(value.serialized()), not a whole number from 1 to \(ModelConfiguration.maximumSize)")
    }
    return length
  }

  func malformed(_ key: String, _ problem: String) -> ModelFileError {
    .malformed(path: path, place: "rope_scaling.\(key)", problem: problem)
  }
}

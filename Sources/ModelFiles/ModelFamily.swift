import Serialization

/// A family of models that share tensors, settings and computation, described by data.
///
/// The two file formats name the same things differently; a family is the dictionary between them, and says
/// what its blocks compute beyond what the blocks of every family do.
struct ModelFamily: Sendable {
  /// What `general.architecture` says in GGUF.
  let ggufArchitecture: String
  /// The GGUF key, after `<architecture>.`, whose presence tells the family from another of that architecture.
  var ggufMark: String?
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
  /// Linear layers with biases.
  var biases: [Biases] = []
  /// Whether queries and keys are normalised head by head before they are rotated.
  var normalizesQueriesAndKeys = false
  /// Which blocks see no further back than `sliding_window`, where the family has such a window.
  var windows: Windows?
  /// Whether `no_rope_layers` says that some blocks do not rotate.
  var skipsRotation = false
  /// What settings are where config.json does not name them, if it is not what they are in Llama.
  var defaults: JSONObject = [:]

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

  /// Linear layers that have a bias.
  struct Biases: Sendable {
    /// The setting that says so; nil where they always have one.
    let key: String?
    /// The layers, by the last part of their names.
    let linears: [String]
  }

  /// How a family says that blocks see a window of `sliding_window` tokens.
  struct Windows: Sendable {
    /// The flag that turns them on; nil where the number alone does.
    let flag: String?
    /// The blocks that have one.
    let blocks: Blocks

    /// Which blocks have a window where config.json has no `layer_types`.
    enum Blocks: Sendable {
      case all
      /// Those from `max_window_layers` on.
      case upper
      /// Those that do not rotate.
      case unrotated
    }
  }
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

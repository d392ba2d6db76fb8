internal import Serialization

/// What the blocks of a model compute beyond their shapes: the settings in which families differ.
public struct BlockSettings: Sendable, Equatable {
  /// Linear layers with a bias, by the last part of their names, such as `q_proj`.
  public var biasedLinears: Set<String> = []
  /// Whether queries and keys are normalised head by head before they are rotated.
  public var normalizesQueriesAndKeys = false
  /// Tokens that a block with a window sees, the asking one included; nil where no block has one.
  public var windowSize: Int?
  /// The blocks that have a window.
  public var windowed = BlockSet.none
  /// The blocks that do not rotate queries and keys.
  public var unrotated = BlockSet.none
  /// How the frequencies of rotation are changed.
  public var ropeScaling = RopeScaling.none
  /// The base of the rotation of blocks with a window, whose frequencies are not changed; nil where it is that of all.
  public var localRopeTheta: Double?
  /// The function of the MLP's gate.
  public var activation = Activation.silu
  /// Whether what attention and the MLP come to is normalised before it is added to the stream.
  public var normalizesOutputs = false
  /// What is added to the weights of norms.
  public var normOffset: Float = 0
  /// What the tokens' embeddings are multiplied by.
  public var embeddingScale: Float = 1
  /// The number whose inverse root is the factor on attention's scores; nil for the size of a head.
  public var queryScalar: Double?
  /// What no score of attention goes beyond, by cap · tanh(score / cap); nil for no bound.
  public var attentionSoftCap: Float?
  /// The same of the logits.
  public var logitSoftCap: Float?

  /// A function of the MLP's gate.
  public enum Activation: String, Sendable, Equatable {
    /// x · σ(x).
    case silu
    /// Half of x · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
    case geluTanh = "gelu_pytorch_tanh"
  }

  /// Some of a model's blocks, by a rule that needs no memory for each of them.
  public enum BlockSet: Sendable, Equatable {
    /// No block.
    case none
    /// Every block.
    case all
    /// The blocks from one on.
    case upper(first: Int)
    /// Each block whose number, counted from 1, is a multiple.
    case every(Int)
    /// All but those.
    case allButEvery(Int)
    /// Those for which a list says so.
    case listed([Bool])

    /// Whether block `index`, counted from 0, is one of them.
    public func contains(_ index: Int) -> Bool {
      switch self {
      case .none: false
      case .all: true
      case .upper(let first): index >= first
      case .every(let step): (index + 1).isMultiple(of: step)
      case .allButEvery(let step): !(index + 1).isMultiple(of: step)
      case .listed(let list): index < list.count && list[index]
      }
    }
  }

  /// Tokens that block `index` sees, the asking one included; nil for all before it.
  public func window(ofBlock index: Int) -> Int? {
    windowed.contains(index) ? windowSize : nil
  }

  /// Whether block `index` rotates queries and keys.
  public func rotates(block index: Int) -> Bool { !unrotated.contains(index) }

  /// Whether block `index` rotates them by `localRopeTheta`.
  public func rotatesLocally(block index: Int) -> Bool {
    localRopeTheta != nil && windowed.contains(index)
  }
}

extension BlockSettings {
  /// Reads what a family's settings say.
  ///
  /// - Parameter settings: normalised.
  init(
    _ family: ModelFamily, _ settings: JSONObject, path: String
  ) throws(ModelFileError) {
    let reader = BlockSettingsReader(path: path, settings: settings)
    for biases in family.biases {
      guard biases.key.map({ settings[$0]?.boolValue == true }) ?? true else { continue }
      biasedLinears.formUnion(biases.linears)
    }
    normalizesQueriesAndKeys = family.normalizesQueriesAndKeys
    if family.skipsRotation { unrotated = try reader.unrotated() }
    if let windows = family.windows, try reader.isOn(windows),
      let size = try reader.windowSize(isRequired: windows.isRequired)
    {
      if let listed = try reader.listedWindows() {
        windowed = listed
      } else {
        windowed = try reader.windowed(windows.blocks, unrotated)
      }
      windowSize = windowed == .none ? nil : size
    }
    ropeScaling = try RopeScaling(settings, path: path)
    if family.rotatesLocally { localRopeTheta = settings["rope_local_base_freq"]?.doubleValue }
    activation = family.activation
    normalizesOutputs = family.normalizesOutputs
    normOffset = family.normOffset
    if family.scalesEmbeddings {
      embeddingScale = Float(settings["hidden_size"]?.intValue ?? 1).squareRoot()
    }
    if family.queryScalar != nil {
      queryScalar = try reader.positive("query_pre_attn_scalar")
    }
    if family.capsAttention {
      attentionSoftCap = try reader.positive("attn_logit_softcapping").map { Float($0) }
    }
    if family.capsLogits {
      logitSoftCap = try reader.positive("final_logit_softcapping").map { Float($0) }
    }
  }
}

/// Reads the settings that say which blocks do what.
private struct BlockSettingsReader {
  let path: String
  let settings: JSONObject

  private var blockCount: Int { settings["num_hidden_layers"]?.intValue ?? 0 }

  func isOn(_ windows: ModelFamily.Windows) throws(ModelFileError) -> Bool {
    guard let key = windows.flag else { return true }
    guard let value = settings[key], !value.isNull else { return false }
    guard let flag = value.boolValue else {
      throw malformed(key, "is \(value.kindDescription), not true or false")
    }
    return flag
  }

  func windowSize(isRequired: Bool) throws(ModelFileError) -> Int? {
    let size = try wholeNumber("sliding_window", from: 1)
    guard size != nil || !isRequired else { throw malformed("sliding_window", "is missing") }
    return size
  }

  /// A number above 0 that single precision holds, and whose inverse it holds; nil for none.
  func positive(_ key: String) throws(ModelFileError) -> Double? {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let number = value.doubleValue, number >= 0x1p-40, number <= 0x1p40 else {
      throw malformed(key, "is \(value.serialized()), not a number above 0")
    }
    return number
  }

  func wholeNumber(_ key: String, from least: Int) throws(ModelFileError) -> Int? {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let number = value.intValue, (least...ModelConfiguration.maximumSize).contains(number)
    else {
      throw malformed(
        key,
        "is \(value.serialized()), not a whole number from \(least) to \(ModelConfiguration.maximumSize)"
      )
    }
    return number
  }

  /// The blocks for which `no_rope_layers` has a 0, or every `no_rope_layer_interval`-th.
  func unrotated() throws(ModelFileError) -> BlockSettings.BlockSet {
    guard let list = try list("no_rope_layers") else {
      return .every(try wholeNumber("no_rope_layer_interval", from: 1) ?? 4)
    }
    var skips: [Bool] = []
    for value in list {
      guard let rotates = value.intValue ?? value.boolValue.map({ $0 ? 1 : 0 }),
        (0...1).contains(rotates)
      else { throw malformed("no_rope_layers", "has a member that is neither 0 nor 1") }
      skips.append(rotates == 0)
    }
    return .listed(skips)
  }

  /// The blocks that `layer_types` gives a window; nil where there is no such list.
  func listedWindows() throws(ModelFileError) -> BlockSettings.BlockSet? {
    guard let list = try list("layer_types") else { return nil }
    var windowed: [Bool] = []
    for value in list {
      switch value.stringValue {
      case "sliding_attention": windowed.append(true)
      case "full_attention": windowed.append(false)
      default:
        throw .unsupported(
          path: path, problem: "has layer_types with \(value.serialized())",
          remedy: "use a model with full_attention and sliding_attention alone")
      }
    }
    return .listed(windowed)
  }

  func windowed(
    _ blocks: ModelFamily.Windows.Blocks, _ unrotated: BlockSettings.BlockSet
  ) throws(ModelFileError) -> BlockSettings.BlockSet {
    switch blocks {
    case .all: return .all
    case .upper: return .upper(first: try wholeNumber("max_window_layers", from: 0) ?? 0)
    case .unrotated: return unrotated
    case .allButEvery(let step):
      return .allButEvery(try wholeNumber("sliding_window_pattern", from: 1) ?? step)
    }
  }

  /// A list with a member for each block.
  private func list(_ key: String) throws(ModelFileError) -> [JSONValue]? {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let list = value.arrayValue, list.count == blockCount else {
      throw malformed(key, "is not a list of \(blockCount), one for each block")
    }
    return list
  }

  private func malformed(_ key: String, _ problem: String) -> ModelFileError {
    .malformed(path: path, place: key, problem: problem)
  }
}

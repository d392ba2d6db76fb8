public import ModelFiles

/// What determines an adapter's shape and scale: PEFT's `LoraConfig`, the part that Lorikeet supports.
public struct LoRAConfiguration: Sendable, Equatable {
  /// Which layers get an adapter.
  public enum Targets: Sendable, Equatable {
    /// Every linear layer but the output head.
    case allLinear
    /// Layers whose path is a name or ends in `.name`.
    case names([String])
    /// Layers whose whole path matches a regular expression.
    case pattern(String)
  }

  /// A regular expression and the value of layers it matches at the end of their path.
  public struct Override<Value: Sendable & Equatable>: Sendable, Equatable {
    /// The pattern, as a key of PEFT's `rank_pattern`.
    public var pattern: String
    /// The value for these layers.
    public var value: Value

    /// Makes an override.
    public init(pattern: String, value: Value) {
      self.pattern = pattern
      self.value = value
    }
  }

  /// Inner dimension: `r`.
  public var rank: Int
  /// Numerator of the scale: `lora_alpha`.
  public var alpha: Double
  /// Share of inputs dropped in training: `lora_dropout`.
  public var dropout: Double
  /// Which layers get an adapter: `target_modules`.
  public var targets: Targets
  /// Which of them do not: `exclude_modules`.
  public var excluded: Targets?
  /// The blocks, from 0, that are adapted: `layers_to_transform`; nil is all.
  public var layers: [Int]?
  /// Whether the scale is `alpha / √rank`: `use_rslora`.
  public var isRankStabilized: Bool
  /// Ranks that differ, the first match counts: `rank_pattern`.
  public var rankOverrides: [Override<Int>]
  /// Alphas that differ, the first match counts: `alpha_pattern`.
  public var alphaOverrides: [Override<Double>]
  /// What A began as, for `init_lora_weights`: `true` or `gaussian`.
  public var isGaussian: Bool
  /// Whether each layer has a vector of magnitudes: `use_dora`.
  public var usesDoRA: Bool

  /// Makes a configuration; what is not given has PEFT's default.
  public init(
    rank: Int = 8, alpha: Double = 8, dropout: Double = 0, targets: Targets = .allLinear,
    excluded: Targets? = nil,
    layers: [Int]? = nil, isRankStabilized: Bool = false, rankOverrides: [Override<Int>] = [],
    alphaOverrides: [Override<Double>] = [], isGaussian: Bool = false, usesDoRA: Bool = false
  ) {
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
    self.excluded = excluded
    self.layers = layers
    self.isRankStabilized = isRankStabilized
    self.rankOverrides = rankOverrides
    self.alphaOverrides = alphaOverrides
    self.isGaussian = isGaussian
    self.usesDoRA = usesDoRA
  }

  /// A linear layer that may be adapted.
  public struct Layer: Sendable, Equatable {
    /// Its Hugging Face path, such as `model.layers.0.self_attn.q_proj`.
    public var name: String
    /// Input features.
    public var inputs: Int
    /// Output features.
    public var outputs: Int
    /// Whether it is the output head, which `all-linear` leaves out.
    public var isHead: Bool
    /// What GGUF calls its weight; nil where it has no name for it.
    public var gguf: GGUFTensorName?

    /// Describes a layer.
    public init(
      name: String, inputs: Int, outputs: Int, isHead: Bool = false, gguf: GGUFTensorName? = nil
    ) {
      self.name = name
      self.inputs = inputs
      self.outputs = outputs
      self.isHead = isHead
      self.gguf = gguf
    }
  }

  /// The modules that this configuration gives the layers of a model, in the model's order.
  ///
  /// - Throws: `LoRAError` where a name or pattern matches nothing, so that no target is lost in silence.
  public func shapes(for layers: [Layer]) throws(LoRAError) -> [LoRAModuleShape] {
    let target = try Matcher(targets)
    let exclude: Matcher?
    if let excluded { exclude = try Matcher(excluded) } else { exclude = nil }
    var ranks: [(ModulePattern, Int)] = []
    for override in rankOverrides {
      ranks.append((try ModulePattern(suffix: override.pattern), override.value))
    }
    var alphas: [(ModulePattern, Double)] = []
    for override in alphaOverrides {
      alphas.append((try ModulePattern(suffix: override.pattern), override.value))
    }

    if case .names(let names) = targets {
      for name in names where !layers.contains(where: { Matcher.matches(name, $0.name) }) {
        throw .targetMatchesNothing(name: name, known: Self.knownNames(layers))
      }
    }
    var shapes: [LoRAModuleShape] = []
    for layer in layers {
      guard try target.matches(layer), try exclude?.matches(layer) != true else { continue }
      if layer.isHead { throw .headIsNotAdaptable(name: layer.name) }
      if let wanted = self.layers {
        guard let index = Self.blockIndex(layer.name), wanted.contains(index) else { continue }
      }
      shapes.append(
        LoRAModuleShape(
          name: layer.name, inputs: layer.inputs, outputs: layer.outputs,
          rank: try Self.first(ranks, matching: layer.name) ?? rank,
          alpha: try Self.first(alphas, matching: layer.name) ?? alpha,
          isRankStabilized: isRankStabilized, hasMagnitude: usesDoRA))
    }
    if shapes.isEmpty { throw .nothingTargeted(known: Self.knownNames(layers)) }
    return shapes
  }

  private static func first<Value>(
    _ overrides: [(ModulePattern, Value)], matching name: String
  ) throws(LoRAError) -> Value? {
    for (pattern, value) in overrides where try pattern.matches(name) { return value }
    return nil
  }

  /// Refuses blocks that the model does not have, which otherwise would be left out in silence.
  ///
  /// Not part of `shapes`: adapters that exist may name such blocks, as PEFT allows.
  ///
  /// - Throws: `LoRAError.noSuchBlock`.
  public func checkBlocks(of layers: [Layer]) throws(LoRAError) {
    let count = (layers.compactMap { Self.blockIndex($0.name) }.max() ?? -1) + 1
    for block in self.layers ?? [] where !(0..<count).contains(block) {
      throw .noSuchBlock(block: block, count: count)
    }
  }

  /// The number of the block that a layer's path names, as in `model.layers.7.mlp.up_proj`.
  static func blockIndex(_ name: String) -> Int? {
    name.split(separator: ".").compactMap { Int($0) }.first
  }

  private static func knownNames(_ layers: [Layer]) -> [String] {
    var names: [String] = []
    for layer in layers where !layer.isHead {
      let last = String(layer.name.split(separator: ".").last ?? "")
      if !names.contains(last) { names.append(last) }
    }
    return names
  }

  private struct Matcher {
    let targets: Targets
    let pattern: ModulePattern?

    init(_ targets: Targets) throws(LoRAError) {
      self.targets = targets
      if case .pattern(let text) = targets {
        pattern = try ModulePattern(whole: text)
      } else {
        pattern = nil
      }
    }

    static func matches(_ name: String, _ path: String) -> Bool {
      path == name || path.hasSuffix("." + name)
    }

    func matches(_ layer: Layer) throws(LoRAError) -> Bool {
      switch targets {
      case .allLinear: !layer.isHead
      case .names(let names): names.contains { Self.matches($0, layer.name) }
      case .pattern: try pattern?.matches(layer.name) ?? false
      }
    }
  }
}

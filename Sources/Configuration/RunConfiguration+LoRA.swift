extension RunConfiguration {
  /// The adapter: section `lora`, the keys of PEFT's `LoraConfig`; of no account where `trainsAllWeights`.
  public struct LoRA: Sendable, Equatable {
    /// The inner dimension of the two adapter matrices: `r`.
    public var rank: Int
    /// The adapter's output is scaled by `alpha / rank`: `lora_alpha`.
    public var alpha: Double
    /// The share of a layer's inputs that the adapter does not see in a training step: `lora_dropout`.
    public var dropout: Double
    /// The linear layers that get an adapter.
    public var targetModules: ModuleSelection
    /// The linear layers among them that get none, or `nil`.
    public var excludeModules: ModuleSelection?
    /// The transformer blocks, from 0, whose layers get an adapter, or `nil` for all.
    public var layersToTransform: [Int]?
    /// Ranks of layers that differ; the first pattern that matches a layer's name counts.
    public var rankPattern: [ModuleOverride<Int>]
    /// Alphas of layers that differ; the first pattern that matches a layer's name counts.
    public var alphaPattern: [ModuleOverride<Double>]
    /// Whether the scale is `alpha / √rank`: Kalajdzievski 2023, arXiv:2312.03732.
    public var useRSLoRA: Bool
    /// Whether direction and magnitude are learnt apart (DoRA, arXiv:2402.09353).
    public var useDoRA: Bool
    /// How the adapter matrices start.
    public var initLoRAWeights: LoRAInitialization
    /// Further modules trained whole and saved with the adapter.
    public var modulesToSave: [String]
    /// A PEFT folder whose adapter the run continues from, or `nil`.
    public var initAdapter: String?

    /// Makes the section; what is not given has its default.
    public init(
      rank: Int = 8, alpha: Double = 8, dropout: Double = 0,
      targetModules: ModuleSelection = .allLinear, excludeModules: ModuleSelection? = nil,
      layersToTransform: [Int]? = nil, rankPattern: [ModuleOverride<Int>] = [],
      alphaPattern: [ModuleOverride<Double>] = [], useRSLoRA: Bool = false, useDoRA: Bool = false,
      initLoRAWeights: LoRAInitialization = .kaimingUniform, modulesToSave: [String] = [],
      initAdapter: String? = nil
    ) {
      self.rank = rank
      self.alpha = alpha
      self.dropout = dropout
      self.targetModules = targetModules
      self.excludeModules = excludeModules
      self.layersToTransform = layersToTransform
      self.rankPattern = rankPattern
      self.alphaPattern = alphaPattern
      self.useRSLoRA = useRSLoRA
      self.useDoRA = useDoRA
      self.initLoRAWeights = initLoRAWeights
      self.modulesToSave = modulesToSave
      self.initAdapter = initAdapter
    }
  }

  /// A choice of linear layers by the name of their module, as PEFT's `target_modules`.
  public enum ModuleSelection: Sendable, Equatable {
    /// Every linear layer but the output head.
    case allLinear
    /// The modules of these names: whole, or the last components such as `q_proj`.
    case names([String])
    /// The modules whose whole name matches a regular expression.
    case pattern(String)
  }

  /// A value for the modules that a pattern matches, as an entry of PEFT's `rank_pattern`.
  public struct ModuleOverride<Value: Sendable & Equatable>: Sendable, Equatable {
    /// A regular expression for the end of a module's name, from a dot or from its start.
    public var pattern: String
    /// The value for these modules.
    public var value: Value

    /// Makes an entry.
    public init(pattern: String, value: Value) {
      self.pattern = pattern
      self.value = value
    }
  }

  /// How the adapter matrices start: PEFT's `init_lora_weights`.
  public enum LoRAInitialization: String, Sendable, CaseIterable {
    /// A uniform in ±1/√in, B zero.
    case kaimingUniform = "true"
    /// A normal with standard deviation 1/rank, B zero.
    case gaussian
    /// A and B uniform: the adapter changes the model from the start; for tests.
    case random = "false"
    /// The principal singular values and vectors: Meng et al. 2024, arXiv:2404.02948.
    case pissa
    /// The QR decomposition: Büyükakyüz 2024, arXiv:2406.01775.
    case olora
    /// A and B with orthogonal rows and columns.
    case orthogonal
    /// The quantisation's error: Li et al. 2023, arXiv:2310.08659.
    case loftq
    /// The singular vectors of a layer's inputs: Paischer et al. 2024, arXiv:2410.07170.
    case eva
    /// The singular vectors of a layer's inputs' covariance: Yang et al. 2024, arXiv:2406.05223.
    case corda
  }
}

public import CausalLM
public import Configuration
public import LoRA
public import Quantization
public import Serialization

extension LoRAConfiguration {
  /// The adapter that a run's configuration asks for.
  public init(_ lora: RunConfiguration.LoRA) {
    func targets(_ selection: RunConfiguration.ModuleSelection) -> Targets {
      switch selection {
      case .allLinear: .allLinear
      case .names(let names): .names(names)
      case .pattern(let pattern): .pattern(pattern)
      }
    }
    self.init(
      rank: lora.rank, alpha: lora.alpha, dropout: lora.dropout,
      targets: targets(lora.targetModules),
      excluded: lora.excludeModules.map(targets), layers: lora.layersToTransform,
      isRankStabilized: lora.useRSLoRA,
      rankOverrides: lora.rankPattern.map { .init(pattern: $0.pattern, value: $0.value) },
      alphaOverrides: lora.alphaPattern.map { .init(pattern: $0.pattern, value: $0.value) },
      isGaussian: lora.initLoRAWeights == .gaussian, usesDoRA: lora.useDoRA)
  }
}

extension RunConfiguration.Compute {
  /// Asks for `arithmetic` by name.
  public init(_ arithmetic: Arithmetic) {
    switch arithmetic {
    case .f32: self = .f32
    case .w8a16: self = .w8a16
    case .w8a8: self = .w8a8
    }
  }
}

extension Arithmetic {
  /// What a run's configuration asks for, on this CPU.
  public init(_ compute: RunConfiguration.Compute) {
    switch compute {
    case .automatic: self = .automatic
    case .f32: self = .f32
    case .w8a16: self = .w8a16
    case .w8a8: self = .w8a8
    }
  }
}

extension LoRAAdapter {
  /// The adapter that a run begins with: freshly drawn, or read from `lora.init_adapter`.
  ///
  /// - Parameters:
  ///   - isResuming: leaves out what takes long, since a checkpoint's numbers will take the place of these.
  ///   - progress: hears of the layers whose weights are decomposed for PiSSA.
  /// - Throws: `LoRAError` where the settings do not fit the model, and what reading an adapter throws.
  public static func starting(
    _ lora: RunConfiguration.LoRA, for model: CausalLM, seed: UInt64, isResuming: Bool = false,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> LoRAAdapter {
    if let path = lora.initAdapter {
      return try LoRAAdapter.read(path, for: model.adaptableLayers)
    }
    let isPrincipal = lora.initLoRAWeights == .pissa
    let configuration =
      isPrincipal ? LoRAConfiguration(lora).doubled : LoRAConfiguration(lora)
    try configuration.checkBlocks(of: model.adaptableLayers)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration,
      learnsHalf: isPrincipal)
    if isPrincipal {
      if !isResuming {
        try adapter.initializePrincipal(weight: model.weight(named:), progress: progress)
      }
    } else {
      adapter.initialize(configuration.isGaussian ? .gaussian : .kaimingUniform, seed: seed)
    }
    model.updateMagnitudes(of: adapter, initializing: true)
    return adapter
  }
}

extension RunConfiguration {
  /// The settings that determine a run's numbers, key by key: a resume must agree on each.
  ///
  /// What only determines when something is reported, validated or saved is left out, and what only saves time.
  public var numericIdentity: JSONObject {
    let free = [
      "output_dir", "logging_steps", "eval_strategy", "eval_steps", "save_strategy", "save_steps",
      "save_total_limit", "max_memory",
      "per_device_eval_batch_size", "path", "train", "validation", "retention",
      "load_best_model_at_end",
      "metric_for_best_model",
      "early_stopping_patience", "max_forgetting", "trunk_cache", "samples", "sample_prompts",
    ]
    var identity = JSONObject()
    var section = ""
    for line in resolvedYAML().split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("#") else { continue }
      let key = line[..<colon].drop { $0 == " " }
      if !line.hasPrefix(" ") { section = String(key) }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      if !value.isEmpty, !free.contains(String(key)) {
        identity["\(section).\(key)"] = .string(String(value))
      }
    }
    return identity
  }
}

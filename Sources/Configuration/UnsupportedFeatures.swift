/// A feature that the schema knows and the engine does not do yet.
struct UnsupportedFeature: Sendable {
  let key: String
  /// What to do instead.
  let remedy: String
  let isUsed: @Sendable (RunConfiguration) -> Bool

  /// The whole list.
  ///
  /// Implementing a feature ends with deleting its entry.
  static let all: [UnsupportedFeature] = [
    UnsupportedFeature(key: "lora.init_lora_weights", remedy: "use true, gaussian or pissa") {
      ![.kaimingUniform, .gaussian, .pissa].contains($0.lora.initLoRAWeights)
    },
    UnsupportedFeature(
      key: "lora.modules_to_save", remedy: "remove it; only adapters on linear layers are trained"
    ) {
      !$0.lora.modulesToSave.isEmpty
    },
    UnsupportedFeature(key: "training.optim", remedy: "use adamw") {
      $0.training.optim != .adamW
    },
  ]
}

extension ConfigurationSettings {
  /// Refuses what the engine does not do yet.
  func checkSupport(of configuration: RunConfiguration) throws(ConfigurationError) {
    for feature in UnsupportedFeature.all where feature.isUsed(configuration) {
      throw .unsupported(
        key: feature.key, explanation: feature.remedy, place: place(of: feature.key))
    }
  }
}

/// Everything that determines a fine-tuning run.
///
///     let run = RunConfiguration(
///       model: .init(path: "model.gguf", loadIn4Bit: true),
///       data: .init(train: ["train.jsonl"]),
///       lora: .init(rank: 16, alpha: 32),
///       training: .init(outputDir: "runs/first", learningRate: 2e-4))
///
/// The on-disk keys are those of PEFT, Transformers, TRL and bitsandbytes. A Swift name is the key in camel
/// case, without the prefix that the section already says: `lora.lora_alpha` is `lora.alpha`, `lora.r` is
/// `lora.rank`, `model.bnb_4bit_quant_type` is `model.quantType`. ``schema`` lists every key.
public struct RunConfiguration: Sendable, Equatable {
  /// The base model and its precision.
  public var model: Model
  /// The examples to learn from and to validate on.
  public var data: Data
  /// The adapter.
  public var lora: LoRA
  /// The loop: steps, optimiser, schedule, evaluation, checkpoints.
  public var training: Training

  /// Makes a configuration; what is not given has the default of ``schema``.
  ///
  /// Values are not checked here; ``validate()`` does.
  public init(model: Model, data: Data, lora: LoRA = LoRA(), training: Training) {
    self.model = model
    self.data = data
    self.lora = lora
    self.training = training
  }
}

extension RunConfiguration {
  /// Reads the YAML file `path`, then lets `overrides` replace what it says.
  ///
  /// - Parameters:
  ///   - path: The file. Paths inside it are relative to the working directory, not to the file.
  ///   - overrides: Each `key=value` with a dotted key, such as `training.learning_rate=1e-4`. A value that
  ///     starts with `[`, `{` or a quote is YAML; any other is taken as it stands.
  /// - Throws: ``ConfigurationError`` with the place of the first fault.
  public static func load(
    path: String, overrides: [String] = []
  ) throws(ConfigurationError) -> RunConfiguration {
    let bytes = try ConfigurationFile.read(path)
    return try RunConfiguration(yaml: bytes, name: path, overrides: overrides)
  }

  /// Reads `yaml`, then lets `overrides` replace what it says; see ``load(path:overrides:)``.
  ///
  /// - Parameters:
  ///   - yaml: The text of a configuration file, UTF-8.
  ///   - name: What error messages call the text.
  ///   - overrides: Each `key=value` with a dotted key.
  /// - Throws: ``ConfigurationError`` with the place of the first fault.
  public init(
    yaml: [UInt8], name: String, overrides: [String] = []
  ) throws(ConfigurationError) {
    self = try Self.read(yaml: yaml, name: name, overrides: overrides)
  }

  /// Checks every value against its bound, and the values against each other.
  ///
  /// A configuration that was read has passed; one made in code has not been looked at.
  ///
  /// - Throws: ``ConfigurationError`` for the first value out of bounds, contradiction, or feature that is
  ///   not supported yet.
  public func validate() throws(ConfigurationError) {
    // Reading its own text back puts each value through the one table that knows the bounds.
    _ = try RunConfiguration(yaml: Array(resolvedYAML().utf8), name: "")
  }

  /// Every key with its type, bound, default and meaning, in the order of the reference.
  public static var schema: [ConfigurationKey<RunConfiguration>] { table.keys }
}

extension RunConfiguration: TabledConfiguration {
  static var table: ConfigurationTable<RunConfiguration> { ConfigurationSchema.table }

  static let defaults = RunConfiguration(
    model: Model(path: ""), data: Data(train: []), training: Training(outputDir: ""))

  func check(_ settings: ConfigurationSettings<RunConfiguration>) throws(ConfigurationError) {
    try settings.checkConsistency(of: self)
    try settings.checkSupport(of: self)
  }
}

/// Everything that determines a comparison: a run's configuration, and a section `compare`.
///
/// What a run learns from, `data.train`, are questions with answers here; `training.output_dir` is the comparison's
/// folder; `compare.seeds` stand in place of `training.seed`.
public struct ComparisonConfiguration: Sendable, Equatable {
  /// Model, data, adapter and loop, as for training.
  public var run: RunConfiguration
  /// What is compared.
  public var compare: Compare

  /// Makes a configuration; what is not given has the default of ``schema``.
  public init(run: RunConfiguration, compare: Compare) {
    self.run = run
    self.compare = compare
  }

  /// Reads the YAML file `path`, then lets `overrides` replace what it says; as ``RunConfiguration`` does.
  ///
  /// - Throws: ``ConfigurationError`` with the place of the first fault.
  public static func load(
    path: String, overrides: [String] = []
  ) throws(ConfigurationError) -> ComparisonConfiguration {
    let bytes = try ConfigurationFile.read(path)
    return try ComparisonConfiguration(yaml: bytes, name: path, overrides: overrides)
  }

  /// Reads `yaml`, then lets `overrides` replace what it says.
  ///
  /// - Throws: ``ConfigurationError`` with the place of the first fault.
  public init(
    yaml: [UInt8], name: String, overrides: [String] = []
  ) throws(ConfigurationError) {
    self = try Self.read(yaml: yaml, name: name, overrides: overrides)
  }

  /// Every key with its type, bound, default and meaning: a run's, and those of a comparison.
  public static var schema: [ConfigurationKey<ComparisonConfiguration>] { table.keys }

  /// Every key with this configuration's value, as a YAML file that loads to an equal configuration.
  public func resolvedYAML() -> String { ConfigurationWriter.yaml(of: self, isDocumented: false) }
}

extension ComparisonConfiguration: TabledConfiguration {
  static var table: ConfigurationTable<ComparisonConfiguration> { ComparisonSchema.table }

  static let defaults = ComparisonConfiguration(run: .defaults, compare: Compare(questions: []))

  func check(
    _ settings: ConfigurationSettings<ComparisonConfiguration>
  ) throws(ConfigurationError) {
    try settings.checkConsistency(of: run)
    try settings.checkSupport(of: run)
    try checkRetrieval(settings)
    for (key, values) in [
      ("compare.arms", compare.arms.map(\.rawValue)),
      ("compare.seeds", compare.seeds.map(String.init)),
      ("compare.learning_curve", compare.learningCurve.map(YAMLText.number)),
      ("compare.distractor_robustness", compare.distractorRobustness.map(String.init)),
    ] {
      if let twice = values.indices.first(where: { values[..<$0].contains(values[$0]) }) {
        throw settings.contradiction(key, "\(values[twice]) stands there twice; keep one")
      }
    }
    try checkOnDemand(settings)
    if compare.metric == .call, compare.callArguments.isEmpty {
      throw settings.contradiction(
        "compare.metric", "the score of calls needs compare.call_arguments, those that are compared"
      )
    }
    let asksCommand = compare.metric == .command
    if asksCommand != (compare.metricCommand != nil) {
      throw settings.contradiction(
        asksCommand ? "compare.metric" : "compare.metric_command",
        asksCommand
          ? "the score of a command needs compare.metric_command"
          : "it is run where compare.metric is command; set that, or remove it")
    }
  }

  private func checkOnDemand(
    _ settings: ConfigurationSettings<ComparisonConfiguration>
  ) throws(ConfigurationError) {
    let parts: [(key: String, count: Int, needs: [Arm], names: String)] = [
      ("compare.learning_curve", compare.learningCurve.count, [.tuned], "tuned"),
      (
        "compare.distractor_robustness", compare.distractorRobustness.count,
        [.retrieval, .tunedRetrieval], "retrieval or tuned-retrieval"
      ),
    ]
    for part in parts where part.count > 0 {
      if part.count < 2 {
        throw settings.contradiction(part.key, "one number shows no course; give two or more")
      }
      if !part.needs.contains(where: compare.arms.contains) {
        throw settings.contradiction(
          part.key, "it is of the arm \(part.names), which compare.arms leaves out; add it")
      }
      if compare.metric == .command {
        throw settings.contradiction(
          part.key, "it cannot be had with the score of a command; choose another compare.metric")
      }
    }
  }

  private func checkRetrieval(
    _ settings: ConfigurationSettings<ComparisonConfiguration>
  ) throws(ConfigurationError) {
    if compare.documents != nil, compare.knowledgeBase != nil {
      throw settings.contradiction(
        "compare.knowledge_base", "compare.documents is set too; remove one of the two")
    }
    let arm = compare.arms.first { $0 == .retrieval || $0 == .tunedRetrieval }
    if let arm, compare.documents == nil, compare.knowledgeBase == nil {
      throw settings.contradiction(
        "compare.arms",
        "the arm \(arm.rawValue) needs compare.documents or compare.knowledge_base; set one, or leave the arm out"
      )
    }
    if let method = compare.searchMethod, method != .bm25, compare.encoder == nil {
      throw settings.contradiction(
        "compare.search_method",
        "\(method.rawValue) searches by meaning, which needs compare.encoder; set it, or use bm25")
    }
    if compare.chunkOverlap >= compare.chunkSize {
      throw settings.contradiction(
        "compare.chunk_overlap",
        "passages of \(compare.chunkSize) characters cannot share \(compare.chunkOverlap); it is less than compare.chunk_size"
      )
    }
  }
}

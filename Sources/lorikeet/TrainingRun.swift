import CausalLM
import Configuration
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import Tokenization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// A training run from its configuration to its adapter, or to a model where all weights are trained, for every command that trains.
struct TrainingRun {
  /// How a run begins.
  enum Start {
    /// In a folder that is not there yet.
    case anew
    /// From a checkpoint of its folder, the newest where none is named.
    case resuming(from: String?, allowsChanges: Bool)

    var isResuming: Bool { if case .resuming = self { true } else { false } }
  }

  /// The run's folder.
  let folder: RunFolder
  /// How it went.
  let summary: TrainingSummary
  /// The same as `run.json` has it.
  let json: JSONObject
  /// Whether it ends with a model and not with an adapter.
  let isFullModel: Bool

  /// Trains.
  ///
  /// Everything that a user's file can be wrong in is read before anything is written. Interrupted, it ends with a
  /// checkpoint, and `summary` says so.
  init(_ requested: RunConfiguration, _ start: Start, _ console: Console) throws {
    let folder = RunFolder(requested.training.outputDir)
    if case .anew = start, access(folder.path, F_OK) == 0 {
      throw TrainingError.outputExists(path: folder.path)
    }
    var lock: RunLock?
    if case .resuming = start {
      guard access(folder.path, F_OK) == 0 else {
        throw TrainingError.nothingToResume(path: folder.path)
      }
      lock = try RunLock(folder: folder.path)
    }
    defer { withExtendedLifetime(lock) {} }

    let session = try TrainingSession(requested, isResuming: start.isResuming, console)
    let (configuration, run, file) = (session.configuration, session.run, session.file)

    let record = AdapterRecord(
      baseName: file.displayName, baseHash: try ModelSession.contentHash(of: file, console),
      precision: session.precision.name,
      isDoubleQuantized: configuration.model.useDoubleQuant,
      templateHash: session.template.map { Self.hash(Array($0.source.utf8)) } ?? "",
      dataHash: try Self.dataHash(configuration.data.train))
    var identity = configuration.numericIdentity
    identity["base_sha256"] = .string(record.baseHash)
    identity["data_sha256"] = .string(record.dataHash)
    identity["kernels"] = .string("\(KernelPath.active)")

    if case .resuming(let checkpoint, let allowsChanges) = start {
      let used = try folder.resume(
        run, from: checkpoint, identity: identity,
        allowsDifferences: allowsChanges
      ) { console.note("warning: \($0)") }
      console.note("resuming from \(used)")
    } else {
      try folder.create(configuration)
      lock = try RunLock(folder: folder.path)
    }
    run.trunkCachePlace = TrunkCache.Place(
      path: folder.trunkCache, base: "\(record.baseHash) \(session.precision)")
    console.note(
      "memory: \(Format.megabytes(run.memoryPlan.totalBytes)) planned, \(run.memoryPlan.choices)")
    let report = try TrainingReport(session, folder: folder, console: console)
    let reporter = TrainReporter(run: run, folder: folder, report: report, console: console)
    Interrupt.install()
    let summary = try run.run(
      save: { run in
        try folder.save(
          run, identity: identity, baseModel: configuration.model.path,
          limit: configuration.training.saveTotalLimit)
      }, listener: reporter.hear)
    if let error = reporter.error { throw error }

    if run.adapter.isFullModel {
      try Self.writeModel(run.adapter, of: file, to: folder, console)
    } else {
      try Self.writeAdapter(run.adapter, record, to: folder, baseModel: configuration.model.path)
    }
    let json = Self.summaryJSON(summary, run, configuration, file)
    try folder.write(JSONValue.object(json).serialized(pretty: true) + "\n", to: "run.json")
    report.finish(json, outcome: summary.outcome)
    (self.folder, self.summary, self.json) = (folder, summary, json)
    isFullModel = run.adapter.isFullModel
  }

  private static func hash(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.hexadecimalDigest()
  }

  private static func dataHash(_ paths: [String]) throws -> String {
    var hash = SHA256()
    for path in paths { try MappedFile(path: path).withBytes { hash.update($0) } }
    return hash.hexadecimalDigest()
  }

  private static func writeAdapter(
    _ adapter: LoRAAdapter, _ record: AdapterRecord, to folder: RunFolder, baseModel: String
  ) throws {
    try folder.replaceAdapter { staging in
      try AdapterFolder.write(adapter, to: staging, baseModel: baseModel)
      try record.write(to: staging)
    }
  }

  /// Writes the weights as they were trained, in f32, with the base's settings and tokenizer.
  private static func writeModel(
    _ weights: LoRAAdapter, of file: ModelFile, to folder: RunFolder, _ console: Console
  ) throws {
    try folder.replaceModel { path in
      try console.stage("writing the model", in: .bytes) { progress in
        _ = try HuggingFaceWriter.write(
          file, to: path, as: .f32,
          rows: { tensor, range, values in
            guard let base = values.baseAddress else { return }
            weights.wholeWeight(named: tensor)?.read(range, into: base)
          }, progress: progress)
      }
    }
  }

  private static func summaryJSON(
    _ summary: TrainingSummary, _ run: FineTuning, _ configuration: RunConfiguration,
    _ file: ModelFile
  ) -> JSONObject {
    var json = JSONObject()
    json["outcome"] = .string(summary.outcome.rawValue)
    json["steps"] = .integer(summary.steps)
    json["final_loss"] = .number(summary.finalLoss)
    json["best_validation_loss"] = summary.bestValidationLoss.map { .number($0) } ?? .null
    json["best_step"] = summary.bestStep.map { .integer($0) } ?? .null
    if let before = summary.retentionLossBefore, let loss = summary.retentionLoss {
      json["retention_loss_before"] = .number(before)
      json["retention_loss"] = .number(loss)
    }
    json["trained_tokens"] = .integer(summary.trainedTokens)
    json["supervised_tokens"] = .integer(summary.supervisedTokens)
    json["tokens_per_second"] = .number(
      Double(summary.trainedTokens) / max(summary.stepSeconds, 1e-9))
    json["peak_rss_bytes"] = .integer(Process.peakResidentBytes)
    json["planned_memory_bytes"] = .integer(run.memoryPlan.totalBytes)
    json["memory_plan"] = .string(run.memoryPlan.choices)
    json["seconds"] = .number(summary.seconds)
    json["seed"] = .integer(Int(clamping: configuration.training.seed))
    json["threads"] = .integer(Parallel.threads)
    json["compute"] = .string(configuration.training.compute.rawValue)
    json["kernels"] = .string("\(KernelPath.active)")
    json["model"] = .string(file.displayName)
    json["versions"] = .object(JSONObject([("lorikeet", .string(Version.text))]))
    return json
  }
}

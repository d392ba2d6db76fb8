import CausalLM
import Configuration
import Datasets
import Inference
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

/// `lorikeet train`.
enum TrainCommand: Command {
  static let name = "train"
  static let summary = "fine-tunes a model as a YAML configuration says"
  static let positional = ["CONFIG.yaml"]
  static let flags = [
    Flag(
      name: "--set", value: "key=value",
      help: "replaces a key, such as training.learning_rate=1e-4", isRepeatable: true),
    Flag(
      name: "--resume", value: "PATH",
      help: "continues the run in output_dir, or in PATH, from its newest checkpoint",
      hasOptionalValue: true),
    Flag(
      name: "--allow-changes", value: nil,
      help: "resumes although configuration, base or data have changed since"),
    Flag(name: "--output", value: "DIR", help: "the run folder, in place of training.output_dir"),
  ]
  static let example = "lorikeet train configs/support.yaml --set training.num_train_epochs=1"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    var overrides = arguments.strings("--set")
    if let output = arguments.string("--output") {
      overrides.append("training.output_dir=\(output)")
    }
    var requested = try RunConfiguration.load(
      path: arguments.positional[0], overrides: overrides)
    let resumePath = arguments.string("--resume")
    var checkpoint: String?
    if let resumePath, !resumePath.isEmpty {
      (requested.training.outputDir, checkpoint) = resumption(resumePath)
    }
    let folder = RunFolder(requested.training.outputDir)
    if resumePath == nil, access(folder.path, F_OK) == 0 {
      throw TrainingError.outputExists(path: folder.path)
    }
    var lock: RunLock?
    if resumePath != nil {
      guard access(folder.path, F_OK) == 0 else {
        throw TrainingError.nothingToResume(path: folder.path)
      }
      lock = try RunLock(folder: folder.path)
    }
    defer { withExtendedLifetime(lock) {} }

    // Everything that a user's file can be wrong in is read before anything is written.
    let session = try TrainingSession(requested, isResuming: resumePath != nil, console)
    let (configuration, run, file) = (session.configuration, session.run, session.file)

    let record = AdapterRecord(
      baseName: file.displayName, baseHash: try ModelSession.contentHash(of: file, console),
      precision: session.precision.name,
      isDoubleQuantized: configuration.model.useDoubleQuant,
      templateHash: session.template.map { hash(Array($0.source.utf8)) } ?? "",
      dataHash: try dataHash(configuration.data.train))
    var identity = configuration.numericIdentity
    identity["base_sha256"] = .string(record.baseHash)
    identity["data_sha256"] = .string(record.dataHash)
    identity["kernels"] = .string("\(KernelPath.active)")

    if resumePath != nil {
      let used = try folder.resume(
        run, from: checkpoint, identity: identity,
        allowsDifferences: arguments.has("--allow-changes")
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

    try writeAdapter(run.adapter, record, to: folder, baseModel: configuration.model.path)
    let json = summaryJSON(summary, run, configuration, file)
    try folder.write(JSONValue.object(json).serialized(pretty: true) + "\n", to: "run.json")
    report.finish(json, outcome: summary.outcome)
    try console.json(json)
    let outcome = summary.outcome == .interrupted ? "stopped after step \(summary.steps)" : "done"
    console.print(
      "\(outcome): \(summary.steps) steps, \(summary.trainedTokens) tokens in \(Format.duration(summary.seconds)) (\(Int(Double(summary.trainedTokens) / max(summary.stepSeconds, 1e-9))) tokens/s), loss \(Format.fixed(summary.finalLoss, 4))"
    )
    if let best = summary.bestValidationLoss {
      console.print(
        "best validation loss \(Format.fixed(best, 4)) at step \(summary.bestStep ?? 0)")
    }
    if summary.outcome == .forgot {
      console.note(
        "stopped: the loss on data.retention rose beyond training.max_forgetting; the adapter is the last that was within it"
      )
    }
    console.print("adapter: \(folder.adapter)")
    console.print("report: \(folder.path)/report.html")
    if summary.outcome == .interrupted {
      let settings = arguments.strings("--set").map { " --set \(ShellText.quoted($0))" }.joined()
      console.note(
        "continue with: lorikeet train \(arguments.positional[0])\(settings) --resume \(folder.path)"
      )
      exit(130)
    }
  }

  /// What a path for `--resume` means: a run folder, or a checkpoint in one.
  private static func resumption(_ path: String) -> (folder: String, checkpoint: String?) {
    let parts = path.trimmingSuffix("/").split(separator: "/", omittingEmptySubsequences: false)
    guard let index = parts.lastIndex(of: "checkpoints"), index > 0, index + 2 == parts.count else {
      return (path, nil)
    }
    return (parts[..<index].joined(separator: "/"), path)
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

/// Turns a run's events into metrics and progress.
final class TrainReporter {
  private let run: FineTuning
  private let folder: RunFolder
  private let trainingReport: TrainingReport
  private let console: Console
  private var mean: Double?
  private(set) var error: (any Error)?

  init(run: FineTuning, folder: RunFolder, report: TrainingReport, console: Console) {
    self.run = run
    self.folder = folder
    trainingReport = report
    self.console = console
  }

  func hear(_ event: TrainingEvent) -> TrainingDecision {
    do {
      try report(event)
    } catch {
      // A run whose metrics cannot be written is stopped with a checkpoint rather than going on unseen.
      self.error = self.error ?? error
      return .stop
    }
    return Interrupt.isRequested || error != nil ? .stop : .resume
  }

  private func report(_ event: TrainingEvent) throws {
    switch event {
    case .started: trainingReport.begin()
    case .step(let step):
      mean = mean.map { 0.9 * $0 + 0.1 * step.loss } ?? step.loss
      if step.step % run.configuration.loggingSteps == 0 || step.step == run.totalSteps {
        try log(step)
        trainingReport.add(step)
      }
      trainingReport.renew()
      let left =
        Double(run.totalSteps - step.step) * run.state.stepSeconds / Double(max(1, step.step))
      console.progress(progress(step, secondsLeft: left), isLast: step.step == run.totalSteps)
    case .validation(let step, let epoch, let loss, let isBest):
      var line = JSONObject()
      line["step"] = .integer(step)
      line["epoch"] = .number(epoch)
      line["validation_loss"] = .number(loss)
      try folder.log(line)
      console.note(
        "step \(step): validation loss \(Format.fixed(loss, 4))\(isBest ? ", the best so far" : "")"
      )
      trainingReport.addValidation(step: step, loss: loss)
    case .retention(let step, let loss, let before):
      var line = JSONObject()
      line["step"] = .integer(step)
      line["retention_loss"] = .number(loss)
      try folder.log(line)
      console.note(
        "step \(step): loss on retention data \(Format.fixed(loss, 4))"
          + (step > 0 ? ", \(Format.change(loss / before - 1)) since the start" : ""))
      trainingReport.addRetention(step: step, loss: loss)
    case .validationProgress(let done, let of): console.progress("validation \(done)/\(of)")
    case .checkpoint: break
    case .lossSpike(let step, let loss, let mean, let examples):
      console.note(
        "warning: step \(step): loss \(Format.fixed(loss, 4)) after a mean of \(Format.fixed(mean, 4)); its rows of highest loss are \(examples.joined(separator: ", "))"
      )
    case .deadModules(let step, let names):
      console.note(
        "warning: step \(step): \(names.count) of \(run.adapter.modules.count) adapted layers have learnt nothing, among them \(names[0])"
      )
    case .stoppedEarly(let step, let best):
      console.note("step \(step): validation has not improved since step \(best); stopping")
    case .trunkCache(let path, let bytes, let blocks, let examplesKept):
      console.note(
        "keeps \((bytes + 999_999) / 1_000_000) MB of activations in \(path), computed once and read again each epoch: what the lowest \(blocks) of \(run.model.configuration.layerCount) blocks give"
          + (examplesKept > 0 ? "; \(examplesKept) rows are there from before" : ""))
    case .trunkCacheUnused(let error): console.note("warning: \(error)")
    }
  }

  private func progress(_ step: StepReport, secondsLeft: Double) -> ProgressLine {
    var line = ProgressLine()
    line.add("step \(step.step)/\(run.totalSteps)", importance: 0)
    line.add("epoch \(Format.fixed(step.epoch, 2))", importance: 6)
    line.add("loss \(Format.fixed(step.loss, 4))", importance: 2)
    line.add("mean \(Format.fixed(mean ?? 0, 4))", importance: 3)
    line.add("lr \(Format.scientific(step.learningRate))", importance: 7)
    line.add("\(Int(Double(step.tokens) / max(step.seconds, 1e-9))) tok/s", importance: 4)
    line.add(Format.megabytes(Process.residentBytes), importance: 5)
    line.add("left \(Format.duration(secondsLeft))", importance: 1)
    return line
  }

  private func log(_ step: StepReport) throws {
    var line = JSONObject()
    line["step"] = .integer(step.step)
    line["epoch"] = .number(step.epoch)
    line["loss"] = .number(step.loss)
    line["learning_rate"] = .number(step.learningRate)
    line["grad_norm"] = .number(step.gradientNorm)
    line["tokens"] = .integer(step.tokens)
    line["supervised_tokens"] = .integer(step.supervisedTokens)
    line["tokens_per_second"] = .number(Double(step.tokens) / max(step.seconds, 1e-9))
    line["elapsed_seconds"] = .number(step.elapsedSeconds)
    try folder.log(line)
  }
}

/// Ctrl-C and SIGTERM: once to save and stop after the step, twice to end at once.
enum Interrupt {
  // Written by the handler alone, read between steps; a word's store is atomic.
  nonisolated(unsafe) private static var count: sig_atomic_t = 0

  static var isRequested: Bool { count > 0 }

  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        Interrupt.count += 1
        if Interrupt.count > 1 { _exit(130) }
      }
    }
  }
}

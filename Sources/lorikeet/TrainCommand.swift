import Configuration
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
    let result = try TrainingRun(
      requested,
      resumePath == nil
        ? .anew
        : .resuming(from: checkpoint, allowsChanges: arguments.has("--allow-changes")), console)
    let (folder, summary) = (result.folder, result.summary)
    try console.json(result.json)
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
}

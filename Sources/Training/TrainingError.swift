public import CausalLM

/// What can end a run, or keep it from starting.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// The loss or the gradient is not a number.
  case notFinite(step: Int, quantity: String, examples: [String])
  /// There is nothing to learn from.
  case noExamples
  /// No plan keeps the process within `training.max_memory`.
  case exceedsMemory(limit: Int, smallest: MemoryPlan)
  /// The run folder exists.
  case outputExists(path: String)
  /// There is no checkpoint to resume from.
  case nothingToResume(path: String)
  /// A checkpoint belongs to another configuration, base or data.
  case resumeMismatch(path: String, difference: String)
  /// A checkpoint's files are incomplete or altered.
  case damagedCheckpoint(path: String, reason: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .notFinite(let step, let quantity, let examples):
      "step \(step): the \(quantity) is not a finite number, on \(examples.joined(separator: ", ")); lower training.learning_rate, and resume from the last checkpoint"
    case .noExamples:
      "data.train: no example is left to train on; check data.overlong and data.max_length"
    case .exceedsMemory(let limit, let smallest):
      "training.max_memory: \(Self.megabytes(limit)) do not suffice, the smallest plan takes \(Self.megabytes(smallest.totalBytes)), of them \(Self.largest(smallest)); raise it\(Self.remedies(smallest))"
    case .outputExists(let path):
      "\(path): exists already; name another training.output_dir, or continue that run with --resume"
    case .nothingToResume(let path):
      "\(path): holds no checkpoint to resume from; start the run without --resume"
    case .resumeMismatch(let path, let difference):
      "\(path): the checkpoint was made with another \(difference); resume with what it was made with, or start a new run"
    case .damagedCheckpoint(let path, let reason):
      "\(path): \(reason); remove this checkpoint and resume from an earlier one"
    }
  }

  /// A size in whole MB, rounded up.
  private static func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }

  /// What would help most, such as ", lower data.max_length or set model.load_in_4bit: true".
  private static func remedies(_ plan: MemoryPlan) -> String {
    let remedies = plan.parts.sorted { $0.bytes > $1.bytes }.compactMap(\.remedy).prefix(2)
    return remedies.isEmpty ? "" : ", " + remedies.joined(separator: " or ")
  }

  /// The two largest parts of a plan.
  private static func largest(_ plan: MemoryPlan) -> String {
    plan.parts.sorted { $0.bytes > $1.bytes }.prefix(2).map {
      "\(megabytes($0.bytes)) \($0.name)"
    }.joined(separator: " and ")
  }
}

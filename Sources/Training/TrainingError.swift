public import CausalLM

/// What can end a run, or keep it from starting.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// The loss or the gradient is not a number; `checkpointStep` is the step of the last checkpoint, nil where none was
  /// saved.
  case notFinite(
    step: Int, quantity: String, place: String?, examples: [String], checkpointStep: Int?)
  /// There is nothing to learn from.
  case noExamples
  /// No plan keeps the process within `training.max_memory`.
  case exceedsMemory(limit: Int, smallest: MemoryPlan)
  /// The run folder exists.
  case outputExists(path: String)
  /// There is no checkpoint to resume from.
  case nothingToResume(path: String)
  /// A checkpoint belongs to another configuration, base or data.
  case resumeMismatch(path: String, differences: [String])
  /// Another process is training in the run folder.
  case inUse(path: String, process: Int?)
  /// The run folder's lock cannot be made.
  case cannotLock(path: String, reason: String)
  /// A checkpoint's files are incomplete or altered.
  case damagedCheckpoint(path: String, reason: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .notFinite(let step, let quantity, let place, let examples, let checkpointStep):
      "step \(step): the \(quantity) is not a finite number\(place.map { ", first in \($0)" } ?? ""), on \(Self.list(examples)); \(Self.wayOn(from: checkpointStep))"
    case .noExamples:
      "data.train: no example is left to train on; check data.overlong and data.max_length"
    case .exceedsMemory(let limit, let smallest):
      "training.max_memory: \(Self.megabytes(limit)) do not suffice, the smallest plan takes \(Self.megabytes(smallest.totalBytes)), of them \(Self.largest(smallest)); raise it\(Self.remedies(smallest))"
    case .outputExists(let path):
      "\(path): exists already; name another training.output_dir, or continue that run with --resume"
    case .nothingToResume(let path):
      "\(path): holds no checkpoint to resume from; start the run without --resume"
    case .resumeMismatch(let path, let differences):
      "\(path): the checkpoint was made with another \(Self.list(differences)); resume with what it was made with, start a new run, or add --allow-changes to go on all the same"
    case .inUse(let path, let process):
      "\(path): another lorikeet\(process.map { " (process \($0))" } ?? "") is training there; wait for it, stop it, or name another training.output_dir"
    case .cannotLock(let path, let reason):
      "\(path): cannot be locked (\(reason)); make the run folder writable, or name another training.output_dir"
    case .damagedCheckpoint(let path, let reason):
      "\(path): \(reason); remove this checkpoint and resume from an earlier one"
    }
  }

  /// What to do about numbers that are not finite.
  private static func wayOn(from checkpointStep: Int?) -> String {
    checkpointStep.map {
      "the checkpoint of step \($0) is from before: lower training.learning_rate and resume from it with --allow-changes"
    }
      ?? "no checkpoint had been saved: lower training.learning_rate and start anew, in another training.output_dir"
  }

  /// The first few of some things; a sentence names no hundred of them.
  private static func list(_ things: [String]) -> String {
    things.count <= 8
      ? things.joined(separator: ", ")
      : things.prefix(7).joined(separator: ", ") + " and \(things.count - 7) more"
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

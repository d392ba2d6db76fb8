/// One arm with one seed, to be trained if it is, and asked: a file of answers.
///
/// Beside the arms themselves there are those that are measured on demand: the arm `tuned` with fewer training rows, and
/// arms with passages of which one number after the other does not hold the answer.
public struct ComparisonTask: Sendable, Equatable {
  /// The arm.
  public let arm: Arm
  /// The seed that it is trained with.
  public let seed: Int
  /// How many rows it learns from; nil: all.
  public let rows: Int?
  /// How many passages stand beside the golden ones; nil: what a search gives stands in the prompt.
  public let distractors: Int?

  /// Describes a task; without more, an arm as it is compared.
  public init(_ arm: Arm, seed: Int, rows: Int? = nil, distractors: Int? = nil) {
    self.arm = arm
    self.seed = seed
    self.rows = rows
    self.distractors = distractors
  }

  /// The name of its files.
  public var name: String { trainingName + (distractors.map { "-with-\($0)" } ?? "") }
  /// The name of its training run.
  public var trainingName: String { "\(arm.rawValue)-\(seed)" + (rows.map { "-of-\($0)" } ?? "") }

  /// The same for all that read the same prompts.
  public var promptName: String {
    let kind = arm.retrieves ? "passages" : arm == .fewShot ? "examples" : "bare"
    return kind + (distractors.map { " with \($0)" } ?? "")
  }

  /// What people read of it while it runs.
  public var title: String {
    (arm.isTrained ? "\(arm.rawValue), seed \(seed)" : arm.rawValue)
      + (rows.map { ", \($0) rows" } ?? "") + (distractors.map { ", \($0) distractors" } ?? "")
  }
}

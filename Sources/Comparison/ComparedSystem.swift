/// What answers questions: an arm, or a baseline that needs no model.
public enum ComparedSystem: Sendable, Hashable {
  /// The commonest answer of the training rows, whatever is asked.
  case majority
  /// The answer of the training row whose question is most alike.
  case nearest
  /// An arm.
  case arm(Arm)

  /// As files name it.
  public var name: String {
    switch self {
    case .majority: "majority"
    case .nearest: "nearest"
    case .arm(let arm): arm.rawValue
    }
  }

  /// As sentences name it.
  public var title: String {
    switch self {
    case .majority: "the commonest answer"
    case .nearest: "the nearest training question's answer"
    case .arm(.base): "the base model"
    case .arm(.fewShot): "few-shot prompting"
    case .arm(.retrieval): "retrieval"
    case .arm(.tuned): "tuning"
    case .arm(.tunedRetrieval): "tuning with retrieval"
    }
  }

  /// The arm; nil for a baseline.
  public var arm: Arm? { if case .arm(let arm) = self { arm } else { nil } }
}

/// A way to have a model answer, one of those that are compared.
public enum Arm: String, Sendable, CaseIterable, Comparable {
  /// The model as it is, asked the bare question.
  case base
  /// The model as it is, with worked examples before the question.
  case fewShot = "few-shot"
  /// The model as it is, with passages that were found for the question.
  case retrieval
  /// The fine-tuned model, asked the bare question.
  case tuned
  /// A model fine-tuned to answer from passages, with passages that were found for the question.
  ///
  /// - SeeAlso: Zhang et al. 2024, "RAFT: Adapting Language Model to Domain Specific RAG".
  case tunedRetrieval = "tuned-retrieval"

  /// Whether passages stand in the prompt.
  public var retrieves: Bool { self == .retrieval || self == .tunedRetrieval }

  /// Whether the arm has to be trained.
  public var isTrained: Bool { self == .tuned || self == .tunedRetrieval }

  /// The order of the table: cheap first.
  public static func < (a: Arm, b: Arm) -> Bool {
    guard let first = allCases.firstIndex(of: a), let second = allCases.firstIndex(of: b) else {
      return false
    }
    return first < second
  }
}

/// Whether an answer declines to answer, and whether that was right.
public struct Abstention: Sendable, Equatable {
  /// What became of a question.
  public enum Outcome: String, Sendable {
    /// It can be answered, and was.
    case answered
    /// It cannot be answered, and was declined.
    case declined
    /// It can be answered, but was declined.
    case missed
    /// It cannot be answered, but was: made up.
    case hallucinated
  }

  /// The phrase that declines; nil where none was agreed on.
  public let phrase: String?
  private let normalized: NormalizedText?

  /// Makes it for a phrase, such as "I do not know".
  public init(phrase: String?) {
    self.phrase = phrase
    normalized = phrase.map(NormalizedText.init)
  }

  /// Whether an answer holds the phrase, as ``NormalizedText`` compares, or has neither letters nor digits.
  public func isDeclined(_ answer: String) -> Bool {
    guard answer.contains(where: { $0.isLetter || $0.isNumber }) else { return true }
    return normalized.map(NormalizedText(answer).contains) ?? false
  }

  /// What became of a question.
  public func outcome(answer: String, isAnswerable: Bool) -> Outcome {
    switch (isAnswerable, isDeclined(answer)) {
    case (true, false): .answered
    case (true, true): .missed
    case (false, true): .declined
    case (false, false): .hallucinated
    }
  }
}

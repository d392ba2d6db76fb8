/// What an answer's words have in common with another text's, each word as often as both have it.
public struct TokenOverlap: Sendable, Equatable {
  /// Words in common.
  public let common: Int
  /// Words of the answer.
  public let answerCount: Int
  /// Words of the other text.
  public let otherCount: Int

  /// Counts the words of the two, as ``NormalizedText`` has them.
  public init(_ answer: NormalizedText, _ other: NormalizedText) {
    var left: [String: Int] = [:]
    for token in other.tokens { left[token, default: 0] += 1 }
    var common = 0
    for token in answer.tokens {
      guard let count = left[token], count > 0 else { continue }
      left[token] = count - 1
      common += 1
    }
    self.common = common
    answerCount = answer.tokens.count
    otherCount = other.tokens.count
  }

  /// SQuAD's F1: the harmonic mean of the share of the answer's words that the reference has, and of the reference's
  /// that the answer has.
  ///
  /// Where either has no words it is 1 if neither has any, else 0.
  ///
  /// - SeeAlso: `compute_f1` of SQuAD's `evaluate-v2.0.py`.
  public var f1: Double {
    guard answerCount > 0, otherCount > 0 else { return answerCount == otherCount ? 1 : 0 }
    guard common > 0 else { return 0 }
    let precision = Double(common) / Double(answerCount)
    let recall = Double(common) / Double(otherCount)
    return 2 * precision * recall / (precision + recall)
  }

  /// The share of the answer's words that the other text has; nil for an answer without words.
  ///
  /// With the passages of a prompt as the other text this is how far the answer is grounded in them, the "K-Precision"
  /// of its paper, which there agrees best with people's judgement of faithfulness among the measures that need no
  /// model. It asks whether the words are there, not whether they say the same: an answer that puts the passages' words
  /// together wrongly is not found out.
  ///
  /// - SeeAlso: Adlakha et al. 2023, "Evaluating Correctness and Faithfulness of Instruction-Following Models for
  ///   Question Answering", arXiv:2307.16877, section 4.2.
  public var precision: Double? {
    answerCount > 0 ? Double(common) / Double(answerCount) : nil
  }
}

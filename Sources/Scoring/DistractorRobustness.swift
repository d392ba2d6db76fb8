/// How much a score suffers from passages in the prompt that do not hold the answer.
public struct DistractorRobustness: Sendable, Equatable {
  /// What was measured with some distractors.
  public struct Level: Sendable, Equatable {
    /// Passages in the prompt that do not hold the answer.
    public let distractors: Int
    /// The mean score and its 95 % interval.
    public let score: Interval
    /// How much less it is than with the fewest distractors, paired by question; nil for these themselves.
    public let loss: Interval?
  }

  /// The levels, fewest distractors first.
  public let levels: [Level]

  /// Compares measurements.
  ///
  /// - Parameter scores: for each number of distractors the questions' scores, in one order.
  /// - Returns: nil without two numbers of distractors, or where not all have the same number of questions.
  /// - SeeAlso: Zhang et al. 2024, "RAFT", arXiv:2403.10131, section 4.4 and figure 5.
  public init?(_ scores: [(distractors: Int, scores: [Double])]) {
    let sorted = scores.sorted { $0.distractors < $1.distractors }
    guard let first = sorted.first, Set(sorted.map(\.distractors)).count >= 2,
      !first.scores.isEmpty, sorted.allSatisfy({ $0.scores.count == first.scores.count })
    else { return nil }
    let resampling = Resampling(sorted.map(\.scores))
    levels = sorted.indices.map { index in
      Level(
        distractors: sorted[index].distractors, score: resampling.interval(index),
        loss: index == 0 ? nil : resampling.difference(0, index))
    }
  }
}

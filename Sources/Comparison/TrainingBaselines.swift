internal import Scoring

/// What the training rows alone can answer, without a model: a score that these reach means nothing.
public struct TrainingBaselines: Sendable {
  private let answers: [String]
  private let commonest: String
  private let nearest: NearestQuestion

  /// Makes them from training rows; nil of none.
  public init?(_ training: [Question]) {
    guard !training.isEmpty else { return nil }
    answers = training.map(\.answer)
    var counts: [String: (count: Int, first: Int)] = [:]
    for (index, answer) in answers.enumerated() { counts[answer, default: (0, index)].count += 1 }
    let best = counts.values.max { ($0.count, $1.first) < ($1.count, $0.first) }
    commonest = best.map { training[$0.first].answer } ?? ""
    nearest = NearestQuestion(training.map(\.question))
  }

  /// The answer that most training rows have, of equals the first.
  public func majority() -> String { commonest }

  /// The answer of the training row whose question is most alike by BM25; the commonest where none shares a word.
  public func nearest(to question: String) -> String {
    nearest.index(for: question).map { answers[$0] } ?? commonest
  }
}

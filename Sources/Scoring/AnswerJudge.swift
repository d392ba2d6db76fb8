/// Scores answers by every metric that applies to them.
public struct AnswerJudge: Sendable {
  /// How an answer declines.
  public let abstention: Abstention
  /// What the answers are chosen among; nil where they are not labels.
  public let labels: LabelName?
  /// What calls are told by; nil where answers are no calls.
  public let calls: CallScore?
  /// The user's own score.
  public let command: CommandScore?

  /// Describes how answers are judged.
  ///
  /// - Parameters:
  ///   - abstention: the phrase that declines to answer.
  ///   - labels: the answers to choose among; with none, the label metric does not apply.
  ///   - calls: what calls are told by.
  ///   - command: the user's command, for a shell.
  public init(
    abstention: String? = nil, labels: [String] = [], calls: CallScore? = nil,
    command: String? = nil
  ) {
    self.abstention = Abstention(phrase: abstention)
    self.labels = labels.isEmpty ? nil : LabelName(labels: labels)
    self.calls = calls
    self.command = command.map(CommandScore.init)
  }

  /// An answer's scores, without the command's; which ones there are depends on the question alone, so that systems can
  /// be compared.
  ///
  /// A question that cannot be answered is scored as SQuAD 2.0 does: whoever declines it is right, whoever answers it is
  /// wrong, whatever the words; where no phrase was agreed on, the reference's words count as everywhere.
  public func scores(answer: String, reference: String, isAnswerable: Bool = true)
    -> [AnswerMetric: Double]
  {
    let plain = AnswerScore(answer: answer, reference: reference)
    var scores: [AnswerMetric: Double] = [.strictMatch: plain.isExact ? 1 : 0]
    if !isAnswerable, abstention.phrase != nil {
      let score = abstention.isDeclined(answer) ? 1.0 : 0
      for metric in [AnswerMetric.exactMatch, .tokenF1, .rougeL] { scores[metric] = score }
      return scores
    }
    let (found, wanted) = (NormalizedText(answer), NormalizedText(reference))
    scores[.exactMatch] = found == wanted ? 1 : 0
    scores[.tokenF1] = TokenOverlap(found, wanted).f1
    scores[.rougeL] = ROUGEL.score(answer: answer, reference: reference)
    scores[.jsonValid] = plain.isValidJSON.map { $0 ? 1 : 0 }
    scores[.jsonExact] = plain.isExactJSON.map { $0 ? 1 : 0 }
    scores[.jsonFields] = plain.fieldAccuracy
    if let labels, let label = labels.index(in: reference) {
      scores[.label] = labels.index(in: answer) == label ? 1 : 0
    }
    if let call = calls?.judge(answer: answer, reference: reference) {
      scores[.call] = call.isExact ? 1 : 0
      scores[.callKnown] = call.isKnown.map { $0 ? 1 : 0 }
      scores[.callGroup] = call.isInGroup.map { $0 ? 1 : 0 }
    }
    return scores
  }

  /// How far an answer is grounded in the passages of its prompt: ``TokenOverlap/precision`` over all of them; nil
  /// without passages, and for an answer that declines.
  public func groundedness(answer: String, passages: [String]) -> Double? {
    guard !passages.isEmpty, !abstention.isDeclined(answer) else { return nil }
    return TokenOverlap(
      NormalizedText(answer), NormalizedText(passages.joined(separator: "\n"))
    ).precision
  }
}

internal import Inference
internal import Kernels
internal import Retrieval
public import Serialization

/// Makes the rows that the trained arms learn from.
public enum TrainingRows {
  /// A row, and where the answer stands in it.
  public struct Row: Sendable, Equatable {
    /// The question's name.
    public var id: String
    /// The conversation.
    public var messages: [JSONValue]
    /// Where the golden passages stand in the documents, `path:line`; empty where the row has none.
    public var golden: [String]
    /// How many passages the row has.
    public var passages: Int

    /// The row as a line of a training file; nothing but `messages` is learnt.
    public var json: JSONObject {
      var json: JSONObject = ["id": .string(id), "messages": .array(messages)]
      if passages > 0 { json["golden"] = .array(golden.map { .string($0) }) }
      return json
    }
  }

  /// Rows of the bare question and its answer.
  public static func bare(_ questions: [Question]) -> [Row] {
    questions.map {
      Row(id: $0.id, messages: answered(ArmMessages.bare($0), $0), golden: [], passages: 0)
    }
  }

  /// Rows of question and answer behind passages: those that hold the answer, and distractors, in an order drawn anew
  /// for each row; of a share of the rows, distractors alone.
  ///
  /// Distractors are what a search for the question returns beside the golden passages, so that they mislead as those
  /// of the prompts will. A row that has no golden passage has one distractor for each, so that their number says
  /// nothing.
  ///
  /// Golden are the passages of the documents that a question names; where no question names any, the one that a search
  /// for question and answer together gives first.
  ///
  /// - Parameters:
  ///   - questions: what is learnt.
  ///   - finder: where the passages are.
  ///   - distractors: how many stand in each row.
  ///   - goldenShare: the share of rows that keep their golden passages, 0 to 1.
  ///   - seed: what the order and the share are drawn from.
  ///   - limit: most tokens of a row; distractors that do not fit are left out.
  ///   - remedy: what to do where not one passage fits.
  ///   - tokens: counts those of a conversation.
  ///   - progress: hears how many rows are made.
  /// - Throws: `RetrievalError`, ``ComparisonError/noPassageFits(question:tokens:limit:remedy:)``, and what `tokens`
  ///   throws.
  /// - SeeAlso: Zhang et al. 2024, "RAFT: Adapting Language Model to Domain Specific RAG", arXiv:2403.10131, section 3.
  public static func withPassages(
    _ questions: [Question], _ finder: PassageFinder, distractors: Int, goldenShare: Double,
    seed: Int, limit: Int, remedy: String, tokens: ([JSONValue]) throws -> Int,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> [Row] {
    let keeps = CounterRandom(seed: UInt64(max(0, seed)), purpose: "raft golden")
    let order = CounterRandom(seed: UInt64(max(0, seed)), purpose: "raft order")
    // Where some questions name documents, those that name none need none.
    let guesses = !questions.contains { !$0.documents.isEmpty }
    return try questions.enumerated().map { index, question in
      let golden = try finder.golden(for: question, guesses: guesses)
      let keepsGolden = Double(keeps.uniform(UInt64(index))) < goldenShare
      let kept = keepsGolden ? golden : []
      let others = try finder.distractors(
        for: question, besides: golden,
        count: distractors + max(1, golden.count) - kept.count)
      var passages = kept + others
      var messages: [JSONValue] = []
      while true {
        let shuffled = order.permutation(passages.count, stream: UInt64(index)).map {
          passages[$0]
        }
        messages = answered(ArmMessages.withPassages(question, shuffled), question)
        let count = try tokens(messages)
        if count <= limit || passages.isEmpty { break }
        guard passages.count > 1 else {
          throw ComparisonError.noPassageFits(
            question: question.id, tokens: count, limit: limit, remedy: remedy)
        }
        // The golden ones stand first, and the likest distractors next.
        passages.removeLast()
      }
      progress(index + 1, questions.count)
      return Row(
        id: question.id, messages: messages,
        golden: passages.prefix(kept.count).map(\.citation), passages: passages.count)
    }
  }

  private static func answered(_ messages: [JSONValue], _ question: Question) -> [JSONValue] {
    messages + [ChatModel.message("assistant", question.answer)]
  }
}

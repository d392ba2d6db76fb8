/// Why arms cannot be compared.
public enum ComparisonError: Error, Equatable, CustomStringConvertible {
  /// A row asks nothing, or has no answer, or a member of another type; `problem` goes on from its place.
  case badQuestion(place: String, problem: String)
  /// Two questions have one name.
  case sameQuestion(id: String, place: String)
  /// There are fewer training rows than worked examples.
  case tooFewExamples(asked: Int, found: Int)
  /// A prompt and its answer are more than the model reads.
  case promptTooLong(arm: Arm, question: String, tokens: Int, answer: Int, limit: Int)
  /// Not one passage fits into a prompt or a training row; `limit` are tokens, `key` is what to raise or to lower.
  case noPassageFits(question: String, tokens: Int, limit: Int, remedy: String)
  /// The folder exists and holds something else.
  case notAComparison(path: String)
  /// What was begun was begun with something else.
  case changed(path: String, differences: [String])
  /// A line of answers is no answer, or that of another question.
  case damagedAnswers(path: String, line: Int)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .badQuestion(let place, let problem): "\(place): \(problem)"
    case .sameQuestion(let id, let place):
      "\(place): a question before has the id \"\(Self.shortened(id))\" too; give each its own"
    case .tooFewExamples(let asked, let found):
      "compare.num_fewshot: data.train has \(found) row\(found == 1 ? "" : "s"), fewer than \(asked); lower it"
    case .promptTooLong(let arm, let question, let tokens, let answer, let limit):
      "the prompt of the arm \(arm.rawValue) for \(question) has \(tokens) tokens, and with \(answer) of the answer the model reads up to \(limit); shorten it, or lower compare.max_new_tokens"
        + (arm == .fewShot ? " or compare.num_fewshot" : "")
    case .noPassageFits(let question, let tokens, let limit, let remedy):
      "\(question): with one passage it has \(tokens) tokens, more than the \(limit) that there is room for; \(remedy)"
    case .notAComparison(let path):
      "\(path): exists and holds no comparison; name another training.output_dir"
    case .changed(let path, let differences):
      "\(path): was begun with another \(differences.joined(separator: ", ")); go on with what it was begun with, or name another training.output_dir"
    case .damagedAnswers(let path, let line):
      "\(path) line \(line): is not the answer to question \(line); remove the file, and the arm answers anew"
    }
  }

  /// A name from a file may be as long as the file.
  static func shortened(_ text: String) -> String {
    text.count > 60 ? text.prefix(60) + "…" : text
  }
}

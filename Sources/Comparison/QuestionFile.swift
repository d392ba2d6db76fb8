public import Datasets
internal import Serialization

/// Reads questions with answers.
///
/// A row is `{"question": …, "answer": …}`, or a row of any format of training files whose last exchange is the only
/// one; beside that `id`, `doc` or `docs`, `kind`, `answerable` and `system` are understood.
public enum QuestionFile {
  /// The questions of JSONL files, in order.
  ///
  /// - Throws: ``ComparisonError`` for the first row that is no question with an answer, `DatasetError` for one that is
  ///   no row.
  public static func read(_ paths: [String]) throws -> [Question] {
    try sourced(paths).map(\.question)
  }

  /// The same, each with where it stands.
  ///
  /// - Throws: as above.
  public static func sourced(
    _ paths: [String]
  ) throws -> [(question: Question, source: ExampleSource)] {
    var questions: [(question: Question, source: ExampleSource)] = []
    var ids: Set<String> = []
    for path in paths {
      for (question, line) in try rows(path) {
        guard ids.insert(question.id).inserted else {
          throw ComparisonError.sameQuestion(id: question.id, place: "\(path) line \(line)")
        }
        questions.append((question, ExampleSource(path: path, line: line)))
      }
    }
    return questions
  }

  private static func rows(_ path: String) throws -> [(Question, line: Int)] {
    var asksPlainly: Bool?
    var rows: [(Question, line: Int)] = []
    let bytes = try FileBytes.read(path)
    try bytes.withUnsafeBytes { raw in
      for line in JSONLines(raw, path: path) {
        let object = try line.object()
        // The first row tells the format of all, as in training files.
        let isPlain = asksPlainly ?? (object["question"] != nil || object["answer"] != nil)
        asksPlainly = isPlain
        guard isPlain else { break }
        let reader = RowReader(object: object, path: path, line: line.number)
        rows.append((try reader.question(), line.number))
      }
    }
    if asksPlainly == nil { throw DatasetError.noRows(path: path) }
    if asksPlainly == true { return rows }
    return try DatasetFile(bytes, path: path).rows.map { row in
      let line = row.example.source.line
      let reader = RowReader(object: row.object, path: path, line: line)
      return (try reader.question(of: row.example.content), line)
    }
  }

  /// One row of a file.
  private struct RowReader {
    let object: JSONObject
    let path: String
    let line: Int

    private func bad(_ problem: String) -> ComparisonError {
      .badQuestion(place: "\(path) line \(line)", problem: problem)
    }

    /// A member that is text; nil where it is not there.
    private func text(_ key: String) throws(ComparisonError) -> String? {
      guard let value = object[key], !value.isNull else { return nil }
      guard let text = value.stringValue else {
        throw bad("\"\(key)\" should be a string, but it is \(value.kindDescription)")
      }
      return text
    }

    func question() throws(ComparisonError) -> Question {
      try made(
        question: try text("question"), system: try text("system"), answer: try text("answer"))
    }

    func question(of content: Example.Content) throws(ComparisonError) -> Question {
      switch content {
      case .text: throw bad("the row is plain text; a comparison needs a question and an answer")
      case .completion(let prompt, let completion):
        return try made(question: prompt, system: try text("system"), answer: completion)
      case .conversation(let conversation):
        guard let exchange = conversation.finalExchange else { return try made() }
        var prompt = exchange.prompt[...]
        var system = try text("system")
        if let first = prompt.first, first["role"]?.stringValue == "system" {
          system = first["content"]?.stringValue
          prompt = prompt.dropFirst()
        }
        guard prompt.count == 1, prompt.first?["role"]?.stringValue == "user" else {
          throw bad(
            "the conversation is not one question with one answer; a comparison asks each question alone"
          )
        }
        return try made(
          question: prompt.first?["content"]?.stringValue, system: system, answer: exchange.answer)
      }
    }

    private func made(
      question: String? = nil, system: String? = nil, answer: String? = nil
    ) throws(ComparisonError) -> Question {
      guard let question, Self.hasText(question) else {
        throw bad("the row has no question; write \"question\" and \"answer\"")
      }
      guard let answer, Self.hasText(answer) else {
        throw bad(
          "the question has no answer; write \"answer\", for a question that is to be declined the words that decline it"
        )
      }
      return Question(
        id: try id(), question: question, system: system, answer: answer,
        documents: try documents(), kind: try text("kind"), isAnswerable: try isAnswerable())
    }

    private func id() throws(ComparisonError) -> String {
      if let number = object["id"]?.intValue { return "\(number)" }
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return try text("id") ?? "\(name):\(line)"
    }

    private func documents() throws(ComparisonError) -> [String] {
      for key in ["docs", "doc"] {
        guard let values = object[key]?.arrayValue else {
          if let one = try text(key) { return [one] }
          continue
        }
        let names = values.compactMap(\.stringValue)
        guard names.count == values.count else { throw bad("\"\(key)\" should list strings") }
        return names
      }
      return []
    }

    private func isAnswerable() throws(ComparisonError) -> Bool {
      guard let value = object["answerable"], !value.isNull else { return true }
      guard let isAnswerable = value.boolValue else {
        throw bad("\"answerable\" should be true or false, but it is \(value.kindDescription)")
      }
      return isAnswerable
    }

    private static func hasText(_ text: String) -> Bool { text.contains { !$0.isWhitespace } }
  }
}

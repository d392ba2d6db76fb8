public import Scoring
public import Serialization

/// An answer with all its scores: a line of `scores.jsonl`.
public struct JudgedAnswer: Sendable {
  /// What answered.
  public let system: ComparedSystem
  /// The seed it was trained with; 0 for a baseline.
  public let seed: Int
  /// What was asked.
  public let question: Question
  /// What was answered.
  public let answer: String
  /// The arm's record; nil for a baseline.
  public let record: AnswerRecord?
  /// The file that holds the answer, from the comparison's folder.
  public let file: String
  /// Its line there, from 1.
  public let line: Int
  /// Its scores, by every metric that applies.
  public internal(set) var scores: [AnswerMetric: Double]
  /// Whether it declined, and whether that was right.
  public let outcome: Abstention.Outcome
  /// How far it is grounded in the passages of its prompt; nil without any.
  public let groundedness: Double?
  /// How well the passages match the documents that answer; nil for arms that retrieve nothing, and questions that do
  /// not say what answers them.
  public let retrieval: RetrievalQuality?

  /// Judges an answer, but for the command's score.
  init(
    _ system: ComparedSystem, seed: Int, question: Question, answer: String, record: AnswerRecord?,
    file: String, line: Int, judge: AnswerJudge
  ) {
    self.system = system
    self.seed = seed
    self.question = question
    self.answer = answer
    self.record = record
    self.file = file
    self.line = line
    scores = judge.scores(
      answer: answer, reference: question.answer, isAnswerable: question.isAnswerable)
    outcome = judge.abstention.outcome(answer: answer, isAnswerable: question.isAnswerable)
    groundedness = judge.groundedness(
      answer: answer, passages: record?.retrieved.map(\.text) ?? [])
    retrieval =
      system.arm?.retrieves == true
      ? RetrievalQuality(
        retrieved: record?.retrieved.map(\.document) ?? [], relevant: question.documents) : nil
  }

  /// What the user's command is given.
  var commandLine: JSONObject {
    [
      "system": .string(system.name), "seed": .integer(seed), "id": .string(question.id),
      "kind": question.kind.map { .string($0) } ?? .null, "question": .string(question.question),
      "reference": .string(question.answer), "answerable": .bool(question.isAnswerable),
      "answer": .string(answer),
    ]
  }

  /// The line: what answered what, where the answer stands, and its scores.
  public var json: JSONObject {
    var json: JSONObject = [
      "system": .string(system.name), "seed": .integer(seed), "id": .string(question.id),
      "kind": question.kind.map { .string($0) } ?? .null,
    ]
    if record == nil {
      json["answer"] = .string(answer)
    } else {
      json["file"] = .string(file)
      json["line"] = .integer(line)
    }
    json["outcome"] = .string(outcome.rawValue)
    for metric in AnswerMetric.allCases {
      if let score = scores[metric] { json[metric.rawValue] = .number(score) }
    }
    if let groundedness { json["groundedness"] = .number(groundedness) }
    if let retrieval {
      json["hit"] = .number(retrieval.hit)
      json["reciprocal_rank"] = .number(retrieval.reciprocalRank)
      json["context_precision"] = .number(retrieval.contextPrecision)
      json["context_recall"] = .number(retrieval.contextRecall)
    }
    return json
  }

  /// Judges all answers and, where there are training rows, what the baselines answer to the same questions.
  ///
  /// - Parameter records: by arm and seed in the order of their file.
  /// - Throws: `ScoringError` for a command that gives no scores.
  static func all(_ records: [AnswerRecord], training: [Question], judge: AnswerJudge)
    throws(ScoringError) -> [JudgedAnswer]
  {
    var lines: [String: Int] = [:]
    var judged: [JudgedAnswer] = []
    var questions: [Question] = []
    var isKnown: Set<String> = []
    for record in records {
      let file = "answers/\(record.arm.rawValue)-\(record.seed).jsonl"
      lines[file, default: 0] += 1
      if isKnown.insert(record.question.id).inserted { questions.append(record.question) }
      judged.append(
        JudgedAnswer(
          .arm(record.arm), seed: record.seed, question: record.question, answer: record.answer,
          record: record, file: file, line: lines[file, default: 1], judge: judge))
    }
    if let baselines = TrainingBaselines(training) {
      for system in [ComparedSystem.majority, .nearest] {
        for question in questions {
          let answer =
            system == .majority
            ? baselines.majority() : baselines.nearest(to: question.question)
          judged.append(
            JudgedAnswer(
              system, seed: 0, question: question, answer: answer, record: nil,
              file: "scores.jsonl", line: judged.count + 1, judge: judge))
        }
      }
    }
    if let command = judge.command {
      let scores = try command.scores(of: judged.map(\.commandLine))
      for (index, score) in scores.enumerated() { judged[index].scores[.command] = score }
    }
    return judged
  }
}

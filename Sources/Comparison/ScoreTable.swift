internal import Scoring

/// Answers by system and question, with the seeds of each.
///
/// Only questions that every arm answered with every seed are in it, so that all systems are compared on the same ones.
struct ScoreTable {
  /// The systems: baselines, then arms.
  let systems: [ComparedSystem]
  /// Each system's seeds, ascending.
  let seeds: [ComparedSystem: [Int]]
  /// The questions, in the order in which they were answered first.
  let questions: [Question]
  /// How many questions were left out.
  let leftOut: Int
  /// By system and question the answers, by seed.
  private let cells: [ComparedSystem: [[JudgedAnswer]]]

  init(_ judged: [JudgedAnswer]) {
    var present: [ComparedSystem: [String: [Int: JudgedAnswer]]] = [:]
    var all: [Question] = []
    var isKnown: Set<String> = []
    for answer in judged {
      present[answer.system, default: [:]][answer.question.id, default: [:]][answer.seed] = answer
      if isKnown.insert(answer.question.id).inserted { all.append(answer.question) }
    }
    let order = [.majority, .nearest] + Arm.allCases.map { ComparedSystem.arm($0) }
    let systems = order.filter { present[$0] != nil }
    let seeds = present.mapValues { answers in
      Set(answers.values.flatMap(\.keys)).sorted()
    }
    let questions = all.filter { question in
      systems.allSatisfy { present[$0]?[question.id]?.count == seeds[$0]?.count }
    }
    cells = present.mapValues { answers in
      questions.map { question in
        (answers[question.id] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
      }
    }
    self.systems = systems
    self.seeds = seeds
    self.questions = questions
    leftOut = all.count - questions.count
  }

  /// A system's answers to a question, by seed.
  func answers(_ system: ComparedSystem, _ question: Int) -> [JudgedAnswer] {
    cells[system]?[question] ?? []
  }

  /// All answers of a system.
  func answers(_ system: ComparedSystem) -> [JudgedAnswer] { (cells[system] ?? []).flatMap { $0 } }

  /// For each question the mean over seeds of a value; nil where an answer has none.
  func values(_ system: ComparedSystem, _ value: (JudgedAnswer) -> Double?) -> [Double?] {
    (cells[system] ?? []).map { answers in
      let values = answers.compactMap(value)
      guard !values.isEmpty, values.count == answers.count else { return nil }
      return values.reduce(0, +) / Double(values.count)
    }
  }

  /// The questions for which every system has a value of a metric.
  func questions(with metric: AnswerMetric) -> [Int] {
    let columns = systems.map { values($0) { $0.scores[metric] } }
    return questions.indices.filter { index in columns.allSatisfy { $0[index] != nil } }
  }

  /// Every system's values of a metric for some questions, to resample together.
  func resampling(_ metric: AnswerMetric, of questions: [Int]) -> Resampling {
    Resampling(
      systems.map { system in
        let column = values(system) { $0.scores[metric] }
        return questions.map { column[$0] ?? 0 }
      })
  }

  /// The share of the questions where a system has a value; nil where it has it for none.
  func share(_ system: ComparedSystem, _ value: (JudgedAnswer) -> Bool?) -> SystemSummary.Share? {
    let found = values(system) { value($0).map { $0 ? 1 : 0 } }.compactMap { $0 }
    guard !found.isEmpty else { return nil }
    return SystemSummary.Share(
      share: found.reduce(0, +) / Double(found.count), questions: found.count)
  }

  /// The mean of a value over the questions where a system has it; nil where it has it for none.
  func score(_ system: ComparedSystem, _ value: (JudgedAnswer) -> Double?) -> SystemSummary.Score? {
    let found = values(system, value).compactMap { $0 }
    guard !found.isEmpty else { return nil }
    return SystemSummary.Score(interval: PairedBootstrap.mean(found), questions: found.count)
  }
}

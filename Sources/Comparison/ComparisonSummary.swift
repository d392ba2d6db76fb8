public import Scoring

/// What a comparison found: each system's scores and costs, every difference, and what follows.
///
/// It is computed from the answers, what the arms took, and the training rows, and from nothing else.
public struct ComparisonSummary: Sendable {
  /// The metric that counts.
  public let metric: AnswerMetric
  /// The metrics that apply to some question.
  public let metrics: [AnswerMetric]
  /// The questions that every arm answered.
  public let questions: [Question]
  /// How many of these the metric that counts applies to.
  public let scoredQuestions: Int
  /// The kinds of question, with how many there are, in order of appearance; empty where there are not two.
  public let kinds: [(name: String, questions: Int)]
  /// Baselines, then arms, cheap first.
  public let systems: [SystemSummary]
  /// Every two systems of which one is an arm; the later of ``systems`` first.
  public let differences: [SystemDifference]
  /// What time is worth.
  public let cost: CostBasis
  /// What must be known to read the rest.
  public let notes: [String]
  /// What follows.
  public let verdict: Verdict
  /// How the tuned arm's score grows with training rows; nil where it was not measured.
  public var learningCurve: LearningCurve?
  /// How arms bear passages that hold no answer; empty where it was not measured.
  public var robustness: [(arm: Arm, levels: DistractorRobustness)] = []

  /// All answers, judged.
  public let judged: [JudgedAnswer]
  let table: ScoreTable

  /// Judges the answers and compares.
  ///
  /// - Parameters:
  ///   - answers: by arm and seed in the order of their files; ids of questions are unique.
  ///   - runs: what the arms took.
  ///   - training: the training rows, for the baselines; with none there are no baselines.
  ///   - metric: the metric that counts.
  /// - Throws: `ScoringError` where the command gives no scores, no question was answered by all, or the metric applies
  ///   to none.
  public init(
    answers: [AnswerRecord], runs: [ArmRun], training: [Question], judge: AnswerJudge,
    metric: AnswerMetric, cost: CostBasis
  ) throws(ScoringError) {
    let judged = try JudgedAnswer.all(answers, training: training, judge: judge)
    let table = ScoreTable(judged)
    guard !table.questions.isEmpty else { throw .nothingInCommon }
    let scored = table.questions(with: metric)
    guard !scored.isEmpty else { throw .notApplicable(metric: metric) }

    let names = table.questions.compactMap(\.kind).reduce(into: [String]()) { names, kind in
      if !names.contains(kind) { names.append(kind) }
    }
    let byKind = names.map { name in
      (name: name, questions: scored.filter { table.questions[$0].kind == name })
    }.filter { !$0.questions.isEmpty }
    let kinds = byKind.count > 1 ? byKind : []

    let all = table.resampling(metric, of: scored)
    let ofKinds = kinds.map { table.resampling(metric, of: $0.questions) }
    let metrics = AnswerMetric.allCases.filter { !table.questions(with: $0).isEmpty }
    let ofMetrics = metrics.map { other in
      let questions = table.questions(with: other)
      return (metric: other, resampling: table.resampling(other, of: questions))
    }
    systems = table.systems.enumerated().map { index, system in
      SystemSummary(
        system, index, table, runs, cost, metric: metric, all: all, byMetric: ofMetrics,
        byKind: Array(zip(kinds.map(\.name), ofKinds)), scored: scored)
    }
    differences = SystemDifference.all(
      table.systems, all, byKind: Array(zip(kinds.map(\.name), ofKinds)))
    self.judged = judged
    self.table = table
    self.metric = metric
    self.metrics = metrics
    self.cost = cost
    self.kinds = kinds.map { ($0.name, $0.questions.count) }
    questions = table.questions
    scoredQuestions = scored.count
    notes = Self.notes(table, scored.count, metric, differences)
    verdict = Verdict(systems: systems, differences: differences, questions: scored.count)
  }

  private static func notes(
    _ table: ScoreTable, _ scored: Int, _ metric: AnswerMetric, _ differences: [SystemDifference]
  ) -> [String] {
    var notes: [String] = []
    if table.leftOut > 0 {
      notes.append(
        "\(table.leftOut) of \(table.leftOut + table.questions.count) questions were not answered by every arm with every seed and are left out."
      )
    }
    if scored < table.questions.count {
      notes.append(
        "\(metric.title) applies to \(scored) of \(table.questions.count) questions; the others do not count."
      )
    }
    if scored < SystemDifference.fewestQuestions {
      notes.append(
        "\(scored == 1 ? "One question decides" : "\(scored) questions decide") nothing; give at least \(SystemDifference.fewestQuestions), better a hundred."
      )
    }
    let decided = differences.filter(\.isDecided)
    if differences.count > 1 {
      let robust = decided.count(where: \.holdsInFamily)
      notes.append(
        "Of \(differences.count) differences, each with its own 95 % interval, one in twenty would leave out 0 by chance alone. \(decided.count) do, and \(robust) of them still do with intervals widened for \(differences.count) comparisons (Bonferroni)."
      )
    }
    return notes
  }

  /// The summary of a system; nil where it took no part.
  public func summary(of system: ComparedSystem) -> SystemSummary? {
    systems.first { $0.system == system }
  }
}

extension SystemDifference {
  /// Every two systems of which one is an arm.
  static func all(
    _ systems: [ComparedSystem], _ resampling: Resampling, byKind: [(String, Resampling)]
  ) -> [SystemDifference] {
    let pairs = systems.indices.flatMap { first in (0..<first).map { (first, $0) } }
      .filter { systems[$0.0].arm != nil }
    return pairs.map { first, second in
      SystemDifference(
        first: systems[first], second: systems[second],
        interval: resampling.difference(first, second),
        familyInterval: resampling.difference(
          first, second, confidence: 1 - 0.05 / Double(pairs.count)),
        questions: resampling.count,
        questionsToDecide: resampling.questionsToDecide(first, second),
        kinds: Dictionary(
          uniqueKeysWithValues: byKind.map { name, kind in
            (
              name,
              SystemSummary.Score(
                interval: kind.difference(first, second), questions: kind.count)
            )
          }))
    }
  }
}

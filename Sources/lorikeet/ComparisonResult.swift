import Comparison
import Configuration
import Datasets
import Kernels
import Reporting
import Scoring
import Serialization

/// What a comparison found, from the answers that stand in its folder.
struct ComparisonResult {
  let summary: ComparisonSummary
  /// The same as tables and pages read it.
  let report: ArmReport?
  private let folder: ComparisonFolder

  /// Scores the answers of all arms.
  ///
  /// - Throws: `ScoringError`.
  init(_ session: ComparisonSession) throws {
    folder = session.folder
    var answers: [AnswerRecord] = []
    var runs: [ArmRun] = []
    for task in session.arms {
      answers += try Self.answers(task, session)
      if let json = try? JSONText.read(folder.run(task)), let run = ArmRun(json: json) {
        runs.append(run)
      }
    }
    let compare = session.configuration.compare
    var summary = try ComparisonSummary(
      answers: answers, runs: runs, training: session.training, judge: session.judge,
      metric: session.metric,
      cost: CostBasis(pricePerCoreHour: compare.pricePerCoreHour, cores: Parallel.threads))
    try Self.addOnDemand(to: &summary, session)
    self.summary = summary
    report = ArmReport(.object(summary.json))
  }

  private static func answers(
    _ task: ComparisonTask, _ session: ComparisonSession
  ) throws -> [AnswerRecord] {
    try AnswerLog(
      path: session.folder.answers(task), arm: task.arm, seed: task.seed,
      questions: session.questions(task)
    ).answers
  }

  /// What was measured beside the arms themselves.
  private static func addOnDemand(
    to summary: inout ComparisonSummary, _ session: ComparisonSession
  ) throws {
    // Which questions the metric applies to depends on them alone, so all have the same.
    func scores(_ task: ComparisonTask) throws -> [Double] {
      try answers(task, session).compactMap {
        session.judge.scores(
          answer: $0.answer, reference: $0.question.answer, isAnswerable: $0.question.isAnswerable)[
            session.metric]
      }
    }
    let curve = session.learningCurve
    if !curve.isEmpty {
      let whole = ComparisonTask(.tuned, seed: session.configuration.compare.seeds[0])
      summary.learningCurve = LearningCurve(
        try (curve + [whole]).map {
          .init(examples: $0.rows ?? session.training.count, scores: try scores($0))
        })
    }
    let robustness = session.robustness
    for arm in Set(robustness.map(\.arm)).sorted() {
      let measured = try robustness.filter { $0.arm == arm }.map {
        (distractors: $0.distractors ?? 0, scores: try scores($0))
      }
      if let levels = DistractorRobustness(measured) { summary.robustness.append((arm, levels)) }
    }
  }

  /// Writes table, scores and page into the folder.
  ///
  /// - Throws: `ModelFileError`.
  func write() throws {
    try folder.write(
      JSONValue.object(summary.json).serialized(pretty: true) + "\n",
      to: "\(folder.path)/comparison.json")
    try folder.write(summary.scoredLines, to: "\(folder.path)/scores.jsonl")
    guard let report else { return }
    try folder.write(
      ArmReportPage.html(report, name: RunFolderFiles.name(of: folder.path)), to: page)
  }

  /// Where the page is.
  var page: String { "\(folder.path)/report.html" }
}

extension AnswerJudge {
  /// How a comparison's answers are judged.
  ///
  /// - Parameter training: what is learnt, whose answers are the labels under `metric: label`.
  /// - Throws: `ScoringError` for known calls that are none; `DatasetError` for a file that cannot be read.
  init(_ compare: ComparisonConfiguration.Compare, training: [Question]) throws {
    var labels: [String] = []
    if compare.metric == .label {
      for question in training where !labels.contains(question.answer) {
        labels.append(question.answer)
      }
    }
    var calls: CallScore?
    if let path = compare.knownCalls {
      calls = try CallScore(
        arguments: compare.callArguments, knownCalls: try FileBytes.read(path), path: path)
    } else if !compare.callArguments.isEmpty {
      calls = CallScore(arguments: compare.callArguments)
    }
    self.init(
      abstention: compare.abstention, labels: labels, calls: calls, command: compare.metricCommand)
  }
}

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
    for (arm, seed) in session.arms {
      answers += try AnswerLog(
        path: folder.answers(arm, seed: seed), arm: arm, seed: seed, questions: session.questions
      ).answers
      if let json = try? JSONText.read(folder.run(arm, seed: seed)), let run = ArmRun(json: json) {
        runs.append(run)
      }
    }
    let compare = session.configuration.compare
    summary = try ComparisonSummary(
      answers: answers, runs: runs, training: session.training, judge: session.judge,
      metric: session.metric,
      cost: CostBasis(pricePerCoreHour: compare.pricePerCoreHour, cores: Parallel.threads))
    report = ArmReport(.object(summary.json))
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

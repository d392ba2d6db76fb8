import Comparison
import Foundation
import Scoring
import Serialization
import TestSupport
import Testing

@Suite("ComparisonSummary") struct ComparisonSummaryTests {
  @Test("sums up each arm and both baselines over the same questions")
  func systems() throws {
    let summary = try RecordedComparison.summary()
    #expect(
      summary.systems.map(\.system.name) == [
        "majority", "nearest", "base", "few-shot", "retrieval", "tuned", "tuned-retrieval",
      ])
    #expect(summary.questions.count == 60 && summary.scoredQuestions == 60)
    #expect(summary.kinds.map(\.name).sorted() == ["fact", "format"])
    let tuned = try #require(summary.summary(of: .arm(.tuned)))
    #expect(tuned.seeds == [42, 43] && tuned.seedScores.count == 2)
    let mean = tuned.seedScores.reduce(0, +) / 2
    #expect(abs(tuned.score.interval.mean - mean) < 1e-12)
    for system in summary.systems {
      let interval = system.score.interval
      #expect(interval.low <= interval.mean && interval.mean <= interval.high)
      #expect(system.kinds.values.reduce(0) { $0 + $1.questions } == 60)
      let macro = system.kinds.values.reduce(0) { $0 + $1.interval.mean } / 2
      let found = try #require(system.macroScore)
      #expect(abs(found - macro) < 1e-12)
      #expect((system.cost == nil) == (system.system.arm == nil))
      #expect((system.retrieval != nil) == (system.system.arm?.retrieves == true))
      #expect((system.groundedness != nil) == (system.system.arm?.retrieves == true))
      #expect(system.hallucination?.questions == 8 && system.missed?.questions == 52)
    }
    #expect(summary.differences.count == 20)
    #expect(summary.verdict.advice == .both)
  }

  @Test("scores a question by the mean over seeds, and draws questions alone")
  func seeds() throws {
    let question = (0..<8).map { Question(id: "\($0)", question: "?", answer: "yes") }
    let answers = [1, 2].flatMap { seed in
      question.map {
        AnswerRecord(arm: .tuned, seed: seed, question: $0, answer: seed == 1 ? "yes" : "no")
      }
    }
    let summary = try ComparisonSummary(
      answers: answers, runs: [], training: [], judge: AnswerJudge(), metric: .exactMatch,
      cost: CostBasis(cores: 1))
    let tuned = try #require(summary.summary(of: .arm(.tuned)))
    #expect(tuned.score.interval == Interval(mean: 0.5, low: 0.5, high: 0.5))
    #expect(tuned.seedScores == [1, 0])
  }

  @Test("leaves out what not every arm answered with every seed, and says so")
  func incomplete() throws {
    var answers = try RecordedComparison.answers()
    let index = try #require(answers.firstIndex { $0.arm == .tuned && $0.seed == 43 })
    answers.remove(at: index)
    let summary = try ComparisonSummary(
      answers: answers, runs: [], training: [], judge: RecordedComparison.judge, metric: .rougeL,
      cost: CostBasis(cores: 1))
    #expect(summary.questions.count == 59)
    #expect(summary.notes.contains { $0.hasPrefix("1 of 60 questions") })
    #expect(summary.systems.count == 5, "no training rows, no baselines")
  }

  @Test("counts only questions that the metric applies to")
  func applicable() throws {
    let summary = try RecordedComparison.summary(metric: .jsonFields)
    #expect(summary.scoredQuestions == 30 && summary.questions.count == 60)
    #expect(summary.kinds.isEmpty, "one kind is no kind")
    #expect(summary.notes.contains { $0.contains("applies to 30 of 60 questions") })
    #expect(summary.metrics.contains(.jsonExact) && !summary.metrics.contains(.label))
    #expect(throws: ScoringError.notApplicable(metric: .call)) {
      try RecordedComparison.summary(metric: .call)
    }
    #expect(throws: ScoringError.nothingInCommon) {
      try ComparisonSummary(
        answers: [], runs: [], training: [], judge: AnswerJudge(), metric: .tokenF1,
        cost: CostBasis(cores: 1))
    }
  }

  @Test("lets the user's command score baselines, too")
  func command() throws {
    let summary = try ComparisonSummary(
      answers: RecordedComparison.answers(), runs: [], training: RecordedComparison.training(),
      judge: AnswerJudge(command: "sed 's/.*\"system\": \"nearest\".*/1/; s/.*system.*/0/'"),
      metric: .command, cost: CostBasis(cores: 1))
    #expect(summary.summary(of: .nearest)?.score.interval.mean == 1)
    #expect(summary.summary(of: .arm(.tuned))?.score.interval.mean == 0)
    #expect(summary.verdict.advice == .neither)
  }

  @Test("adds up what arms cost")
  func costs() throws {
    let summary = try RecordedComparison.summary()
    let tuned = try #require(summary.summary(of: .arm(.tuned))?.cost)
    #expect(tuned.trainingSeconds == 611 && tuned.memoryBytes == 415_000_000)
    let (rate, trained) = (2 * 0.04 / 3_600, try #require(tuned.trainingPrice))
    #expect(abs(trained - 611 * rate) < 1e-12)
    let thousand = try #require(tuned.pricePerThousand)
    #expect(abs(thousand - 1_000 * tuned.meanSeconds * rate) < 1e-12)
    #expect(tuned.medianSeconds < tuned.slowSeconds)
    #expect(summary.summary(of: .arm(.base))?.cost?.trainingSeconds == nil)
    let retention = try #require(summary.summary(of: .arm(.tuned))?.retention)
    #expect(abs(retention.after - 2.89) < 1e-12)
  }

  @Test("leads from every number to the lines that it was computed from")
  func traceable() throws {
    let summary = try RecordedComparison.summary()
    let lines = summary.scoredLines.split(separator: "\n").map(String.init)
    #expect(lines.count == summary.judged.count)
    var files: [String: [JSONValue]] = [:]
    var means: [String: (sum: Double, count: Double)] = [:]
    for (index, text) in lines.enumerated() {
      let row = try JSON.parse(text)
      let system = try #require(row["system"]?.stringValue)
      let score = try #require(row["token_f1"]?.doubleValue)
      means[system, default: (0, 0)].sum += score
      means[system, default: (0, 0)].count += 1
      guard let file = row["file"]?.stringValue, let line = row["line"]?.intValue else {
        #expect(summary.judged[index].line == index + 1 && row["answer"] != nil)
        continue
      }
      if files[file] == nil { files[file] = try RecordedComparison.lines(file) }
      let record = try #require(files[file]?[line - 1])
      #expect(record["question"]?["id"] == row["id"] && record["seed"] == row["seed"])
    }
    for (system, sums) in means {
      let found = summary.systems.first { $0.system.name == system }?.score.interval.mean
      let mean = try #require(found)
      #expect(abs(mean - sums.sum / sums.count) < 1e-12)
    }
  }

  @Test("is written as the file that pages are tested with")
  func file() throws {
    let few = Set((1...12).map { $0 < 10 ? "q0\($0)" : "q\($0)" })
    var summary = try ComparisonSummary(
      answers: RecordedComparison.answers().filter { few.contains($0.question.id) },
      runs: RecordedComparison.runs(), training: RecordedComparison.training(),
      judge: RecordedComparison.judge, metric: .tokenF1,
      cost: CostBasis(pricePerCoreHour: 0.04, cores: 2))
    let scores = (0..<12).map { Double($0 % 4) / 4 }
    summary.learningCurve = LearningCurve(
      [50, 100, 200].map { rows in
        .init(examples: rows, scores: scores.map { $0 + 0.25 - 10 / Double(rows) })
      })
    let levels = DistractorRobustness([(0, scores), (4, scores.map { $0 / 2 })])
    summary.robustness = [(.tunedRetrieval, try #require(levels))]
    let text = JSONValue.object(summary.json).serialized(pretty: true) + "\n"
    let path = Fixture.path("comparison/comparison.json")
    if ProcessInfo.processInfo.environment["LORIKEET_UPDATE_REFERENCE"] == "1" {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(
      text == String(decoding: try Fixture.bytes("comparison/comparison.json"), as: UTF8.self))
  }

  @Test("lists disagreements, the widest first, with the answers of all")
  func disagreements() throws {
    let json = try RecordedComparison.summary().json
    let rows = try #require(json["disagreements"]?.arrayValue)
    #expect(rows.count > 20)
    let spreads = rows.compactMap { $0["spread"]?.doubleValue }
    #expect(spreads.count == rows.count && spreads == spreads.sorted(by: >))
    for row in rows { #expect(row["answers"]?.arrayValue?.count == 9) }
  }
}

import Comparison
import Foundation
import Scoring
import Serialization
import TestSupport

/// The answers of Tests/Fixtures/comparison, and others made up on the spot.
enum RecordedComparison {
  static func lines(_ name: String) throws -> [JSONValue] {
    try Fixture.bytes("comparison/\(name)").split(separator: 0x0A).map { try JSON.parse(Array($0)) }
  }

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Fixture.path("comparison/\(folder)"))
      .sorted()
      .map { "\(folder)/\($0)" }
  }

  static func answers() throws -> [AnswerRecord] {
    try files("answers").flatMap(lines).compactMap { AnswerRecord(json: $0) }
  }

  static func runs() throws -> [ArmRun] {
    try files("arms").flatMap(lines).compactMap { ArmRun(json: $0) }
  }

  static func training() throws -> [Question] {
    try lines("train.jsonl").compactMap { Question(json: $0) }
  }

  static let judge = AnswerJudge(abstention: "I cannot find that in the handbook.")

  static func summary(metric: AnswerMetric = .tokenF1) throws -> ComparisonSummary {
    try ComparisonSummary(
      answers: answers(), runs: runs(), training: training(), judge: judge, metric: metric,
      cost: CostBasis(pricePerCoreHour: 0.04, cores: 2))
  }

  /// A comparison of arms that are right or wrong, by question, the first half of kind "a", the rest of kind "b".
  static func made(
    _ right: [Arm: (Int) -> Bool], questions: Int = 40, training: [Question] = [],
    runs: [ArmRun] = [], seconds: [Arm: Double] = [:]
  ) throws -> ComparisonSummary {
    let asked = (0..<questions).map { index in
      Question(
        id: "q\(index)", question: "What is \(index)?", answer: "number \(index)",
        kind: index < questions / 2 ? "a" : "b")
    }
    let answers = right.keys.sorted().flatMap { arm in
      asked.enumerated().map { index, question in
        AnswerRecord(
          arm: arm, seed: 1, question: question,
          answer: right[arm]?(index) == true ? question.answer : "wrong",
          seconds: seconds[arm] ?? 1)
      }
    }
    return try ComparisonSummary(
      answers: answers, runs: runs, training: training, judge: AnswerJudge(), metric: .exactMatch,
      cost: CostBasis(cores: 1))
  }
}

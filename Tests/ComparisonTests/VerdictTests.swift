import Comparison
import Scoring
import Testing

@Suite("Verdict") struct VerdictTests {
  private typealias Made = RecordedComparison

  /// Right on a share of questions that is the same for both kinds, the same questions for the same share.
  private static func share(_ percent: Int) -> (Int) -> Bool { { ($0 * 37) % 100 < percent } }

  @Test("chooses the simplest of what is not measurably worse than the best")
  func simplest() throws {
    let verdict = try Made.made([
      .base: Self.share(70), .fewShot: Self.share(72), .retrieval: Self.share(74),
      .tuned: Self.share(73),
    ]).verdict
    #expect(verdict.advice == .prompt && verdict.chosen == .base && !verdict.isCertain)
    #expect(verdict.headline.hasPrefix("Use the model as it is"))
    #expect(verdict.reasons.contains { $0.contains("do not decide between the base model and") })
    #expect(verdict.reasons.contains { $0.contains("more would") })
    #expect(verdict.reasons.contains { $0.hasPrefix("Fine-tuning has yet to show") })
    let level = try Made.made([.base: Self.share(70), .tuned: Self.share(69)]).verdict
    #expect(level.isCertain)
    #expect(
      level.reasons.contains { $0.hasPrefix("Fine-tuning is the wrong tool here as far as can") })
  }

  @Test("says to retrieve where only retrieval helps, and that tuning is the wrong tool")
  func retrieve() throws {
    let verdict = try Made.made([
      .base: Self.share(5), .fewShot: Self.share(10), .retrieval: Self.share(90),
      .tuned: Self.share(15), .tunedRetrieval: Self.share(40),
    ]).verdict
    #expect(verdict.advice == .retrieve && verdict.isCertain)
    #expect(
      verdict.reasons.contains {
        $0.hasPrefix("Fine-tuning is the wrong tool here: retrieval does without it")
      })
  }

  @Test("says to tune where only tuning helps, and when that pays")
  func tune() throws {
    let arms: [Arm: (Int) -> Bool] = [
      .base: Self.share(5), .retrieval: Self.share(20), .tuned: Self.share(90),
      .tunedRetrieval: Self.share(91),
    ]
    let runs = [ArmRun(arm: .tuned, seed: 1, questions: 40, trainingSeconds: 600, memoryBytes: 1)]
    let fast = try Made.made(arms, runs: runs, seconds: [.tuned: 1, .retrieval: 3]).verdict
    #expect(fast.advice == .tune)
    #expect(fast.reasons.contains { $0.contains("make up for after 300 questions") })
    #expect(!fast.reasons.contains { $0.contains("wrong tool") })
    let slow = try Made.made(arms, runs: runs, seconds: [.tuned: 3, .retrieval: 3]).verdict
    #expect(slow.reasons.contains { $0.contains("never pays for itself") })
  }

  @Test("says to do both where the combination beats each")
  func both() throws {
    let verdict = try Made.made([
      .base: { _ in false }, .retrieval: { $0 < 20 }, .tuned: { $0 >= 20 },
      .tunedRetrieval: { _ in true },
    ]).verdict
    #expect(verdict.advice == .both && verdict.isCertain)
  }

  @Test("says to do both where each wins on a kind of its own and the combination does not lose")
  func kinds() throws {
    // Retrieval and the combination are level in all, but tuning is better on the second kind.
    let verdict = try Made.made([
      .retrieval: { $0 < 20 || $0 % 3 == 0 }, .tuned: { $0 >= 20 || $0 % 4 == 0 },
      .tunedRetrieval: { $0 < 14 || $0 > 25 },
    ]).verdict
    #expect(verdict.advice == .both, "\(verdict)")
  }

  @Test("names the kinds on which another arm is better")
  func exceptions() throws {
    let verdict = try Made.made(
      [
        .base: { _ in false }, .retrieval: { $0 < 60 }, .tuned: { $0 >= 44 },
      ], questions: 80
    ).verdict
    #expect(verdict.advice == .retrieve)
    #expect(
      verdict.reasons.contains {
        $0.hasPrefix("Not everywhere: on questions of the kind “b” tuning is better by")
      }, "\(verdict.reasons)")
  }

  @Test("says neither where an answer without a model does as well")
  func neither() throws {
    let training = (0..<40).map {
      Question(id: "t\($0)", question: "What is \($0)?", answer: "number \($0)")
    }
    let copied = try Made.made(
      [.base: Self.share(20), .tuned: Self.share(60)], training: training
    ).verdict
    #expect(copied.advice == .neither && copied.chosen == nil)
    #expect(
      copied.reasons.contains { $0.contains("nearest training question's answer scores 1.000") })
    #expect(copied.reasons.contains { $0.contains("better than any model here") })
    let level = try Made.made([.base: Self.share(100)], training: training).verdict
    #expect(level.advice == .neither, "level is not better")
  }

  @Test("decides nothing on five questions")
  func few() throws {
    let arms: [Arm: (Int) -> Bool] = [.base: { _ in false }, .tuned: { _ in true }]
    let five = try Made.made(arms, questions: 5)
    #expect(five.verdict.chosen == .base && !five.verdict.isCertain)
    #expect(five.notes.contains { $0.hasPrefix("5 questions decide nothing") })
    #expect(try Made.made(arms, questions: 6).verdict.chosen == .tuned)
  }
}

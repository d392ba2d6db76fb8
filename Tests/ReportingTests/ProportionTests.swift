import Reporting
import Serialization
import Testing

@Suite("Proportion") struct ProportionTests {
  @Test(
    "has Wilson's interval",
    arguments: [
      (89, 100, 0.813_687_0, 0.937_458_0), (0, 10, 0, 0.277_532_8), (10, 10, 0.722_467_2, 1),
      (1, 1, 0.206_549_3, 1), (7, 13, 0.291_438_0, 0.767_939_3), (0, 0, 0, 1),
    ])
  func wilson(_ successes: Int, _ count: Int, _ low: Double, _ high: Double) {
    let interval = Proportion(successes: successes, of: count).wilsonInterval
    #expect(abs(interval.lowerBound - low) < 1e-6)
    #expect(abs(interval.upperBound - high) < 1e-6)
  }

  @Test(
    "an evaluation is decided only by an interval without 0",
    arguments: [
      (0.1, 0.2, EvaluationResult.Verdict.better), (-0.2, -0.1, .worse), (-0.1, 0.2, .undecided),
      (0, 0.2, .undecided),
    ])
  func verdict(_ low: Double, _ high: Double, _ verdict: EvaluationResult.Verdict) {
    let json: JSONValue = [
      "loss": 0.5,
      "exact_match_difference": ["mean": 0.1, "low": .number(low), "high": .number(high)],
    ]
    #expect(EvaluationResult(json)?.verdict == verdict)
  }

  @Test("what is no evaluation is none, and one without answers has no verdict")
  func notAnEvaluation() {
    #expect(EvaluationResult(["text": "x"]) == nil)
    #expect(EvaluationResult("x") == nil)
    let plain = EvaluationResult(["loss": 0.5, "base": ["loss": 1.5]])
    #expect(plain?.verdict == nil)
    #expect(plain?.base?.loss == 1.5)
  }
}

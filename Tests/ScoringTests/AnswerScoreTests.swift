import Scoring
import Testing

@Suite("AnswerScore") struct AnswerScoreTests {
  @Test("counts white space around an answer as nothing, and inside it as different")
  func exact() {
    #expect(AnswerScore(answer: " card_arrival\n", reference: "card_arrival").isExact)
    #expect(!AnswerScore(answer: "card arrival", reference: "card_arrival").isExact)
    #expect(AnswerScore(answer: "x", reference: "x").isValidJSON == nil)
  }

  @Test("compares JSON by value and counts fields")
  func json() {
    let reference = #"{"a":1,"b":"x","c":null}"#
    let reordered = AnswerScore(answer: #"{"b": "x", "a": 1, "c": null}"#, reference: reference)
    #expect(!reordered.isExact)
    #expect(reordered.isExactJSON == true)
    #expect(reordered.fieldAccuracy == 1)
    let partly = AnswerScore(answer: #"{"a":1,"b":"y"}"#, reference: reference)
    #expect(partly.isExactJSON == false)
    #expect(partly.fieldAccuracy == 1.0 / 3)
    let broken = AnswerScore(answer: #"{"a":1"#, reference: reference)
    #expect(broken.isValidJSON == false)
    #expect(broken.fieldAccuracy == 0)
  }
}

@Suite("PairedBootstrap") struct PairedBootstrapTests {
  @Test("brackets the mean, narrows with more rows, and is the same each time")
  func intervals() {
    let few = (0..<20).map { Double($0 % 2) }
    let many = (0..<500).map { Double($0 % 2) }
    let (narrow, wide) = (PairedBootstrap.mean(many), PairedBootstrap.mean(few))
    #expect(wide.mean == 0.5)
    #expect(wide.low < 0.5 && wide.high > 0.5)
    #expect(narrow.high - narrow.low < wide.high - wide.low)
    // A binomial share of 500: ±1.96 · √(0.25 / 500).
    #expect(abs(narrow.high - narrow.low - 2 * 1.96 * 0.02236) < 0.005)
    #expect(PairedBootstrap.mean(few) == wide)
  }

  @Test("of two systems that agree everywhere is exactly nothing")
  func paired() {
    let values = (0..<50).map { Double($0 % 3) }
    #expect(PairedBootstrap.difference(values, values) == Interval(mean: 0, low: 0, high: 0))
  }
}

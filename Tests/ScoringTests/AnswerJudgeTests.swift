import Scoring
import Testing

@Suite("AnswerJudge") struct AnswerJudgeTests {
  @Test("gives the metrics that apply to the reference, whatever the answer")
  func applicable() {
    let judge = AnswerJudge(
      abstention: "no idea", labels: ["red", "blue"], calls: CallScore(arguments: ["a"]))
    let plain: Set<AnswerMetric> = [.exactMatch, .strictMatch, .tokenF1, .rougeL]
    for answer in ["", "red", "{\"a\": 1}", "f(a=1)", "no idea"] {
      func metrics(_ reference: String) -> Set<AnswerMetric> {
        Set(judge.scores(answer: answer, reference: reference).keys)
      }
      #expect(metrics("green") == plain)
      #expect(metrics("red") == plain.union([.label]))
      #expect(metrics("f(a=1)") == plain.union([.call]))
      #expect(metrics("{\"a\": 1}") == plain.union([.jsonValid, .jsonExact, .jsonFields]))
    }
  }

  @Test("counts declining as right where nothing can be known, and as wrong elsewhere")
  func declining() {
    let judge = AnswerJudge(abstention: "no idea")
    func f1(_ answer: String, isAnswerable: Bool) -> Double? {
      judge.scores(answer: answer, reference: "That is unknown", isAnswerable: isAnswerable)[
        .tokenF1]
    }
    #expect(f1("I have no idea.", isAnswerable: false) == 1)
    #expect(f1("That is unknown", isAnswerable: false) == 0)
    #expect(f1("I have no idea.", isAnswerable: true) == 0)
    #expect(
      AnswerJudge().scores(
        answer: "That is unknown", reference: "That is unknown", isAnswerable: false)[
          .tokenF1] == 1, "without a phrase the words count")
  }

  @Test("tells how grounded an answer is from all passages together")
  func groundedness() {
    let judge = AnswerJudge(abstention: "no idea")
    #expect(judge.groundedness(answer: "five kg", passages: ["about five", "in kg"]) == 1)
    #expect(judge.groundedness(answer: "six kg", passages: ["about five", "in kg"]) == 0.5)
    #expect(judge.groundedness(answer: "no idea", passages: ["no idea"]) == nil)
    #expect(judge.groundedness(answer: "six kg", passages: []) == nil)
  }
}

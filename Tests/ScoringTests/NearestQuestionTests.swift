import Scoring
import Testing

@Suite("NearestQuestion") struct NearestQuestionTests {
  private static let questions = [
    "What does the lamp weigh?", "What does the pump weigh?", "How loud is the pump, the old pump?",
    "What does the lamp weigh?",
  ]

  @Test(
    "is the one with the rarest words in common, of equals the first",
    arguments: [
      ("the weight of a lamp", 0), ("pump weigh", 1), ("loud?", 2), ("old pump", 2),
      ("entirely other", nil), ("", nil),
    ])
  func nearest(_ question: String, _ index: Int?) {
    #expect(NearestQuestion(Self.questions).index(for: question) == index)
  }

  @Test("counts a rare word for more than a common one")
  func rarity() {
    #expect(NearestQuestion(["red apple", "red pear", "blue plum"]).index(for: "red plum") == 2)
  }

  @Test("of nothing is none")
  func empty() {
    #expect(NearestQuestion([]).index(for: "x") == nil)
    #expect(NearestQuestion(["", "the"]).index(for: "x") == nil)
  }
}

import Scoring
import Serialization
import TestSupport
import Testing

@Suite("Text metrics") struct TextMetricsTests {
  private static func rows() throws -> [JSONValue] {
    try Fixture.bytes("scoring/texts.jsonl").split(separator: 0x0A).map {
      try JSON.parse(Array($0))
    }
  }

  @Test("normalise, and score exact match and F1, as SQuAD does")
  func squad() throws {
    let rows = try Self.rows()
    #expect(rows.count == 90)
    for row in rows {
      let answer = NormalizedText(try #require(row["answer"]?.stringValue))
      let reference = NormalizedText(try #require(row["reference"]?.stringValue))
      #expect(answer.text == row["normalized"]?.stringValue, "\(row)")
      #expect((answer == reference ? 1 : 0) == row["exact_match"]?.doubleValue, "\(row)")
      let f1 = TokenOverlap(answer, reference).f1
      // The reference computes in f32.
      #expect(abs(f1 - (try #require(row["token_f1"]?.doubleValue))) < 1e-6, "\(row)")
    }
  }

  @Test("score ROUGE-L as rouge_score does")
  func rouge() throws {
    for row in try Self.rows() {
      let score = ROUGEL.score(
        answer: try #require(row["answer"]?.stringValue),
        reference: try #require(row["reference"]?.stringValue))
      #expect(abs(score - (try #require(row["rouge_l"]?.doubleValue))) < 1e-12, "\(row)")
    }
  }

  @Test("find a phrase only where its words follow one another")
  func contains() {
    let text = NormalizedText("Sorry, I do not know the answer.")
    #expect(text.contains(NormalizedText("I don't know")) == false)
    #expect(text.contains(NormalizedText("i do NOT know")))
    #expect(!text.contains(NormalizedText("do know")))
    #expect(!text.contains(NormalizedText("the")))
  }

  @Test("share an answer's words with passages, each as often as they have it")
  func grounded() {
    func share(_ answer: String, _ passage: String) -> Double? {
      TokenOverlap(NormalizedText(answer), NormalizedText(passage)).precision
    }
    #expect(share("It weighs 5 kg", "The lamp weighs 5 kg.") == 0.75)
    #expect(share("kg kg kg kg", "5 kg") == 0.25)
    #expect(share("...", "5 kg") == nil)
  }
}

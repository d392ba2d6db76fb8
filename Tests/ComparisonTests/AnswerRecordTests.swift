import Comparison
import Serialization
import Testing

@Suite("Answer records") struct AnswerRecordTests {
  @Test("A record read from its line is the record")
  func readBack() throws {
    let full = AnswerRecord(
      arm: .tunedRetrieval, seed: 7,
      question: Question(
        id: "q \"1\"", question: "what\nis it?", system: "be brief", answer: "42",
        documents: ["a.md", "b.md"], kind: "fact", isAnswerable: false),
      retrieved: [.init(citation: "a.md:3", document: "a.md", text: "It is 42.\u{0}")],
      answer: "", isComplete: false, promptTokens: 12, answerTokens: 0, seconds: 0.1)
    let plain = AnswerRecord(
      arm: .base, seed: 0, question: Question(id: "1", question: "é", answer: "ü"), answer: "x",
      promptTokens: 1, answerTokens: 1, seconds: 1)
    for record in [full, plain] {
      let line = JSONValue.object(record.json).serialized()
      #expect(!line.contains("\n"))
      #expect(AnswerRecord(json: try JSON.parse(line)) == record)
    }
  }

  @Test(
    "A line that lacks a member is no record",
    arguments: [
      "arm", "seed", "question", "retrieved", "answer", "complete", "prompt_tokens",
      "answer_tokens", "seconds",
    ])
  func missingMember(_ key: String) throws {
    let record = AnswerRecord(
      arm: .base, seed: 0, question: Question(id: "1", question: "a", answer: "b"), answer: "x")
    var json = record.json
    #expect(AnswerRecord(json: .object(json)) != nil)
    json[key] = nil
    #expect(AnswerRecord(json: .object(json)) == nil)
  }
}

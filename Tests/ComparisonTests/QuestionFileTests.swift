import Comparison
import Datasets
import Testing

@Suite("A file of questions") struct QuestionFileTests {
  private func read(_ text: String) throws -> [Question] {
    let folder = try ScratchFolder()
    return try QuestionFile.read([try folder.write(text, "q.jsonl")])
  }

  @Test("has questions and answers, and what else is known of them")
  func plainRows() throws {
    let questions = try read(
      """
      {"question": "a?", "answer": "A"}

      {"id": "two", "question": "b?", "answer": "B", "doc": "b.md", "kind": "fact", "system": "be brief"}
      {"id": 3, "question": "c?", "answer": "No.", "docs": ["b.md", "c.md"], "answerable": false, "note": [1]}
      """)
    #expect(
      questions == [
        Question(id: "q.jsonl:1", question: "a?", answer: "A"),
        Question(
          id: "two", question: "b?", system: "be brief", answer: "B", documents: ["b.md"],
          kind: "fact"),
        Question(
          id: "3", question: "c?", answer: "No.", documents: ["b.md", "c.md"], isAnswerable: false),
      ])
  }

  @Test("may be a training file of any format")
  func trainingRows() throws {
    let chat = try read(
      """
      {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a?"}, {"role": "assistant", "content": "A"}], "kind": "k"}
      {"messages": [{"role": "user", "content": "b?"}, {"role": "assistant", "content": "B"}], "system": "t"}
      """)
    #expect(
      chat == [
        Question(id: "q.jsonl:1", question: "a?", system: "s", answer: "A", kind: "k"),
        Question(id: "q.jsonl:2", question: "b?", system: "t", answer: "B"),
      ])
    #expect(
      try read("{\"prompt\": \"a?\", \"completion\": \"A\"}\n")
        == [Question(id: "q.jsonl:1", question: "a?", answer: "A")])
  }

  @Test(
    "is refused where a row is no question with an answer, with its line",
    arguments: [
      ("{\"question\": \"a?\"}", "line 1: the question has no answer"),
      ("{\"question\": \"a?\", \"answer\": \" \\n\"}", "line 1: the question has no answer"),
      ("{\"answer\": \"A\"}", "line 1: the row has no question"),
      (
        "{\"question\": \"a?\", \"answer\": 3}",
        "line 1: \"answer\" should be a string, but it is a number"
      ),
      (
        "\n{\"question\": \"a?\", \"answer\": \"A\", \"docs\": [1]}",
        "line 2: \"docs\" should list strings"
      ),
      (
        "{\"question\": \"a?\", \"answer\": \"A\", \"answerable\": \"no\"}",
        "line 1: \"answerable\" should be true or false, but it is a string"
      ),
      (
        "{\"id\": \"x\", \"question\": \"a?\", \"answer\": \"A\"}\n{\"id\": \"x\", \"question\": \"b?\", \"answer\": \"B\"}",
        "line 2: a question before has the id \"x\" too"
      ),
      ("{\"text\": \"a\"}", "line 1: the row is plain text"),
      (
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}, {\"role\": \"user\", \"content\": \"c\"}, {\"role\": \"assistant\", \"content\": \"d\"}]}",
        "line 1: the conversation is not one question with one answer"
      ),
      (
        "{\"question\": \"a?\", \"answer\": \"A\"}\n[1]",
        "line 2, column 1: the row should be an object"
      ),
      ("\n\n", "has no row"),
    ])
  func badRows(_ text: String, _ message: String) throws {
    let error = try #require(throws: (any Error).self) { try read(text) }
    #expect("\(error)".contains(message), "\(error)")
  }
}

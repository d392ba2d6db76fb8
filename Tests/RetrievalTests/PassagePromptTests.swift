import Retrieval
import Serialization
import Testing

@Suite("A prompt with passages") struct PassagePromptTests {
  private static func passage(_ number: Int, title: String, _ text: String) -> Passage {
    Passage(id: number, path: "docs/a.md", title: title, lines: number...number, text: text)
  }

  private let prompt = PassagePrompt(
    question: "Why?", system: "Be brief.",
    passages: [
      passage(1, title: "Trees", "Because of this."), passage(2, title: "Sea", "The Sea is wet."),
      passage(3, title: "Long", String(repeating: "word ", count: 50)),
    ])

  @Test("numbers them, and says a title where the text does not")
  func messages() {
    var short = prompt
    short.passages.removeLast()
    #expect(short.messages.map { $0["role"]?.stringValue } == ["system", "user"])
    #expect(
      short.messages[1]["content"]?.stringValue
        == "Passages:\n\n[1] Trees\nBecause of this.\n\n[2] The Sea is wet.\n\nQuestion: Why?")
    short.passages = []
    short.system = nil
    #expect(short.messages.map { $0["content"]?.stringValue } == ["Why?"])
  }

  @Test("keeps the likest of them that fit, and is none where not one does")
  func fitting() {
    func length(_ messages: [JSONValue]) -> Int {
      messages.reduce(0) { $0 + ($1["content"]?.stringValue?.utf8.count ?? 0) }
    }
    let whole = length(prompt.messages)
    #expect(prompt.fitting(whole, count: length) == prompt)
    let two = prompt.fitting(whole - 1, count: length)
    #expect(two?.passages.map(\.id) == [1, 2])
    let needed = length(
      PassagePrompt(question: "Why?", system: "Be brief.", passages: [prompt.passages[0]]).messages)
    #expect(prompt.fitting(needed, count: length)?.passages.map(\.id) == [1])
    #expect(prompt.fitting(needed - 1, count: length) == nil)
  }
}

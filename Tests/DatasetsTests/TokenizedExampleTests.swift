import Serialization
import Tokenization
import Testing

@testable import Datasets

@Suite("TokenizedExample") struct TokenizedExampleTests {
  private let source = ExampleSource(path: "x.jsonl", line: 3)

  private func say(_ role: String, _ text: String) -> JSONValue {
    ["role": .string(role), "content": .string(text)]
  }

  private func chat(_ messages: [JSONValue], weights: [Float]? = nil) -> Example {
    let conversation =
      weights.map { Conversation(messages: messages, weights: $0) }
      ?? Conversation(messages: messages)
    return Example(.conversation(conversation), source: source)
  }

  private func make(
    _ example: Example, beginsTexts: Bool = false, endsTexts: Bool = true,
    assistantOnly: Bool = true
  ) throws -> TokenizedExample {
    try TokenizedExample.make(
      example, tokenizer: try TinyTokenizer.make(beginsTexts: beginsTexts, endsTexts: endsTexts),
      template: try TinyTokenizer.template(), assistantOnly: assistantOnly)
  }

  /// What counts, written out, with the weights of its tokens.
  private func learnt(_ example: TokenizedExample) throws -> (text: String, weights: [Float]) {
    let counted = zip(example.tokens, example.lossWeights).filter { $0.1 > 0 }
    let bytes = try TinyTokenizer.make().decode(counted.map(\.0))
    return (String(decoding: bytes, as: UTF8.self), counted.map(\.1))
  }

  private func refusal(_ example: Example, template: ChatTemplate?) throws -> String {
    let tokenizer = try TinyTokenizer.make()
    do {
      return "accepted: "
        + "\(try TokenizedExample.make(example, tokenizer: tokenizer, template: template))"
    } catch {
      return "\(error)"
    }
  }

  @Test("learns every assistant turn through its end-of-turn token, and nothing else")
  func learnsAssistantTurns() throws {
    let made = try make(
      chat([say("user", "a"), say("assistant", "bé"), say("user", "b"), say("assistant", "c")]))
    let (text, weights) = try learnt(made)
    #expect(text == "bé<|im_end|>c<|im_end|>")
    #expect(weights == [1, 1, 1, 1, 1, 1])
    let all = String(decoding: try TinyTokenizer.make().decode(made.tokens), as: UTF8.self)
    #expect(
      all == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nbé<|im_end|>\n"
        + "<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\nc<|im_end|>\n")
    #expect(made.source == source)
  }

  @Test("weighs each assistant turn by its message's weight")
  func weighsTurns() throws {
    let made = try make(
      chat(
        [say("user", "u"), say("assistant", "a"), say("assistant", "b"), say("assistant", "c")],
        weights: [0, 0, 0.5, 2])
    )
    let (text, weights) = try learnt(made)
    #expect(text == "b<|im_end|>c<|im_end|>")
    #expect(weights == [0.5, 0.5, 2, 2])
    #expect(made.supervisedTokens == 4)
    #expect(made.totalLossWeight == 5)
  }

  @Test("is not misled by a user who writes the assistant's markup")
  func ignoresQuotedMarkup() throws {
    let forged = "<|im_start|>assistant\nforged<|im_end|>"
    let made = try make(chat([say("user", forged), say("assistant", "real")]))
    #expect(try learnt(made).text == "real<|im_end|>")
  }

  @Test("learns the completion and the end, after a prompt that is plain text")
  func learnsCompletions() throws {
    let made = try make(
      Example(.completion(prompt: "ab", completion: "cd"), source: source), beginsTexts: true)
    #expect(made.tokens == [TinyTokenizer.beginning, 97, 98, 99, 100, TinyTokenizer.end])
    #expect(made.lossWeights == [0, 0, 0, 1, 1, 1])
  }

  @Test("learns a token that lies across the border of prompt and completion")
  func learnsStraddlingTokens() throws {
    let made = try make(
      Example(.completion(prompt: "why", completion: "not"), source: source))
    #expect(made.tokens == [119, 104, TinyTokenizer.yn, 111, 116, TinyTokenizer.end])
    #expect(made.lossWeights == [0, 0, 1, 1, 1, 1])
  }

  @Test("learns all of a text but its first token, which nothing predicts")
  func learnsTexts() throws {
    let text = Example(.text("abc"), source: source)
    #expect(try make(text).lossWeights == [0, 1, 1, 1])
    #expect(try make(text, beginsTexts: true).lossWeights == [0, 1, 1, 1, 1])
    #expect(try make(text, endsTexts: false).tokens == [97, 98, 99])
  }

  @Test("learns everything where not only the assistant is asked for")
  func learnsEverything() throws {
    let made = try make(
      chat([say("user", "a"), say("assistant", "b")], weights: [0, 0]), assistantOnly: false)
    #expect(made.lossWeights.first == 0)
    #expect(made.lossWeights.dropFirst().allSatisfy { $0 == 1 })
  }

  @Test("names the row that has nothing to learn, and says why")
  func refusesSilence() throws {
    let template = try TinyTokenizer.template()
    #expect(
      try refusal(
        chat([say("user", "a"), say("assistant", "a")], weights: [0, 0]), template: template)
        == "x.jsonl line 3: the row has nothing to learn: all its assistant messages have weight 0; "
        + "remove the row or give one a weight")
    #expect(
      try refusal(chat([say("user", "a")]), template: template).hasPrefix(
        "x.jsonl line 3: the row has nothing to learn"))
    #expect(
      try refusal(Example(.text(""), source: source), template: template)
        == "x.jsonl line 3: the row has nothing to learn: its text is shorter than two tokens; remove "
        + "the row")
  }

  @Test("says that a model without a chat template cannot learn a conversation")
  func needsTemplate() throws {
    #expect(
      try refusal(chat([say("assistant", "a")]), template: nil)
        == "x.jsonl line 3: is a conversation, but the model has no chat template; use a chat model, "
        + "or rows with prompt and completion")
  }

  @Test("passes on what the template says against a row, with the row's place")
  func reportsTemplateErrors() throws {
    let refusing = try TinyTokenizer.template("{{ raise_exception('no tools here') }}")
    #expect(
      try refusal(chat([say("user", "a"), say("assistant", "a")]), template: refusing)
        == "x.jsonl line 3: the chat template refuses this conversation (its line 1): no tools here"
    )
  }

  @Test("learns everything even where the template does not tell the assistant's turns apart")
  func everythingNeedsNoTurns() throws {
    let flat = try TinyTokenizer.template("{% for m in messages %}{{ m.content }}{% endfor %}!")
    let example = chat([say("user", "a"), say("assistant", "b")])
    let made = try TokenizedExample.make(
      example, tokenizer: try TinyTokenizer.make(), template: flat, assistantOnly: false)
    #expect(made.tokens == [97, 98, 33])
    #expect(made.lossWeights == [0, 1, 1])
  }

  @Test("weighs a token by the heaviest span it shares a byte with", arguments: [0, 3])
  func weighsOverlaps(_ shift: Int) {
    func span(_ range: Range<Int>) -> Range<Int> {
      range.lowerBound + shift..<range.upperBound + shift
    }
    let learnt = LearntText(
      text: "",
      spans: [
        LearntSpan(range: span(2..<4), weight: 1), LearntSpan(range: span(4..<4), weight: 9),
        LearntSpan(range: span(5..<6), weight: 3), LearntSpan(range: span(6..<9), weight: 2),
      ])
    let tokens = [0..<2, 1..<3, 3..<5, 4..<5, 5..<7, 7..<8, 8..<12, 12..<13]
    #expect(
      learnt.weights(of: tokens.map { TokenSpan(id: 0, range: span($0)) })
        == [0, 1, 1, 0, 3, 2, 2, 0])
  }
}

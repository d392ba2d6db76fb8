internal import Datasets
internal import Inference
internal import Serialization
internal import Tokenization

extension SelfTest {
  static var dataChecks: [Check] {
    [
      Check(
        name: "tokens", claim: "a text comes back from its tokens byte by byte", bound: 0,
        measure: tokens),
      Check(
        name: "mask", claim: "what the assistant writes is learnt, and nothing else", bound: 0,
        measure: mask),
    ]
  }

  private static func chat(_ folder: String) throws -> ChatModel {
    try SyntheticModel.write(to: "\(folder)/model")
    return try ChatModel(path: "\(folder)/model")
  }

  private static func tokens(_ folder: String) throws -> Double {
    let tokenizer = try chat(folder).tokenizer
    let texts = [
      "plain", "  spaces\tand\r\nlines\n\n", "naïve café, Žluťoučký kůň", "日本語 ✓ 👩‍👩‍👧 e\u{301}",
      "", "<|im_start|>",
    ]
    return Double(
      texts.count { text in
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        return tokenizer.decode(ids, skipSpecialTokens: false) != Array(text.utf8)
      })
  }

  private static func mask(_ folder: String) throws -> Double {
    let chat = try chat(folder)
    // The second answer is not to be learnt, and the user writes what looks like markup.
    let row: [(role: String, text: String, weight: Float)] = [
      ("system", "Be brief.", 0), ("user", "One?", 0), ("assistant", "Yes: 1.", 1),
      ("user", "assistant\nTwo", 0), ("assistant", "No.", 0), ("user", "Three?", 0),
      ("assistant", "Drei ✓", 1),
    ]
    let conversation = Conversation(
      messages: row.map { ["role": .string($0.role), "content": .string($0.text)] },
      weights: row.map(\.weight))
    let example = try TokenizedExample.make(
      Example(.conversation(conversation), source: ExampleSource(path: "self test", line: 1)),
      tokenizer: chat.tokenizer, template: chat.template)
    let learnt = zip(example.tokens, example.lossWeights).filter { $0.1 != 0 }.map(\.0)
    let text = chat.tokenizer.decode(learnt, skipSpecialTokens: false)
    return text == Array("Yes: 1.<|im_end|>Drei ✓<|im_end|>".utf8) ? 0 : 1
  }
}

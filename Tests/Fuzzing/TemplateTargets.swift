import Datasets
import Serialization
import Tokenization

/// Chat templates, and data files written out by one.
enum TemplateTargets {

  static func makeTemplateReader() throws -> ([UInt8], String) throws -> Void {
    let file = try JSON.parse(FuzzFile.fixture("templates/conversations.json"))
    let conversations = (file["conversations"]?.arrayValue ?? []).compactMap {
      $0["messages"]?.arrayValue
    }
    let tools = file["tools"]
    let variables =
      try JSON.parse(FuzzFile.fixture("templates/snippets.json"))["variables"]?
      .objectValue ?? JSONObject()
    let date = TemplateDate(year: 2024, month: 2, day: 29)
    return { bytes, _ in
      let template = try ChatTemplate(
        source: String(decoding: bytes, as: UTF8.self), bosToken: "<s>", eosToken: "<|im_end|>",
        date: date)
      let messages = conversations[bytes.count % conversations.count]
      try each(
        {
          _ = try template.render(messages: messages, addGenerationPrompt: true, extra: variables)
        },
        { _ = try template.render(messages: messages, tools: tools, addGenerationPrompt: false) },
        { check(try template.renderWithSupervision(messages: messages)) },
        { check(try template.renderWithSupervision(messages: messages, tools: tools)) })
    }
  }

  private static func check(_ rendered: RenderedConversation) {
    var end = 0
    let count = rendered.text.utf8.count
    for span in rendered.spans {
      require(
        span.range.lowerBound >= end && span.range.upperBound <= count,
        "supervised spans overlap or lie outside the text")
      end = span.range.upperBound
    }
  }

  static func makeRowReader() throws -> ([UInt8], String) throws -> Void {
    let tokenizer = try Tokenizer(
      tokenizerJSON: JSON.parse(FuzzFile.fixture("modelfiles/tiny/tokenizer.json")),
      tokenizerConfig: JSON.parse(FuzzFile.fixture("modelfiles/tiny/tokenizer_config.json")))
    let templates = try ["smollm2", "agent", "reasoner"].map { name in
      try ChatTemplate(
        source: String(decoding: FuzzFile.fixture("templates/\(name).jinja"), as: UTF8.self),
        bosToken: "<|im_start|>", eosToken: "<|im_end|>")
    }
    return { bytes, _ in
      let dataset = try Dataset(bytes, path: "train.jsonl")
      var first: (any Error)?
      for example in dataset.examples.prefix(16) {
        do {
          let made = try TokenizedExample.make(
            example, tokenizer: tokenizer, template: templates[bytes.count % templates.count])
          require(made.tokens.count == made.lossWeights.count, "a token has no weight")
        } catch {
          require(!"\(error)".isEmpty, "an error says nothing")
          first = first ?? error
        }
      }
      if let first { throw first }
    }
  }
}

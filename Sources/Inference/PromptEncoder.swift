public import Serialization
public import Tokenization

/// Turns messages into what a model reads; needs no weights.
///
/// The same template and tokenizer as in training, so that a prompt's tokens are those trained on.
public struct PromptEncoder {
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// The model's chat template; nil for a base model that has none.
  public let template: ChatTemplate?

  /// Makes an encoder.
  public init(tokenizer: Tokenizer, template: ChatTemplate?) {
    self.tokenizer = tokenizer
    self.template = template
  }

  /// The tokens that ask the model for its next turn; without a template, the messages' plain text.
  ///
  /// - Throws: `TemplateError` where the template refuses the messages.
  public func tokens(_ messages: [JSONValue], tools: JSONValue? = nil) throws -> [Int32] {
    guard let template else {
      let text = messages.compactMap { $0["content"]?.stringValue }.joined(separator: "\n")
      return tokenizer.encode(text, addSpecialTokens: true)
    }
    return tokenizer.encode(
      try template.render(messages: messages, tools: tools, addGenerationPrompt: true))
  }

  /// The tokens of a whole conversation, as training has them.
  ///
  /// - Throws: `TemplateError` where the template refuses the messages.
  public func conversationTokens(_ messages: [JSONValue]) throws -> [Int32] {
    guard let template else { return try tokens(messages) }
    return tokenizer.encode(try template.render(messages: messages, addGenerationPrompt: false))
  }
}

public import Tokenization

/// An example as token ids, with how much predicting each of them counts.
public struct TokenizedExample: Sendable, Equatable {
  /// The ids.
  public var tokens: [Int32]
  /// For each token the factor of the loss of predicting *it*; the first is never predicted and has 0.
  public var lossWeights: [Float]
  /// The row it came from.
  public var source: ExampleSource

  /// Makes an example; the weight of the first token is set to 0.
  public init(tokens: [Int32], lossWeights: [Float], source: ExampleSource) {
    precondition(tokens.count == lossWeights.count, "every token has a weight")
    self.tokens = tokens
    self.lossWeights = lossWeights
    self.source = source
    if !lossWeights.isEmpty { self.lossWeights[0] = 0 }
  }

  /// The number of tokens whose prediction counts.
  public var supervisedTokens: Int { lossWeights.count { $0 > 0 } }

  /// The sum of the factors.
  public var totalLossWeight: Double { lossWeights.reduce(0) { $0 + Double($1) } }
}

/// Bytes of a text whose tokens are learnt.
struct LearntSpan: Equatable {
  /// Offsets into the text's UTF-8.
  var range: Range<Int>
  /// The factor of their losses.
  var weight: Float
}

/// A text and what is learnt of it, in the text's order.
struct LearntText: Equatable {
  var text: String
  var spans: [LearntSpan]

  /// For each token the weight of the spans it shares a byte with, the greatest if there are several.
  ///
  /// So a token counts that begins before a span or ends after it, which is how Transformers makes
  /// `assistant_masks` with `char_to_token`.
  func weights(of tokens: [TokenSpan]) -> [Float] {
    var first = 0
    return tokens.map { token in
      while first < spans.count, spans[first].range.upperBound <= token.range.lowerBound {
        first += 1
      }
      var weight: Float = 0
      var index = first
      while index < spans.count, spans[index].range.lowerBound < token.range.upperBound {
        if spans[index].range.overlaps(token.range) { weight = max(weight, spans[index].weight) }
        index += 1
      }
      return weight
    }
  }
}

extension TokenizedExample {
  /// Turns a row into tokens.
  ///
  /// - A conversation is written out by the template. What an assistant message generates counts with the
  ///   message's weight; so the markup before it does not, and its end-of-turn token does.
  /// - Prompt and completion are plain text, end to end, and the completion counts.
  /// - All of a text counts.
  ///
  /// The last two have the tokens before them that the tokenizer puts before a text, and the
  /// end-of-sequence token after them, which counts. The template writes both itself.
  ///
  /// - Parameters:
  ///   - template: The model's chat template; `nil` if it has none.
  ///   - assistantOnly: Whether only the parts above count; else every token does.
  /// - Throws: ``DatasetError`` if there is no template for a conversation, it refuses the row, or no token
  ///   counts.
  public static func make(
    _ example: Example, tokenizer: Tokenizer, template: ChatTemplate?, assistantOnly: Bool = true
  ) throws(DatasetError) -> TokenizedExample {
    let learnt: LearntText
    let isPlain: Bool
    switch example.content {
    case .conversation(let conversation):
      guard let template else { throw .noChatTemplate(example.source) }
      learnt = try LearntText(
        conversation, template: template, tracksTurns: assistantOnly, source: example.source)
      isPlain = false
    case .completion(let prompt, let completion):
      let start = prompt.utf8.count
      let range = start..<(start + completion.utf8.count)
      learnt = LearntText(
        text: prompt + completion, spans: [LearntSpan(range: range, weight: 1)])
      isPlain = true
    case .text(let text):
      learnt = LearntText(
        text: text, spans: [LearntSpan(range: 0..<text.utf8.count, weight: 1)])
      isPlain = true
    }
    let made = Self(
      learnt, isPlain: isPlain, tokenizer: tokenizer, assistantOnly: assistantOnly,
      source: example.source)
    guard made.supervisedTokens > 0 else {
      throw .nothingToLearn(example.source, why: example.reasonForSilence)
    }
    return made
  }

  private init(
    _ learnt: LearntText, isPlain: Bool, tokenizer: Tokenizer, assistantOnly: Bool,
    source: ExampleSource
  ) {
    let spans = tokenizer.encodeWithOffsets(learnt.text)
    var tokens = spans.map(\.id)
    var weights = learnt.weights(of: spans)
    if isPlain {
      let prefix = tokenizer.description.prefix
      tokens.insert(contentsOf: prefix, at: 0)
      weights.insert(contentsOf: prefix.map { _ in 0 }, at: 0)
      if let end = tokenizer.endOfSequence {
        tokens.append(end)
        weights.append(1)
      }
    }
    if !assistantOnly { weights = tokens.map { _ in 1 } }
    self.init(tokens: tokens, lossWeights: weights, source: source)
  }
}

extension LearntText {
  /// Writes out a conversation; if `tracksTurns`, knowing what of it the assistant generates.
  ///
  /// A template in which that cannot be told will still do where everything is learnt.
  init(
    _ conversation: Conversation, template: ChatTemplate, tracksTurns: Bool, source: ExampleSource
  ) throws(DatasetError) {
    do throws(TemplateError) {
      guard tracksTurns else {
        let text = try template.render(
          messages: conversation.messages, tools: conversation.tools, addGenerationPrompt: false)
        self.init(text: text, spans: [])
        return
      }
      let rendered = try template.renderWithSupervision(
        messages: conversation.messages, tools: conversation.tools)
      self.init(
        text: rendered.text,
        spans: rendered.spans.map {
          LearntSpan(range: $0.range, weight: conversation.weights[$0.messageIndex])
        })
    } catch {
      throw .templateFailed(source, message: error.description)
    }
  }
}

extension Example {
  fileprivate var reasonForSilence: UnsupervisedReason {
    guard case .conversation(let conversation) = content else { return .noText }
    return conversation.weights.allSatisfy { $0 == 0 } ? .zeroWeights : .nothingGenerated
  }
}

public import Serialization

/// A part of a rendered conversation that a model learns to write.
public struct SupervisedSpan: Sendable, Equatable {
  /// The UTF-8 bytes of the text.
  public let range: Range<Int>
  /// The message, counted from 0, that the bytes belong to.
  public let messageIndex: Int

  /// Makes a span.
  public init(range: Range<Int>, messageIndex: Int) {
    self.range = range
    self.messageIndex = messageIndex
  }
}

/// A conversation as text, and which of it the assistant wrote.
public struct RenderedConversation: Sendable, Equatable {
  /// The whole text.
  public let text: String
  /// What the assistant wrote, in order and without overlap.
  public let spans: [SupervisedSpan]

  /// Makes a rendered conversation.
  public init(text: String, spans: [SupervisedSpan]) {
    self.text = text
    self.spans = spans
  }
}

extension ChatTemplate {
  /// The text of a conversation and the spans of it that an assistant turn generates.
  ///
  /// A template with `{% generation %}` blocks says itself which those are, and is taken at its
  /// word, as Transformers' assistant mask does. Otherwise a span is found by where each character
  /// came from:
  ///
  /// - A turn is what the template wrote while its loop was at the message.
  /// - Its header is what the generation prompt puts there: the conversation up to the message is
  ///   rendered with `add_generation_prompt`, and what this adds to the text before the turn is the
  ///   header. A prompt may go on otherwise than the finished turn does (an opening `<think>`);
  ///   then the header ends where the message's own words begin, or with the last piece of the
  ///   template that both share. What a message says is never header, whatever it looks like. An
  ///   empty `<think></think>` is learned if the finished turn has it and the prompt does not, and
  ///   is header if the prompt has it too.
  /// - The span ends after the first `eosToken` that the template wrote after the message's last
  ///   word, else with the turn, less the whitespace at its end. If there is nothing but whitespace
  ///   after the last word, that is what ends a turn in this template, and is learned. Text after
  ///   the loop belongs to no turn.
  ///
  /// - Throws: ``TemplateError/unclearTurn(messageIndex:reason:)`` rather than a guess, and what
  ///   rendering throws.
  public func renderWithSupervision(
    messages: [JSONValue], tools: JSONValue? = nil, extra: JSONObject = .init()
  ) throws(TemplateError) -> RenderedConversation {
    let input = try TemplateInput(
      messages: messages, tools: tools, extra: extra, bosToken: bosToken, eosToken: eosToken)
    let spending = TemplateSpending()
    let rendering = try render(
      input, addsGenerationPrompt: false, traces: true, spending: spending)
    var ranges: [(range: Range<Int>, messageIndex: Int)]
    if marksGenerations {
      ranges = rendering.generationRanges(of: input.messages)
    } else {
      var finder = TurnFinder(
        template: self, input: input, rendering: rendering, spending: spending)
      ranges = try finder.supervisedRanges()
    }
    ranges = ranges.filter { !$0.range.isEmpty }

    // Code points to bytes, in one pass.
    var offsets = [0]
    offsets.reserveCapacity(rendering.glyphs.count + 1)
    for glyph in rendering.glyphs {
      let width = UTF8.width(glyph.unicode)
      offsets.append((offsets.last ?? 0) + width)
    }
    return RenderedConversation(
      text: TracedString(glyphs: rendering.glyphs).text,
      spans: ranges.map {
        SupervisedSpan(
          range: offsets[$0.range.lowerBound]..<offsets[$0.range.upperBound],
          messageIndex: $0.messageIndex)
      })
  }
}

extension TracedRendering {
  /// The code points inside of `{% generation %}` blocks.
  fileprivate func generationRanges(of messages: [JSONObject])
    -> [(range: Range<Int>, messageIndex: Int)]
  {
    var ranges: [(range: Range<Int>, messageIndex: Int)] = []
    var start = 0
    while start < glyphs.count {
      let generation = origin(at: start).generation
      var end = start + 1
      while end < glyphs.count, origin(at: end).generation == generation { end += 1 }
      if generation != 0 {
        ranges.append((start..<end, messageIndex(of: start..<end, messages)))
      }
      start = end
    }
    return ranges
  }

  /// The message that a marked block is part of: the one being rendered, else the one it quotes,
  /// else the last assistant's before it, as for an end token that follows the loop.
  private func messageIndex(of range: Range<Int>, _ messages: [JSONObject]) -> Int {
    for index in range where origin(at: index).turn != 0 { return Int(origin(at: index).turn) - 1 }
    for index in range where origin(at: index).isSpoken {
      return Int(origin(at: index).message) - 1
    }
    for index in (0..<range.lowerBound).reversed() where origin(at: index).turn != 0 {
      return Int(origin(at: index).turn) - 1
    }
    return messages.lastIndex { $0["role"]?.stringValue == "assistant" } ?? 0
  }
}

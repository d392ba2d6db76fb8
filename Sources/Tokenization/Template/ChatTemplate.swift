public import Serialization

/// A model's chat template: Jinja that turns a conversation into the text the model was trained on.
///
/// Renders byte for byte what Transformers' `apply_chat_template` renders. The template is a
/// stranger's program: it sees the conversation and nothing else, and stops at ``TemplateLimits``.
///
/// - SeeAlso: Jinja 3.1; Transformers 5, `utils/chat_template_utils.py`.
public final class ChatTemplate: Sendable {
  /// The template's source, as given.
  public let source: String
  /// The token that begins a text, `bos_token` in the template.
  public let bosToken: String?
  /// The token that ends a text or a turn, `eos_token` in the template.
  public let eosToken: String?
  /// What `strftime_now` tells; a template that asks without one is an error.
  public let date: TemplateDate?
  /// How much one rendering may use.
  public let limits: TemplateLimits

  let parsed: ParsedTemplate

  /// Whether the template marks by `{% generation %}` what the assistant writes.
  public var marksGenerations: Bool { parsed.marksGenerations }

  /// Reads a template.
  ///
  /// - Parameters:
  ///   - source: The text of `chat_template`.
  ///   - bosToken: The token that begins a text, if the tokenizer has one.
  ///   - eosToken: The token that ends one.
  ///   - date: The date on which the template is to believe it is rendered.
  ///   - limits: How much one rendering may use.
  /// - Throws: ``TemplateError/syntax(line:message:)`` or
  ///   ``TemplateError/unsupported(line:construct:)``.
  public init(
    source: String, bosToken: String?, eosToken: String?, date: TemplateDate? = nil,
    limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) {
    self.source = source
    self.bosToken = bosToken
    self.eosToken = eosToken
    self.date = date
    self.limits = limits
    parsed = try TemplateParser.parse(source)
  }

  /// The text of a conversation.
  ///
  /// - Parameters:
  ///   - messages: Objects with `role`, `content` and what else the template knows. Members that
  ///     are `null` count as missing, as in Transformers 5.
  ///   - tools: A list of tool descriptions, or `nil` for none.
  ///   - addGenerationPrompt: Whether to end with the header of the turn that the model is to
  ///     write.
  ///   - extra: Further variables of the template, such as `enable_thinking`; they may stand in for
  ///     the special tokens.
  /// - Throws: ``TemplateError``, with the line where rendering stopped.
  public func render(
    messages: [JSONValue], tools: JSONValue? = nil, addGenerationPrompt: Bool,
    extra: JSONObject = .init()
  ) throws(TemplateError) -> String {
    let input = try TemplateInput(
      messages: messages, tools: tools, extra: extra, bosToken: bosToken, eosToken: eosToken)
    let rendering = try render(input, addsGenerationPrompt: addGenerationPrompt, traces: false)
    return TracedString(glyphs: rendering.glyphs).text
  }

  func render(
    _ input: TemplateInput, addsGenerationPrompt: Bool, traces: Bool,
    spending: TemplateSpending = TemplateSpending()
  ) throws(TemplateError) -> TracedRendering {
    let interpreter = TemplateInterpreter(
      parsed, limits: spending.remaining(of: limits.scaled(to: input.characterCount)), date: date,
      traces: traces)
    defer { spending.add(steps: interpreter.steps, stringWork: interpreter.work) }
    do throws(TemplateFault) {
      try interpreter.define(input, addsGenerationPrompt: addsGenerationPrompt)
    } catch {
      throw error.error(line: 1)
    }
    let glyphs = try interpreter.render()
    return TracedRendering(glyphs: glyphs, origins: interpreter.origins)
  }
}

/// A rendered text whose every code point knows where it came from.
struct TracedRendering {
  let glyphs: [Glyph]
  let origins: OriginTable

  func origin(at index: Int) -> Origin { origins[glyphs[index].origin] }

  /// Whether the code point at `index` is what `message`, counted from 1, says.
  func isSpoken(at index: Int, by message: Int32) -> Bool {
    let origin = origin(at: index)
    return origin.isSpoken && origin.message == message
  }
}

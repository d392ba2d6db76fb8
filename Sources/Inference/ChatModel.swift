public import CausalLM
internal import LoRA
public import ModelFiles
public import Serialization
public import Tokenization
internal import Training

/// A model ready to be talked to: weights, tokenizer, chat template and, where one is given, an adapter.
public final class ChatModel {
  /// The opened files.
  public let file: ModelFile
  /// The transformer.
  public let model: CausalLM
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// The model's own chat template; nil for a base model that has none.
  public let template: ChatTemplate?
  /// How the linear layers are kept.
  public let precision: CausalLM.Precision

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - path: a `.gguf` file, a Hugging Face folder, or `org/name` in the local cache.
  ///   - precision: how the linear layers are kept.
  ///   - progress: hears of each layer that is ready.
  public init(
    path: String, precision: CausalLM.Precision = .stored,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    file = try ModelFile.open(path)
    tokenizer = try file.makeTokenizer()
    template = try file.makeChatTemplate(tokenizer)
    self.precision = precision
    model = try CausalLM.load(file, precision: precision, progress: progress)
  }

  /// Reads the adapter at `path`, a PEFT folder or a GGUF file, and uses it from now on.
  public func attachAdapter(_ path: String) throws {
    model.attach(try LoRAAdapter.read(path, for: model.adaptableLayers))
  }

  /// Tokens that end the model's turn: its end-of-sequence tokens, and the last special token of a rendered
  /// assistant turn.
  public func stopTokens() -> Set<Int32> {
    var tokens: Set<Int32> = []
    if let end = tokenizer.endOfSequence { tokens.insert(end) }
    let configured = [
      file.configuration["eos_token_id"], (try? file.generationConfiguration())?["eos_token_id"],
    ]
    for value in configured.compactMap({ $0 }) {
      for id in value.arrayValue?.compactMap(\.intValue) ?? value.intValue.map({ [$0] }) ?? [] {
        if id >= 0, id < tokenizer.vocabularySize { tokens.insert(Int32(id)) }
      }
    }
    let exchange = [Self.message("user", "Hi"), Self.message("assistant", "Hello")]
    if let template, let rendered = try? template.renderWithSupervision(messages: exchange) {
      // A turn may end with one token and the text, after it, with another (Phi 3).
      for span in rendered.spans {
        let text = Array(rendered.text.utf8)[span.range]
        if let last = tokenizer.encode(String(decoding: text, as: UTF8.self)).last,
          tokenizer.isSpecial(last)
        {
          tokens.insert(last)
        }
      }
    }
    return tokens
  }

  /// A message as templates read it.
  public static func message(_ role: String, _ content: String) -> JSONValue {
    .object(JSONObject([("role", .string(role)), ("content", .string(content))]))
  }

  /// The tokens that ask the model for its next turn; see ``PromptEncoder``.
  public func prompt(_ messages: [JSONValue], tools: JSONValue? = nil) throws -> [Int32] {
    try PromptEncoder(tokenizer: tokenizer, template: template).tokens(messages, tools: tools)
  }
}

extension ModelFile {
  /// The model's chat template, with the special tokens that it may name.
  public func makeChatTemplate(_ tokenizer: Tokenizer) throws -> ChatTemplate? {
    guard let source = try chatTemplate() else { return nil }
    func text(_ id: Int32?) -> String? {
      id.map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) }
    }
    return try ChatTemplate(
      source: source, bosToken: text(tokenizer.beginningOfSequence),
      eosToken: text(tokenizer.endOfSequence),
      date: TemplateDate(year: 2024, month: 7, day: 26))
  }
}

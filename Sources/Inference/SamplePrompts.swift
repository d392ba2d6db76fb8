internal import CausalLM
public import Datasets
public import Serialization
internal import Tokenization

/// A few prompts whose answers show what training does to a model.
///
/// Small by intention, so that a run can answer them between its steps in the memory that it has.
public struct SamplePrompts {
  /// A prompt.
  public struct Prompt: Sendable, Equatable {
    /// Where it is from.
    public var source: String
    /// The messages before the answer.
    public var messages: [JSONValue]
    /// The answer that the data calls for.
    public var reference: String?
    /// What the model reads.
    var tokens: [Int32]
  }

  /// Most tokens of an answer.
  public static let maxTokens = 64
  /// Tokens whose keys and values are kept at once, unless a single prompt takes more.
  private static let cacheBudget = 512

  /// The prompts, in order.
  public let prompts: [Prompt]
  /// How many prompts were left out as longer than `longestPrompt`.
  public let leftOut: Int
  private let chat: ChatModel

  /// Takes the final exchanges of conversations, and prompts of completions.
  ///
  /// - Parameters:
  ///   - examples: rows; those without a prompt are passed over.
  ///   - count: how many prompts to take.
  ///   - longestPrompt: most tokens of a prompt; a longer one would need more memory than the run has planned.
  /// - Throws: `TemplateError` where the template refuses a conversation.
  public init(_ examples: [Example], count: Int, longestPrompt: Int, chat: ChatModel) throws {
    var prompts: [Prompt] = []
    var leftOut = 0
    for example in examples {
      guard prompts.count < count else { break }
      let prompt: Prompt
      switch example.content {
      case .conversation(let conversation):
        guard let exchange = conversation.finalExchange else { continue }
        prompt = Prompt(
          source: example.source.description, messages: exchange.prompt, reference: exchange.answer,
          tokens: try chat.prompt(exchange.prompt, tools: conversation.tools))
      case .completion(let text, let completion):
        prompt = Prompt(
          source: example.source.description, messages: [ChatModel.message("user", text)],
          reference: completion,
          tokens: chat.tokenizer.encode(text, addSpecialTokens: true))
      case .text: continue
      }
      if prompt.tokens.isEmpty || prompt.tokens.count > longestPrompt {
        leftOut += 1
      } else {
        prompts.append(prompt)
      }
    }
    self.prompts = prompts
    self.leftOut = leftOut
    self.chat = chat
  }

  /// Takes messages of a user.
  ///
  /// - Parameters:
  ///   - texts: what the user says, each for itself.
  ///   - longestPrompt: as above.
  /// - Throws: as above.
  public init(texts: [String], longestPrompt: Int, chat: ChatModel) throws {
    let all = try texts.map { text in
      let messages = [ChatModel.message("user", text)]
      return Prompt(
        source: "training.sample_prompts", messages: messages, reference: nil,
        tokens: try chat.prompt(messages))
    }
    prompts = all.filter { !$0.tokens.isEmpty && $0.tokens.count <= longestPrompt }
    leftOut = all.count - prompts.count
    self.chat = chat
  }

  private var longest: Int { prompts.map(\.tokens.count).max() ?? 0 }

  /// Prompts that are answered at once.
  ///
  /// - Parameter capacity: tokens that buffers are there for; more at once would take new ones.
  private func promptsAtOnce(capacity: Int = .max) -> Int {
    guard longest > 0 else { return 0 }
    let cached = Self.cacheBudget / (longest + Self.maxTokens)
    return max(1, min(prompts.count, cached, capacity / longest))
  }

  /// Most tokens whose keys and values are kept while the prompts are answered.
  public var cachedTokens: Int { promptsAtOnce() * (longest + Self.maxTokens) }

  /// Answers all prompts greedily, in f32, with the adapter that is attached.
  ///
  /// The model's numbers are read, never written, and between steps its buffers hold nothing, so a run goes on as if
  /// nobody had asked.
  ///
  /// - Parameter capacity: tokens of a pass that there are buffers for.
  public func answers(capacity: Int) -> [String] {
    var generator = Generator(
      model: chat.model, stopTokens: chat.stopTokens(), maxTokens: Self.maxTokens,
      batchSize: promptsAtOnce(capacity: capacity))
    // What prompts share would be kept once more beside their own caches.
    generator.sharesPrefixes = false
    let completions = chat.model.inF32 { generator.complete(prompts.map(\.tokens)) }
    return completions.map {
      String(
        decoding: chat.tokenizer.decode($0.tokens, skipSpecialTokens: true), as: UTF8.self)
    }
  }
}

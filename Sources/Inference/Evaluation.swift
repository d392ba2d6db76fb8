public import CausalLM
public import Datasets
internal import Kernels
public import Scoring
public import Serialization
internal import Tokenization
internal import Training

/// How well a model predicts and answers a data set.
public enum Evaluation {
  /// Loss and token accuracy over examples.
  ///
  /// - Parameter progress: hears how many examples are done.
  public static func loss(
    _ model: CausalLM, _ examples: [TokenizedExample],
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) -> LossSums {
    var sums = LossSums()
    var done = 0
    for part in FineTuning.parts(Array(examples.indices), of: examples) {
      sums += model.loss(MicroBatch(examples, indices: part, sharesPrefixes: true))
      done += part.count
      progress(done, examples.count)
    }
    return sums
  }

  /// One question, what the model answered, and what it should have.
  public struct Answer: Sendable, Equatable {
    /// Where the row stands.
    public var source: ExampleSource
    /// The messages before the answer.
    public var prompt: [JSONValue]
    /// What the data calls for.
    public var reference: String
    /// What the model wrote.
    public var text: String
    /// Why it stopped.
    public var finishReason: Generator.Completion.FinishReason
    /// How it compares.
    public var score: AnswerScore
  }

  /// Answers the last exchange of each conversation greedily and scores it.
  ///
  /// - Parameters:
  ///   - maxTokens: most tokens of an answer.
  ///   - progress: hears how many are answered.
  public static func answers(
    _ chat: ChatModel, _ examples: [Example], maxTokens: Int,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> [Answer] {
    var asked: [(Example, [JSONValue], String)] = []
    var prompts: [[Int32]] = []
    for example in examples {
      switch example.content {
      case .conversation(let conversation):
        guard let exchange = conversation.finalExchange else { continue }
        asked.append((example, exchange.prompt, exchange.answer))
        prompts.append(try chat.prompt(exchange.prompt, tools: conversation.tools))
      case .completion(let prompt, let completion):
        asked.append((example, [ChatModel.message("user", prompt)], completion))
        prompts.append(chat.tokenizer.encode(prompt, addSpecialTokens: true))
      case .text: continue
      }
    }
    let generator = Generator(
      model: chat.model, stopTokens: chat.stopTokens(), maxTokens: maxTokens)
    var done = 0
    let completions = generator.complete(
      prompts,
      onFinish: { _ in
        done += 1
        progress(done, prompts.count)
      })
    return zip(asked, completions).map { row, completion in
      let text = String(
        decoding: chat.tokenizer.decode(completion.tokens, skipSpecialTokens: true), as: UTF8.self)
      return Answer(
        source: row.0.source, prompt: row.1, reference: row.2, text: text,
        finishReason: completion.finishReason,
        score: AnswerScore(answer: text, reference: row.2))
    }
  }
}

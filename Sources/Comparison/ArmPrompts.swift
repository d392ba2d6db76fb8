public import Inference
internal import Kernels
internal import Retrieval
internal import Serialization

/// Makes what an arm's model reads for a question.
public struct ArmPrompts {
  /// A prompt.
  public struct Prompt: Sendable, Equatable {
    /// What the model reads.
    public var tokens: [Int32]
    /// The passages in it, best first.
    public var retrieved: [AnswerRecord.Retrieved]
    /// How long it took to make, search included.
    public var seconds: Double
  }

  /// Messages to tokens.
  public let encoder: PromptEncoder
  /// Where passages are found; nil where no arm needs them.
  public let finder: PassageFinder?
  /// The worked examples of the arm `few-shot`.
  public let examples: [Question]
  /// How many passages stand in a prompt.
  public let passages: Int
  /// Most tokens of an answer.
  public let maxNewTokens: Int
  /// Tokens that the model reads at most, prompt and answer together.
  public let context: Int

  /// Makes prompts.
  public init(
    encoder: PromptEncoder, finder: PassageFinder?, examples: [Question], passages: Int,
    maxNewTokens: Int, context: Int
  ) {
    self.encoder = encoder
    self.finder = finder
    self.examples = examples
    self.passages = passages
    self.maxNewTokens = maxNewTokens
    self.context = context
  }

  /// What an arm reads for a question.
  ///
  /// Of passages, the best that fit together with an answer of the greatest length.
  ///
  /// - Throws: ``ComparisonError`` where the prompt does not fit; `RetrievalError`, `TemplateError`.
  public func prompt(_ arm: Arm, _ question: Question) throws -> Prompt {
    let clock = ContinuousClock()
    let began = clock.now
    var prompt = try arm.retrieves ? withPassages(question) : plain(arm, question)
    prompt.seconds = (clock.now - began) / .seconds(1)
    return prompt
  }

  /// What an arm reads for a question behind the passages that hold its answer and some that do not, in an order drawn
  /// for each question.
  ///
  /// - Throws: ``ComparisonError/promptTooLong(arm:question:tokens:answer:limit:)``: what is left out would not be
  ///   measured.
  public func prompt(
    _ arm: Arm, _ question: Question, goldenWith distractors: Int, seed: Int
  ) throws -> Prompt {
    guard let finder else { return try plain(arm, question) }
    let clock = ContinuousClock()
    let began = clock.now
    let golden = try finder.golden(for: question, guesses: false)
    let all =
      golden + (try finder.distractors(for: question, besides: golden, count: distractors))
    let random = CounterRandom(seed: UInt64(max(0, seed)), purpose: "order \(question.id)")
    let shuffled = random.permutation(all.count).map { all[$0] }
    let tokens = try encoder.tokens(ArmMessages.withPassages(question, shuffled))
    guard tokens.count + maxNewTokens <= context else {
      throw ComparisonError.promptTooLong(
        arm: arm, question: question.id, tokens: tokens.count, answer: maxNewTokens, limit: context)
    }
    return Prompt(
      tokens: tokens, retrieved: shuffled.map { retrieved($0, finder, question) },
      seconds: (clock.now - began) / .seconds(1))
  }

  private func retrieved(
    _ passage: Passage, _ finder: PassageFinder, _ question: Question
  ) -> AnswerRecord.Retrieved {
    AnswerRecord.Retrieved(
      citation: passage.citation, document: finder.document(of: passage, for: question),
      text: passage.text)
  }

  private func plain(_ arm: Arm, _ question: Question) throws -> Prompt {
    let messages =
      arm == .fewShot
      ? ArmMessages.fewShot(question, examples: examples) : ArmMessages.bare(question)
    let tokens = try encoder.tokens(messages)
    guard tokens.count + maxNewTokens <= context else {
      throw ComparisonError.promptTooLong(
        arm: arm, question: question.id, tokens: tokens.count, answer: maxNewTokens, limit: context)
    }
    return Prompt(tokens: tokens, retrieved: [], seconds: 0)
  }

  private func withPassages(_ question: Question) throws -> Prompt {
    guard let finder else { return try plain(.base, question) }
    let found = try finder.passages(for: question.question, count: passages)
    let limit = context - maxNewTokens
    func count(_ messages: [JSONValue]) throws -> Int { try encoder.tokens(messages).count }
    let whole = ArmMessages.prompt(question, found)
    guard let fitting = try whole.fitting(limit, count: count) else {
      throw ComparisonError.noPassageFits(
        question: question.id,
        tokens: try count(ArmMessages.withPassages(question, Array(found.prefix(1)))), limit: limit,
        remedy:
          "lower compare.chunk_size or compare.max_new_tokens, or take a model that reads more")
    }
    return Prompt(
      tokens: try encoder.tokens(fitting.messages),
      retrieved: fitting.passages.map { retrieved($0, finder, question) }, seconds: 0)
  }
}

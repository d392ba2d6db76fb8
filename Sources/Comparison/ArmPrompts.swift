public import Inference
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
    var found = try finder.passages(for: question.question, count: passages)
    while true {
      let tokens = try encoder.tokens(ArmMessages.withPassages(question, found))
      if tokens.count + maxNewTokens <= context {
        return Prompt(
          tokens: tokens,
          retrieved: found.map {
            AnswerRecord.Retrieved(
              citation: $0.citation, document: finder.document(of: $0, for: question), text: $0.text
            )
          }, seconds: 0)
      }
      guard found.count > 1 else {
        throw ComparisonError.noPassageFits(
          question: question.id, tokens: tokens.count, limit: context - maxNewTokens,
          remedy:
            "lower compare.chunk_size or compare.max_new_tokens, or take a model that reads more")
      }
      found.removeLast()
    }
  }
}

/// One question as one arm answered it: a line of `answers/<arm>-<seed>.jsonl`.
///
/// Everything that a table or a plot says is computed from these lines and from nothing else, so every number can be
/// traced to the lines it came from.
public struct AnswerRecord: Sendable, Equatable {
  /// A passage that stood in the prompt.
  public struct Retrieved: Sendable, Equatable {
    /// `path:line`, as one would cite it.
    public var citation: String
    /// The document, as ``Question/documents`` names it.
    public var document: String
    /// The passage's text, as it stood in the prompt.
    public var text: String

    /// Describes a passage in a prompt.
    public init(citation: String, document: String, text: String) {
      self.citation = citation
      self.document = document
      self.text = text
    }
  }

  /// The arm that answered.
  public var arm: Arm
  /// The seed that the arm was trained with; the first one for arms that are not trained.
  public var seed: Int
  /// The question, whole, so that a line can be read alone.
  public var question: Question
  /// What stood in the prompt, best first; empty for arms that retrieve nothing.
  public var retrieved: [Retrieved]
  /// What the model wrote.
  public var answer: String
  /// Whether the model ended its turn by itself, before the limit of new tokens.
  public var isComplete: Bool
  /// Tokens read.
  public var promptTokens: Int
  /// Tokens written.
  public var answerTokens: Int
  /// From question to answer, search included.
  public var seconds: Double

  /// Describes an answer.
  public init(
    arm: Arm, seed: Int, question: Question, retrieved: [Retrieved] = [], answer: String,
    isComplete: Bool = true, promptTokens: Int = 0, answerTokens: Int = 0, seconds: Double = 0
  ) {
    self.arm = arm
    self.seed = seed
    self.question = question
    self.retrieved = retrieved
    self.answer = answer
    self.isComplete = isComplete
    self.promptTokens = promptTokens
    self.answerTokens = answerTokens
    self.seconds = seconds
  }
}

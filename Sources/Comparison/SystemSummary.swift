public import Scoring

/// What one system's answers amount to.
public struct SystemSummary: Sendable, Equatable {
  /// A mean over some questions.
  public struct Score: Sendable, Equatable {
    /// The mean and its 95 % interval.
    public var interval: Interval
    /// Over how many questions.
    public var questions: Int
  }

  /// A share of some questions.
  public struct Share: Sendable, Equatable {
    /// The share; with several seeds the mean of theirs.
    public var share: Double
    /// Of how many questions.
    public var questions: Int
  }

  /// What the passages in the prompts amount to, each a mean over the questions that say what answers them.
  public struct Retrieval: Sendable, Equatable {
    /// Hit@k: whether a right passage was among those retrieved.
    public var hit: Score
    /// Mean reciprocal rank of the first right passage.
    public var reciprocalRank: Score
    /// Share of passages that are right.
    public var contextPrecision: Score
    /// Share of right documents that were found.
    public var contextRecall: Score
    /// Most passages in a prompt, the k of hit@k.
    public var passages: Int
  }

  /// What it takes.
  public struct Cost: Sendable, Equatable {
    /// The middle of the times from question to answer, seconds.
    public var medianSeconds: Double
    /// What 95 % of them do not exceed.
    public var slowSeconds: Double
    /// Their mean.
    public var meanSeconds: Double
    /// Tokens read for a question, in the mean.
    public var promptTokens: Double
    /// Tokens written for it.
    public var answerTokens: Double
    /// Most memory while answering, bytes; nil where it is not known.
    public var memoryBytes: Int?
    /// Time to train one model, in the mean over seeds; nil where nothing is trained.
    public var trainingSeconds: Double?
    /// Most memory while training.
    public var trainingMemoryBytes: Int?
    /// Price of a thousand answers; nil without a price per core-hour.
    public var pricePerThousand: Double?
    /// Price of training one model.
    public var trainingPrice: Double?
  }

  /// What training did to text that it was not about.
  public struct Retention: Sendable, Equatable {
    /// Loss on retention data before training, nats a token, mean over seeds.
    public var before: Double
    /// The loss after training.
    public var after: Double
  }

  /// What answered.
  public var system: ComparedSystem
  /// The seeds it was trained with.
  public var seeds: [Int]
  /// The metric that counts, over all questions.
  public var score: Score
  /// The same with one seed each, in the order of `seeds`.
  public var seedScores: [Double]
  /// The mean over kinds of each kind's mean; nil where there are not two kinds.
  public var macroScore: Double?
  /// Every metric that applies.
  public var metrics: [AnswerMetric: Score]
  /// The metric that counts, by kind.
  public var kinds: [String: Score]
  /// Of the questions that cannot be answered, the share that were; nil where there are none.
  public var hallucination: Share?
  /// Of the questions that can be answered, the share that was declined.
  public var missed: Share?
  /// How far answers are grounded in passages; nil for systems without any.
  public var groundedness: Score?
  /// Retrieval quality; nil where nothing is retrieved, or no question says what answers it.
  public var retrieval: Retrieval?
  /// Share of answers that the limit of new tokens cut off.
  public var cutOff: Double
  /// What it takes; nil for a baseline.
  public var cost: Cost?
  /// What training made the model forget; nil where it was not measured.
  public var retention: Retention?
}

/// How much more one system scores than another on the same questions.
public struct SystemDifference: Sendable, Equatable {
  /// The system that is compared.
  public var first: ComparedSystem
  /// What it is compared with.
  public var second: ComparedSystem
  /// First less second: mean and 95 % interval of a paired bootstrap.
  public var interval: Interval
  /// The same with the interval that a family of comparisons calls for: 1 − 0.05 / their number, after Bonferroni.
  public var familyInterval: Interval
  /// Over how many questions.
  public var questions: Int
  /// How many questions like these would show a difference like this, four times in five; nil for none.
  public var questionsToDecide: Int?
  /// The difference by kind.
  public var kinds: [String: SystemSummary.Score]

  /// Fewest questions that can decide anything: with five, even all for one side is chance once in sixteen.
  public static let fewestQuestions = 6

  /// Whether the interval leaves no room for 0.
  public var isDecided: Bool { Self.isDecided(interval, questions) }

  /// Whether it is still decided when all comparisons that were made are thought of.
  public var holdsInFamily: Bool { Self.isDecided(familyInterval, questions) }

  /// Whether the interval of a difference over some questions leaves no room for 0.
  static func isDecided(_ interval: Interval, _ questions: Int) -> Bool {
    questions >= fewestQuestions && (interval.low > 0 || interval.high < 0)
  }
}

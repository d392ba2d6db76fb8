internal import Serialization

/// What `compare` found, read from its `comparison.json`.
public struct ArmReport: Sendable {
  /// A mean and its 95 % interval.
  public struct Score: Sendable, Equatable {
    /// The mean.
    public let mean: Double
    /// Lower end of the interval.
    public let low: Double
    /// Upper end of it.
    public let high: Double
    /// Over how many questions; nil where that is not said.
    public let questions: Int?

    init?(_ json: JSONValue?) {
      guard let mean = json?["mean"]?.doubleValue, let low = json?["low"]?.doubleValue,
        let high = json?["high"]?.doubleValue, low <= high
      else { return nil }
      self.mean = mean
      self.low = low
      self.high = high
      questions = json?["questions"]?.intValue
    }
  }

  /// A share of some questions.
  public struct Share: Sendable, Equatable {
    /// The share; with several seeds the mean of theirs.
    public let value: Double
    /// The share to the nearest question, which has an interval.
    public let proportion: Proportion

    init?(_ json: JSONValue?) {
      guard let share = json?["share"]?.doubleValue, (0...1).contains(share),
        let count = json?["questions"]?.intValue, (1...1 << 40).contains(count)
      else { return nil }
      value = share
      proportion = Proportion(successes: Int((share * Double(count)).rounded()), of: count)
    }
  }

  /// An arm or a baseline.
  public struct System: Sendable {
    /// As files name it.
    public let name: String
    /// Whether it needs no model.
    public let isBaseline: Bool
    /// The seeds it was trained with.
    public let seeds: [Int]
    /// The files that hold its answers, from the folder of the page.
    public let files: [String]
    /// The metric that counts.
    public let score: Score
    /// The same with each seed.
    public let seedScores: [Double]
    /// The mean over kinds.
    public let macroScore: Double?
    /// All metrics, by name.
    public let metrics: [String: Score]
    /// The metric that counts, by kind.
    public let kinds: [String: Score]
    /// Shares of questions that were answered though nothing answers them, or declined though something does.
    public let hallucination, missed: Share?
    /// The share of the answers' words that is in the passages.
    public let groundedness: Score?
    /// Share of answers that were cut off.
    public let cutOff: Double
    /// What was retrieved: passages a question, and hit, mrr, context_precision and context_recall.
    public let passages: Int?
    /// Retrieval quality, by name.
    public let retrieval: [String: Score]
    /// What it takes, by name of the number; empty for a baseline.
    public let cost: [String: Double]
    /// Loss on retention data before and after training.
    public let retention: (before: Double, after: Double)?

    /// As people name it.
    public var label: String { ArmReport.label(name) }
  }

  /// A kind of question or a metric.
  public struct Column: Sendable, Equatable {
    /// As files name it.
    public let name: String
    /// As people name it.
    public let title: String
    /// How many questions there are; nil for a metric.
    public let questions: Int?
  }

  /// How much more one system scores than another.
  public struct Difference: Sendable {
    /// The systems' names.
    public let first, second: String
    /// First less second.
    public let score: Score
    /// Whether the interval leaves out 0; and whether it still does when widened for all comparisons.
    public let isDecided, holdsInFamily: Bool
    /// How many questions would decide; nil for none.
    public let questionsToDecide: Int?
  }

  /// A question on which arms differ.
  public struct Disagreement: Sendable {
    /// An answer to it.
    public struct Answer: Sendable {
      /// Who answered, with which seed.
      public let system: String
      /// The seed.
      public let seed: Int
      /// What was answered.
      public let text: String
      /// Its score.
      public let score: Double?
      /// `answered`, `declined`, `missed` or `hallucinated`.
      public let outcome: String
      /// Where it stands.
      public let file: String
      /// Its line there.
      public let line: Int
      /// The passages in the prompt: citation, text, and whether it is of a document that answers.
      public let passages: [(citation: String, text: String, isRelevant: Bool)]
    }

    /// The question's name, text, kind and wanted answer.
    public let id, question: String
    /// Its kind.
    public let kind: String?
    /// The answer that is wanted.
    public let reference: String
    /// Whether anything answers it.
    public let isAnswerable: Bool
    /// The answers, in the order of the systems.
    public let answers: [Answer]
  }

  /// What is measured on the way: distractors for an arm, or training rows.
  public struct Level: Sendable {
    /// Whose; empty for a learning curve.
    public let name: String
    /// Distractors, or rows.
    public let count: Int
    /// The score with so many.
    public let score: Score
    /// What is lost against the fewest.
    public let loss: Score?
  }

  /// The metric that counts, as people name it.
  public let metric: String
  /// How many questions there are, and how many the metric applies to.
  public let questions, scoredQuestions: Int
  /// The kinds of question, and the metrics that apply.
  public let kinds, metrics: [Column]
  /// `prompt`, `retrieve`, `tune`, `both` or `neither`.
  public let advice: String
  /// The arm to run; nil for none.
  public let chosen: String?
  /// Whether nothing else may be better.
  public let isCertain: Bool
  /// The advice in a sentence, and why.
  public let headline: String
  /// Why.
  public let reasons: [String]
  /// What must be known to read the rest.
  public let notes: [String]
  /// Baselines, then arms.
  public let systems: [System]
  /// Every two systems of which one is an arm.
  public let differences: [Difference]
  /// After how many questions each trained arm pays; nil for never.
  public let breakEven: [(trained: String, against: String, questions: Int?)]
  /// What was stated.
  public let pricePerCoreHour: Double?
  /// Cores that were used.
  public let cores: Int?
  /// The questions on which arms differ, most first.
  public let disagreements: [Disagreement]
  /// The learning curve; empty where it was not measured.
  public let learning: [Level]
  /// What a further hundred rows would likely buy; nil where it cannot be told.
  public let gainOfHundred: Score?
  /// How arms bear distractors; empty where it was not measured.
  public let robustness: [Level]

  /// What people call a system.
  static func label(_ name: String) -> String {
    switch name {
    case "majority": "commonest answer"
    case "nearest": "nearest question"
    case "tuned-retrieval": "tuned + retrieval"
    default: name
    }
  }

  /// A system's difference from another; nil where it was not compared.
  public func difference(_ first: String, _ second: String) -> (
    mean: Double, low: Double, high: Double, of: Difference
  )? {
    for difference in differences {
      let score = difference.score
      if difference.first == first, difference.second == second {
        return (score.mean, score.low, score.high, difference)
      }
      if difference.first == second, difference.second == first {
        return (-score.mean, -score.high, -score.low, difference)
      }
    }
    return nil
  }
}

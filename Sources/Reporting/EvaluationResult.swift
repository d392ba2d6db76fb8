public import Serialization

/// What `evaluate --json` found, as far as a report shows it.
public struct EvaluationResult: Sendable, Equatable {
  /// How one model did.
  public struct Score: Sendable, Equatable {
    /// Mean loss, nats per supervised token.
    public var loss: Double?
    /// Share of supervised tokens that were the likeliest.
    public var tokenAccuracy: Double?
    /// Answers that were exactly right, among all.
    public var exactMatch: Proportion?

    init(_ json: JSONValue) {
      loss = json["loss"]?.doubleValue
      tokenAccuracy = json["token_accuracy"]?.doubleValue
      guard let share = json["generation"]?["exact_match"]?.doubleValue,
        let count = json["generation"]?["examples"]?.intValue, (1...1 << 40).contains(count),
        (0...1).contains(share)
      else { return }
      exactMatch = Proportion(successes: Int((share * Double(count)).rounded()), of: count)
    }
  }

  /// What the difference between two models amounts to.
  public enum Verdict: Sendable, Equatable {
    /// The whole interval is above 0.
    case better
    /// The whole interval is below 0.
    case worse
    /// The interval holds 0.
    case undecided
  }

  /// The data file.
  public var data: String?
  /// The tuned model.
  public var tuned: Score
  /// The base, where it was compared.
  public var base: Score?
  /// Tuned less base in exact answers: mean and 95 % interval, paired by row.
  public var difference: (mean: Double, interval: ClosedRange<Double>)?

  /// Reads the object; nil where it is no evaluation.
  public init?(_ json: JSONValue) {
    guard json["loss"]?.doubleValue != nil else { return nil }
    data = json["data"]?.stringValue
    tuned = Score(json)
    base = json["base"].flatMap { $0.objectValue == nil ? nil : Score($0) }
    if let object = json["exact_match_difference"], let mean = object["mean"]?.doubleValue,
      let low = object["low"]?.doubleValue, let high = object["high"]?.doubleValue, low <= high
    {
      difference = (mean, low...high)
    }
  }

  /// What the interval of the difference says; nil where there is none.
  public var verdict: Verdict? {
    guard let interval = difference?.interval else { return nil }
    return interval.lowerBound > 0 ? .better : interval.upperBound < 0 ? .worse : .undecided
  }

  /// Whether both say the same.
  public static func == (first: Self, second: Self) -> Bool {
    first.data == second.data && first.tuned == second.tuned && first.base == second.base
      && first.difference?.mean == second.difference?.mean
      && first.difference?.interval == second.difference?.interval
  }
}

/// What answers cost.
public enum AnswerCost {
  /// The value that a share of all does not exceed, linear between the two nearest, as NumPy's `quantile`; nil of none.
  public static func quantile(_ share: Double, of values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard let last = sorted.last else { return nil }
    let place = min(1, max(0, share)) * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }

  /// What it costs to keep some cores for some time.
  ///
  ///     price = seconds · cores · price per core-hour / 3600
  public static func price(seconds: Double, cores: Int, pricePerCoreHour: Double) -> Double {
    seconds * Double(cores) * pricePerCoreHour / 3_600
  }

  /// After how many questions the time to prepare the first pays for what it saves on each.
  ///
  ///     n = ⌈(preparation of the first − preparation of the second)
  ///          / (seconds a question of the second − seconds a question of the first)⌉
  ///
  /// Preparation is training, or indexing; both sides run on the same cores, so that their price cancels.
  ///
  /// - Returns: 0 where it has nothing to make up for; nil where it never does, or not within 10¹² questions.
  public static func breakEven(
    preparation first: Double, secondsPerQuestion own: Double, against second: Double,
    secondsPerQuestion other: Double
  ) -> Int? {
    let (extra, saved) = (first - second, other - own)
    if extra <= 0 { return saved >= 0 ? 0 : nil }
    guard saved > 0 else { return nil }
    let questions = (extra / saved).rounded(.up)
    return questions <= 1e12 ? Int(questions) : nil
  }
}

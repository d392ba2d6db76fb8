/// Tells a loss that is out of line from the noise of small batches.
///
/// Keeps an exponential mean and variance of the losses so far; nothing that is trained depends on it.
struct LossWatch {
  /// The mean of the losses before the last one seen.
  private(set) var mean = 0.0
  private var variance = 0.0
  private var count = 0

  /// Losses until the mean and the variance mean something.
  private static let warmup = 20
  private static let memory = 0.95
  /// Standard deviations above the mean from which on a loss is flagged.
  private static let limit = 6.0
  /// The least deviation, as a share of the mean: a run that has learnt its data by heart has almost none.
  private static let leastDeviation = 0.1

  /// Takes in the next loss and says whether it is a spike.
  mutating func isSpike(_ loss: Double) -> Bool {
    defer { count += 1 }
    guard count > 0 else {
      mean = loss
      return false
    }
    let deviation = max(variance.squareRoot(), Self.leastDeviation * mean)
    let isSpike = count >= Self.warmup && loss > mean + Self.limit * deviation
    // A spike tells of its rows, not of what to expect next.
    if isSpike { return true }
    let difference = loss - mean
    mean += (1 - Self.memory) * difference
    variance = Self.memory * (variance + (1 - Self.memory) * difference * difference)
    return false
  }
}

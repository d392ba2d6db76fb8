internal import Kernels

/// Means of several systems' scores over the same resamples of the questions that all answered.
///
/// The questions are drawn with replacement, 10,000 times, the same draws for each system, so that a difference of two
/// systems is that of a paired bootstrap. Where a system was trained with several seeds, a question's score is its mean
/// over the seeds, and the questions alone are drawn: intervals say what other questions of the same sort might have
/// given, not what other seeds might have.
///
/// - SeeAlso: ``PairedBootstrap``, whose intervals these are; Koehn 2004.
public struct Resampling: Sendable {
  /// How many questions there are.
  public let count: Int
  private let values: [[Double]]
  private let means: [[Double]]

  /// Draws.
  ///
  /// - Parameter values: `[system][question]`, all of one length.
  public init(_ values: [[Double]]) {
    let count = values.first?.count ?? 0
    precondition(values.allSatisfy { $0.count == count }, "all systems answered the same questions")
    self.count = count
    self.values = values
    let random = CounterRandom(seed: PairedBootstrap.seed, purpose: PairedBootstrap.purpose)
    let (systems, draws) = (values.count, PairedBootstrap.resamples)
    let table = (0..<count).flatMap { question in values.map { $0[question] } }
    var means = [[Double]](repeating: [], count: systems)
    for system in 0..<systems { means[system].reserveCapacity(draws) }
    var sums = [Double](repeating: 0, count: systems)
    for sample in 0..<(count > 0 ? draws : 0) {
      for system in 0..<systems { sums[system] = 0 }
      for draw in 0..<count {
        let question = random.integer(below: count, UInt64(draw), stream: UInt64(sample))
        for system in 0..<systems { sums[system] += table[question * systems + system] }
      }
      for system in 0..<systems { means[system].append(sums[system] / Double(count)) }
    }
    self.means = means
  }

  /// A system's mean over the questions.
  public func mean(_ system: Int) -> Double {
    values[system].reduce(0, +) / Double(max(1, count))
  }

  /// A system's mean in each resample.
  func resampledMeans(_ system: Int) -> [Double] { means[system] }

  /// A system's mean and where it may lie.
  public func interval(_ system: Int, confidence: Double = 0.95) -> Interval {
    Self.interval(mean(system), means[system], confidence)
  }

  /// How much more the first has than the second in the mean, paired by question.
  public func difference(_ first: Int, _ second: Int, confidence: Double = 0.95) -> Interval {
    Self.interval(
      mean(first) - mean(second), zip(means[first], means[second]).map { $0 - $1 }, confidence)
  }

  /// The percentile interval of resampled values.
  static func interval(_ mean: Double, _ values: [Double], _ confidence: Double) -> Interval {
    guard !values.isEmpty else { return Interval(mean: mean, low: mean, high: mean) }
    let sorted = values.sorted()
    let cut = min(sorted.count / 2, Int(Double(sorted.count) * (1 - confidence) / 2 + 1e-9))
    return Interval(mean: mean, low: sorted[cut], high: sorted[sorted.count - 1 - cut])
  }

  /// How many questions like these would show a difference as large as the one seen, four times in five; nil where
  /// there is no difference, or more than a million would be needed.
  ///
  ///     n = ((z₀.₉₇₅ + z₀.₈) · s / |d|)²,   z₀.₉₇₅ = 1.960,   z₀.₈ = 0.842
  ///
  /// with `d` the mean and `s` the standard deviation of the questions' differences.
  ///
  /// - SeeAlso: Card et al. 2020, "With Little Power Comes Great Responsibility", arXiv:2010.06595.
  public func questionsToDecide(_ first: Int, _ second: Int) -> Int? {
    guard count > 1 else { return nil }
    let differences = zip(values[first], values[second]).map { $0 - $1 }
    let mean = differences.reduce(0, +) / Double(count)
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(count - 1)).squareRoot()
    guard abs(mean) > 1e-9 else { return nil }
    let needed = ((1.960 + 0.842) * deviation / mean)
    let questions = (needed * needed).rounded(.up)
    return questions <= 1e6 ? Int(questions) : nil
  }
}

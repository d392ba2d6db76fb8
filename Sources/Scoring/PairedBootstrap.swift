internal import Kernels

/// A mean and where resampling the examples puts it.
public struct Interval: Sendable, Equatable {
  /// The mean over the examples at hand.
  public var mean: Double
  /// Lower end of the 95 % interval.
  public var low: Double
  /// Upper end of the 95 % interval.
  public var high: Double

  /// Makes an interval.
  public init(mean: Double, low: Double, high: Double) {
    self.mean = mean
    self.low = low
    self.high = high
  }
}

/// Percentile bootstrap over examples, paired where two systems answered the same ones.
///
/// - SeeAlso: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation".
public enum PairedBootstrap {
  static let resamples = 10_000
  static let seed: UInt64 = 42
  static let purpose = "bootstrap"

  /// The 95 % interval of the mean of `values`.
  public static func mean(_ values: [Double]) -> Interval {
    guard !values.isEmpty else { return Interval(mean: 0, low: 0, high: 0) }
    let random = CounterRandom(seed: seed, purpose: purpose)
    var means = (0..<resamples).map { sample in
      var sum = 0.0
      for draw in values.indices {
        sum += values[random.integer(below: values.count, UInt64(draw), stream: UInt64(sample))]
      }
      return sum / Double(values.count)
    }
    means.sort()
    let mean = values.reduce(0, +) / Double(values.count)
    return Interval(
      mean: mean, low: means[resamples / 40], high: means[resamples - 1 - resamples / 40])
  }

  /// The 95 % interval of the mean difference of two systems on the same examples.
  public static func difference(_ a: [Double], _ b: [Double]) -> Interval {
    mean(zip(a, b).map { $0 - $1 })
  }
}

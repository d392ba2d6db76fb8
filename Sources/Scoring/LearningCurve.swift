#if canImport(Glibc)
  internal import Glibc
#endif

/// How a score grows with the number of training examples, and what more of them would likely buy.
///
/// The curve is an inverse power law,
///
///     score(n) = a − b · n^(−c),   0.05 ≤ c ≤ 2
///
/// fitted by least squares: for each `c` of a grid `a` and `b` are a line's, and the best `c` is taken. Nothing keeps
/// `b` from being negative, so data that do not rise give a gain about 0 or below.
///
/// - SeeAlso: Figueroa et al. 2012, "Predicting sample size required for classification performance"; Hestness et al.
///   2017, "Deep Learning Scaling is Predictable, Empirically", arXiv:1712.00409.
public struct LearningCurve: Sendable, Equatable {
  /// What was measured after training on some examples.
  public struct Point: Sendable, Equatable {
    /// How many examples; above 0.
    public let examples: Int
    /// Each question's score, the questions in one order for all points.
    public let scores: [Double]

    /// Describes a measurement.
    public init(examples: Int, scores: [Double]) {
      self.examples = examples
      self.scores = scores
    }
  }

  /// The measurements, fewest examples first.
  public let points: [Point]

  /// Makes a curve of measurements; those of no example are left out.
  public init(_ points: [Point]) {
    self.points = points.filter { $0.examples > 0 }.sorted { $0.examples < $1.examples }
  }

  /// How much more a model trained on `more` examples than the most that were tried would score, with a 95 % interval
  /// over resampled questions.
  ///
  /// - Returns: nil where the curve cannot be told: fewer than three numbers of examples, fewer than six questions, or
  ///   not the same questions for all.
  public func gain(of more: Int = 100) -> Interval? {
    guard let last = points.last, more > 0, Set(points.map(\.examples)).count >= 3,
      last.scores.count >= 6, points.allSatisfy({ $0.scores.count == last.scores.count })
    else { return nil }
    let resampling = Resampling(points.map(\.scores))
    let grid = Grid(
      points.map { Double($0.examples) }, from: last.examples, to: last.examples + more)
    let seen = points.indices.map { resampling.mean($0) }
    let resampled = points.indices.map { resampling.resampledMeans($0) }
    let gains = (0..<Self.resamples).map { sample in grid.gain(resampled.map { $0[sample] }) }
    return Resampling.interval(grid.gain(seen), gains, 0.95)
  }

  private static let resamples = 2_000

  /// The fits for each exponent, as far as they do not depend on the scores.
  private struct Grid {
    /// An exponent's abscissas, less their mean; the sum of their squares; what they change between the two sizes.
    let exponents: [(x: [Double], squares: Double, change: Double)]

    init(_ sizes: [Double], from: Int, to: Int) {
      exponents = (1...40).map { step in
        let c = 0.05 * Double(step)
        // Relative to the largest size, so that no exponent makes numbers vanish.
        let x = sizes.map { pow($0 / Double(from), -c) }
        let mean = x.reduce(0, +) / Double(x.count)
        let centred = x.map { $0 - mean }
        return (
          centred, centred.reduce(0) { $0 + $1 * $1 }, pow(Double(to) / Double(from), -c) - 1
        )
      }
    }

    /// What the best fit gains.
    func gain(_ scores: [Double]) -> Double {
      let mean = scores.reduce(0, +) / Double(scores.count)
      var best = (explained: -1.0, gain: 0.0)
      for fit in exponents {
        var product = 0.0
        for (x, score) in zip(fit.x, scores) { product += x * (score - mean) }
        let explained = product * product / fit.squares
        // Of equals the first, so that scores that are all alike gain nothing.
        if explained > best.explained + 1e-12 {
          best = (explained, product / fit.squares * fit.change)
        }
      }
      return best.gain
    }
  }
}

/// A share of successes and where the true share may lie.
public struct Proportion: Sendable, Equatable {
  /// Successes among the tries.
  public let successes: Int
  /// Tries.
  public let count: Int

  /// Counts successes.
  public init(successes: Int, of count: Int) {
    precondition(successes >= 0 && successes <= count, "successes are among the tries")
    self.successes = successes
    self.count = count
  }

  /// The share; 0 without tries.
  public var share: Double { count > 0 ? Double(successes) / Double(count) : 0 }

  /// The 95 % score interval, which stays within 0 and 1 and has a width even where all tries went one way.
  ///
  ///     (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n),   z = 1.96
  ///
  /// - SeeAlso: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
  public var wilsonInterval: ClosedRange<Double> {
    guard count > 0 else { return 0...1 }
    let z = 1.959_963_984_540_054
    let (n, p) = (Double(count), share)
    let centre = p + z * z / (2 * n)
    let margin = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    return max(0, (centre - margin) / scale)...min(1, (centre + margin) / scale)
  }
}

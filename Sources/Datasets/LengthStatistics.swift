/// How long the rows of a file are.
public struct LengthStatistics: Sendable, Equatable {
  /// The number of rows.
  public var rows: Int
  /// The sum of all lengths.
  public var total: Int
  /// The mean length.
  public var mean: Double
  /// The length that half of the rows do not exceed.
  public var median: Double
  /// The length that 95 rows in 100 do not exceed.
  public var percentile95: Double
  /// The length that 99 rows in 100 do not exceed.
  public var percentile99: Double
  /// The greatest length.
  public var longest: Int

  /// Measures `lengths`; of none, every number is 0.
  ///
  /// Between two rows a percentile is interpolated linearly, as NumPy's `percentile` does by default.
  public init(_ lengths: [Int]) {
    let sorted = lengths.sorted()
    func percentile(_ share: Double) -> Double {
      guard let last = sorted.last else { return 0 }
      let position = share * Double(sorted.count - 1)
      let below = Int(position)
      guard below + 1 < sorted.count else { return Double(last) }
      let low = Double(sorted[below])
      return low + (Double(sorted[below + 1]) - low) * (position - Double(below))
    }
    rows = sorted.count
    total = sorted.reduce(0, +)
    mean = sorted.isEmpty ? 0 : Double(total) / Double(sorted.count)
    median = percentile(0.5)
    percentile95 = percentile(0.95)
    percentile99 = percentile(0.99)
    longest = sorted.last ?? 0
  }
}

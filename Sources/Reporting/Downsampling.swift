/// A point of a curve.
public struct Point: Sendable, Equatable {
  /// Where it stands.
  public var x: Double
  /// Its value; one that is not finite breaks the curve.
  public var y: Double

  /// Makes a point.
  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }
}

/// Some neighbouring points of a curve, drawn as one.
public struct Envelope: Sendable, Equatable {
  /// The mean place of the points.
  public var x: Double
  /// Their least value.
  public var low: Double
  /// Their greatest value.
  public var high: Double
  /// Their mean.
  public var mean: Double

  /// Makes an envelope.
  public init(x: Double, low: Double, high: Double, mean: Double) {
    self.x = x
    self.low = low
    self.high = high
    self.mean = mean
  }
}

/// Curves of a size that a page can hold and an eye can read.
public enum Downsampling {
  /// Cuts a curve into at most `count` runs of neighbours and keeps the extremes of each.
  ///
  /// No peak is lost: the least and the greatest value of the whole are those of some envelope. Points that are not
  /// finite are left out; a run of such points alone is nil, a gap.
  public static func envelopes(_ points: [Point], count: Int) -> [Envelope?] {
    let runs = min(max(1, count), points.count)
    return (0..<runs).map { run in
      let range = run * points.count / runs..<(run + 1) * points.count / runs
      let finite = points[range].filter { $0.y.isFinite && $0.x.isFinite }
      guard let first = finite.first else { return nil }
      var (sumX, sumY) = (0.0, 0.0)
      var envelope = Envelope(x: 0, low: first.y, high: first.y, mean: 0)
      for point in finite {
        envelope.low = min(envelope.low, point.y)
        envelope.high = max(envelope.high, point.y)
        sumX += point.x
        sumY += point.y
      }
      envelope.x = sumX / Double(finite.count)
      envelope.mean = min(envelope.high, max(envelope.low, sumY / Double(finite.count)))
      return envelope
    }
  }

  /// The running mean of a curve, each value weighted by how near it is.
  ///
  ///     m_t = Σ_s β^(t − s) · y_s / Σ_s β^(t − s),   s ≤ t,   β = 1 − 1 / span
  ///
  /// Dividing by the weights that there are keeps the beginning unbiased. Values that are not finite weigh nothing.
  ///
  /// - Parameter span: how many values count for most of the mean.
  public static func runningMean(_ points: [Point], span: Double) -> [Point] {
    let beta = 1 - 1 / max(1, span)
    var (sum, weight) = (0.0, 0.0)
    return points.compactMap { point in
      guard point.y.isFinite else { return nil }
      sum = beta * sum + point.y
      weight = beta * weight + 1
      return Point(point.x, sum / weight)
    }
  }
}

#if canImport(Glibc)
  import Glibc
#endif

/// One direction of a plot: what it spans, and where it is marked.
public struct Axis: Sendable, Equatable {
  /// How values become positions.
  public enum Scale: Sendable {
    /// Equal differences are equally far apart.
    case linear
    /// Equal ratios are equally far apart; positive values alone have a place.
    case logarithmic
  }

  /// A marked value.
  public struct Tick: Sendable, Equatable {
    /// The value.
    public let value: Double
    /// How it is written.
    public let label: String
  }

  /// How values become positions.
  public let scale: Scale
  /// The value at position 0.
  public let low: Double
  /// The value at position 1.
  public let high: Double
  /// The marked values, ascending.
  public let ticks: [Tick]

  private init(_ scale: Scale, _ low: Double, _ high: Double, _ ticks: [Tick]) {
    self.scale = scale
    self.low = low
    self.high = high
    self.ticks = ticks
  }

  /// Where a value stands, from 0 to 1; nil where it has no place.
  public func position(of value: Double) -> Double? {
    guard value.isFinite else { return nil }
    switch scale {
    case .linear: return min(1, max(0, (value - low) / (high - low)))
    case .logarithmic:
      guard value > 0 else { return nil }
      return min(1, max(0, log10(value / low) / log10(high / low)))
    }
  }

  /// A linear axis.
  ///
  /// - Parameters:
  ///   - low: the least value; ends that are not finite, or in the wrong order, give an axis from 0 to 1.
  ///   - high: the greatest value.
  ///   - count: most intervals between ticks.
  ///   - isTight: whether the axis ends at the values, rather than at the next ticks.
  ///   - isWhole: whether only whole numbers are marked.
  public static func linear(
    _ low: Double, _ high: Double, count: Int = 5, isTight: Bool = false, isWhole: Bool = false
  ) -> Axis {
    var (low, high) = (low, high)
    if !low.isFinite || !high.isFinite || low > high { (low, high) = (0, 1) }
    // So close together that no digit tells them apart; one value stands in the middle.
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300) {
      let size = max(abs(low), abs(high))
      let margin = isWhole ? max(1, 1e-6 * size) : size < 1e-290 ? 1 : 0.1 * size
      (low, high) = (low - margin, high + margin)
    }
    let interval = (high - low) / Double(max(1, count))
    let step = isWhole ? wholeStep(interval) : roundStep(interval)
    if !isTight {
      low = (low / step + 1e-9).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
    }
    var values: [Double] = []
    var multiple = (low / step - 1e-6).rounded(.up)
    // Counted as well: beyond 2⁵³ the next multiple is the same number.
    while multiple * step <= high + 1e-6 * step, values.count <= 4 * count {
      values.append(multiple * step)
      multiple += 1
    }
    let largest = max(abs(low), abs(high))
    return Axis(.linear, low, high, values.map { Tick(value: $0, label: label($0, step, largest)) })
  }

  /// A logarithmic axis, from a 1, 2 or 5 times a power of ten to another.
  ///
  /// - Parameters:
  ///   - low: the least value, above 0; else, or with ends in the wrong order, the axis is linear.
  ///   - high: the greatest value.
  public static func logarithmic(_ low: Double, _ high: Double) -> Axis {
    // Beyond these no power of ten is a number.
    guard low > 1e-300, high < 1e300, high > low * (1 + 1e-6) else { return linear(low, high) }
    let (first, last) = (NumberText.exponent(of: low), NumberText.exponent(of: high))
    let marks = (first...last + 1).flatMap { exponent in
      [1.0, 2, 5].map { $0 * pow(10, Double(exponent)) }
    }
    let start = marks.last { $0 <= low * (1 + 1e-9) } ?? low
    let end = marks.first { $0 >= high * (1 - 1e-9) } ?? high
    let decades = log10(end / start)
    let stride = max(1, Int((decades / 6).rounded(.up)))
    let ticks = marks.filter { mark in
      guard mark >= start, mark <= end else { return false }
      if decades <= 2 { return true }
      let exponent = NumberText.exponent(of: mark)
      return abs(mark / pow(10, Double(exponent)) - 1) < 1e-6 && exponent.isMultiple(of: stride)
    }
    return Axis(
      .logarithmic, start, end,
      ticks.map { Tick(value: $0, label: NumberText.significant($0, 1)) })
  }

  /// The least of 1, 2, 2.5 and 5 times a power of ten that is not below `step`.
  static func roundStep(_ step: Double) -> Double {
    guard step > 0, step.isFinite else { return 1 }
    let unit = pow(10, Double(NumberText.exponent(of: step)))
    let factor = [1, 2, 2.5, 5, 10].first { step <= $0 * unit * (1 + 1e-9) } ?? 10
    return factor * unit
  }

  /// The least of 1, 2 and 5 times a power of ten, from 1, that is not below `step`.
  static func wholeStep(_ step: Double) -> Double {
    let round = roundStep(max(1, step))
    let unit = pow(10, Double(NumberText.exponent(of: round)))
    return abs(round / unit - 2.5) < 1e-6 ? 5 * unit : round
  }

  /// The digits that tell a tick from the next, and no more.
  private static func label(_ value: Double, _ step: Double, _ largest: Double) -> String {
    // 3 · 0.1 is no 0.3.
    let value = abs(value) < step * 1e-6 ? 0 : value
    if value == 0 { return "0" }
    if largest < 1e-3 || largest >= 1e7 {
      let exponent = NumberText.exponent(of: value)
      let digits = max(0, exponent - NumberText.exponent(of: step) + 1)
      let mantissa = NumberText.trimmed(
        NumberText.fixed(value / pow(10, Double(exponent)), digits))
      return "\(mantissa)\u{202F}×\u{202F}10\(NumberText.superscript(exponent))"
    }
    let unit = NumberText.exponent(of: step)
    let isQuarter = abs(step / pow(10, Double(unit)) - 2.5) < 1e-6
    let digits = max(0, -unit + (isQuarter ? 1 : 0))
    return digits == 0 ? NumberText.grouped(value) : NumberText.fixed(value, digits)
  }
}

import Reporting
import Testing

@Suite("Axis") struct AxisTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let axis: Axis
    let low, high: Double
    let labels: [String]
    var testDescription: String { "\(low)…\(high)" }
  }

  @Test(
    "marks round numbers with the digits that tell them apart",
    arguments: [
      Case(axis: .linear(0, 9), low: 0, high: 10, labels: ["0", "2", "4", "6", "8", "10"]),
      Case(
        axis: .linear(0.31, 1.74), low: 0, high: 2, labels: ["0", "0.5", "1.0", "1.5", "2.0"]),
      Case(
        axis: .linear(0, 1.1), low: 0, high: 1.25,
        labels: ["0", "0.25", "0.50", "0.75", "1.00", "1.25"]),
      Case(
        axis: .linear(-3, 4), low: -4, high: 4, labels: ["−4", "−2", "0", "2", "4"]),
      Case(
        axis: .linear(0, 2e-4), low: 0, high: 2e-4,
        labels: ["0", "5 × 10⁻⁵", "1 × 10⁻⁴", "1.5 × 10⁻⁴", "2 × 10⁻⁴"]),
      Case(
        axis: .linear(1, 450, count: 8, isTight: true, isWhole: true), low: 1, high: 450,
        labels: ["100", "200", "300", "400"]),
      Case(
        axis: .linear(0, 100_000, count: 5, isTight: true, isWhole: true), low: 0, high: 100_000,
        labels: ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]),
      Case(
        axis: .linear(1, 3, count: 8, isTight: true, isWhole: true), low: 1, high: 3,
        labels: ["1", "2", "3"]),
      Case(
        axis: .logarithmic(0.0014, 2.4), low: 0.001, high: 5,
        labels: ["0.001", "0.01", "0.1", "1"]),
      Case(
        axis: .logarithmic(0.3, 9), low: 0.2, high: 10, labels: ["0.2", "0.5", "1", "2", "5", "10"]),
    ])
  func ticks(_ test: Case) {
    // Narrow no-break spaces surround the cross of a power of ten.
    let labels = test.axis.ticks.map { tick in
      String(tick.label.map { $0 == "\u{202F}" ? " " : $0 })
    }
    #expect(labels == test.labels)
    #expect(abs(test.axis.low - test.low) <= 1e-9 * max(1, abs(test.low)))
    #expect(abs(test.axis.high - test.high) <= 1e-9 * max(1, abs(test.high)))
  }

  @Test("one value stands in the middle, whatever it is", arguments: [0, 1, -7, 1e-12, 3e8, 1e300])
  func oneValue(_ value: Double) throws {
    let position = try #require(Axis.linear(value, value, isTight: true).position(of: value))
    #expect(abs(position - 0.5) < 1e-6)
  }

  @Test(
    "spans something for any ends at all",
    arguments: [
      (Double.nan, 1), (.nan, .nan), (-.infinity, .infinity), (2, 1), (-1e308, 1e308),
      (Double.leastNonzeroMagnitude, 1), (9.2e18, 9.2e18), (0, .leastNonzeroMagnitude),
      (1e15, 1e15 + 1),
    ])
  func anyEnds(_ low: Double, _ high: Double) {
    for axis in [
      Axis.linear(low, high), .linear(low, high, isTight: true, isWhole: true),
      .logarithmic(low, high),
    ] {
      #expect(axis.low < axis.high)
      #expect(axis.ticks.count < 40)
    }
  }

  @Test("what is not finite, or has no logarithm, has no place")
  func noPlace() {
    #expect(Axis.linear(0, 1).position(of: .nan) == nil)
    #expect(Axis.linear(0, 1).position(of: .infinity) == nil)
    #expect(Axis.logarithmic(0.1, 10).position(of: 0) == nil)
    #expect(Axis.logarithmic(0.1, 10).position(of: -1) == nil)
    #expect(Axis.logarithmic(0.1, 10).position(of: 1) == 0.5)
  }
}

public import Testing

/// Fails once, naming the worst element, unless every element is close to what is expected.
///
///     |actual − expected| ≤ absolute + relative · |expected|
///
/// NaN is close to nothing.
public func expectClose(
  _ actual: [Float], _ expected: [some BinaryFloatingPoint], relative: Double = 1e-5,
  absolute: Double = 0, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(label) \(actual.count) numbers, expected \(expected.count)", sourceLocation: sourceLocation
    )
    return
  }
  var worst: (index: Int, excess: Double)?
  for index in actual.indices {
    let (value, reference) = (Double(actual[index]), Double(expected[index]))
    if value == reference { continue }
    let excess = (value - reference).magnitude / (absolute + relative * reference.magnitude)
    if !(excess <= 1), !(excess <= worst?.excess ?? 1) { worst = (index, excess) }
  }
  guard let (index, excess) = worst else { return }
  Issue.record(
    """
    \(label) element \(index) of \(actual.count) is \(actual[index]), expected \(expected[index]): \
    \(excess) times the tolerance
    """, sourceLocation: sourceLocation)
}

/// Fails once, naming the first element, unless both arrays hold the same bits.
public func expectSameBits(
  _ actual: [Float], _ expected: [Float], _ label: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(label) \(actual.count) numbers, expected \(expected.count)", sourceLocation: sourceLocation
    )
    return
  }
  let difference = actual.indices.first { actual[$0].bitPattern != expected[$0].bitPattern }
  guard let index = difference else { return }
  Issue.record(
    "\(label) element \(index) of \(actual.count) is \(actual[index]), expected the bits of \(expected[index])",
    sourceLocation: sourceLocation)
}

/// The largest magnitude, at least `floor`: what an absolute tolerance is a share of.
public func largestMagnitude(_ values: [some BinaryFloatingPoint], atLeast floor: Double = 0)
  -> Double
{
  values.reduce(floor) { max($0, Double($1).magnitude) }
}

/// Fails unless `gradient` is the gradient of `function` at `point`, by central differences in double.
///
///     ∂f/∂x_i ≈ (f(x + h·e_i) − f(x − h·e_i)) / 2h
///
/// Every coordinate of a short point is checked; of a long one some, and the whole of it in a few
/// directions of ±1.
///
/// - Parameters:
///   - gradient: as the kernel computed it.
///   - point: where.
///   - step: h; the difference's own error is about h² and 10⁻¹⁶/h.
///   - tolerance: the error allowed, relative to the largest difference and to the number itself.
///   - coordinates: how many coordinates are looked at singly.
///   - function: the kernel's forward pass in double, reduced to one number.
public func expectGradient(
  _ gradient: [Float], at point: [Float], step: Double = 1e-4, tolerance: Double = 1e-5,
  coordinates: Int = 24, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  of function: ([Double]) -> Double
) {
  precondition(gradient.count == point.count, "a gradient has its point's shape")
  let center = point.map(Double.init)
  func slope(_ direction: [(index: Int, sign: Double)]) -> Double {
    var (above, below) = (center, center)
    for (index, sign) in direction {
      above[index] += sign * step
      below[index] -= sign * step
    }
    return (function(above) - function(below)) / (2 * step)
  }

  var random = SeededNumbers(UInt64(point.count))
  let checked =
    point.count <= coordinates
    ? Array(point.indices) : (0..<coordinates).map { _ in random.integer(below: point.count) }
  let differences = checked.map { slope([($0, 1)]) }
  let scale = largestMagnitude(differences, atLeast: 0.1)
  expectClose(
    checked.map { gradient[$0] }, differences, relative: tolerance, absolute: tolerance * scale,
    "\(label) gradient at coordinates \(checked):", sourceLocation: sourceLocation)

  guard point.count > coordinates else { return }
  for _ in 0..<3 {
    let direction = point.indices.map { ($0, random.integer(below: 2) == 0 ? 1.0 : -1.0) }
    let along = direction.reduce(0) { $0 + $1.1 * Double(gradient[$1.0]) }
    let allowed = tolerance * scale * Double(point.count).squareRoot()
    expectClose(
      [Float(along)], [slope(direction)], relative: 10 * tolerance, absolute: allowed,
      "\(label) slope along a direction:", sourceLocation: sourceLocation)
  }
}

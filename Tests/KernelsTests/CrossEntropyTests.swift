import Foundation
import Kernels
import TestSupport
import Testing

@Suite("CrossEntropy") struct CrossEntropyTests {
  /// Losses, which targets are the likeliest, and the gradients of the logits.
  static func evaluate(
    _ logits: GuardedMatrix, targets: [Int32], scales: [Float]?, path: KernelPath
  ) -> [CrossEntropy.RowResult] {
    var results = [CrossEntropy.RowResult](repeating: .init(), count: targets.count)
    if let scales {
      CrossEntropy.evaluate(
        logits.matrix, targets: targets, gradientScales: scales, results: &results, path: path)
    } else {
      CrossEntropy.evaluate(
        logits.matrix, targets: targets, gradientScales: nil, results: &results, path: path)
    }
    return results
  }

  @Test("gives PyTorch's losses and gradients", arguments: KernelPath.available)
  func equalsPyTorch(_ path: KernelPath) throws {
    let fixture = try TensorFixture("kernels/cross_entropy.safetensors")
    #expect(fixture.cases.count == 5)
    for name in fixture.cases {
      let shape = fixture.shape("\(name).logits")
      let values = fixture.floats("\(name).logits")
      let weights = fixture.floats("\(name).weights")
      let logits = GuardedMatrix(rows: shape[0], columns: shape[1], values)
      let results = Self.evaluate(
        logits, targets: fixture.integers("\(name).targets"), scales: weights, path: path)
      // A loss is the difference of two numbers as large as the logits.
      let rounding = 3e-7 * largestMagnitude(values, atLeast: 10)
      expectClose(
        results.map(\.loss), fixture.floats("\(name).losses"), relative: 1e-6, absolute: rounding,
        name)
      let loss = zip(weights, results).reduce(0.0) { $0 + Double($1.0) * Double($1.1.loss) }
      expectClose(
        [Float(loss)], fixture.floats("\(name).loss"), relative: 1e-6, absolute: 6 * rounding, name)
      expectClose(
        logits.values, fixture.floats("\(name).grad_logits"), relative: 1e-6, absolute: rounding,
        name)
      #expect(logits.isIntact)
    }
  }

  @Test("gives PyTorch's losses and gradients of bounded logits", arguments: KernelPath.available)
  func softCapEqualsPyTorch(_ path: KernelPath) throws {
    let fixture = try TensorFixture("kernels/cross_entropy_soft_cap.safetensors")
    #expect(fixture.cases.count == 3)
    for name in fixture.cases {
      let shape = fixture.shape("\(name).logits")
      let cap = fixture.floats("\(name).cap")[0]
      let logits = GuardedMatrix(
        rows: shape[0], columns: shape[1], fixture.floats("\(name).logits"))
      Elementwise.softCap(logits.matrix, to: cap, path: path)
      expectClose(
        logits.values, fixture.floats("\(name).capped"), relative: 3e-7, absolute: 1e-7, name)
      var results = [CrossEntropy.RowResult](repeating: .init(), count: shape[0])
      CrossEntropy.evaluate(
        logits.matrix, targets: fixture.integers("\(name).targets"),
        gradientScales: fixture.floats("\(name).weights"), softCap: cap, results: &results,
        path: path)
      expectClose(
        results.map(\.loss), fixture.floats("\(name).losses"), relative: 1e-6, absolute: 3e-6, name)
      expectClose(
        logits.values, fixture.floats("\(name).grad_logits"), relative: 2e-6, absolute: 1e-6, name)
      #expect(logits.isIntact)
    }
  }

  @Test(
    "the gradient of bounded logits is the central difference of the loss, of several targets and smoothed too",
    arguments: KernelPath.available, [0, 0.1])
  func softCapGradient(_ path: KernelPath, _ smoothing: Double) {
    var numbers = SeededNumbers(12)
    let (values, cap) = (numbers.floats(2 * 19, within: 4), Float(2.5))
    let (firsts, targets, scales) = ([0, 2, 3], [3, 18, 0] as [Int32], [1, 0.5, 0.25] as [Float])
    let logits = GuardedMatrix(rows: 2, columns: 19, values)
    Elementwise.softCap(logits.matrix, to: cap, path: path)
    var results = [CrossEntropy.RowResult](repeating: .init(), count: 3)
    CrossEntropy.evaluate(
      logits.matrix, firstTargets: firsts, targets: targets, gradientScales: scales, softCap: cap,
      smoothing: Float(smoothing), results: &results, path: path)
    expectGradient(logits.values, at: values) { x in
      (0..<2).reduce(0) { loss, row in
        let capped = x[row * 19..<(row + 1) * 19].map { Double(cap) * tanh($0 / Double(cap)) }
        let logSum = log(capped.reduce(0) { $0 + exp($1) })
        let mean = capped.reduce(0, +) / Double(capped.count)
        return (firsts[row]..<firsts[row + 1]).reduce(loss) {
          let target = (1 - smoothing) * capped[Int(targets[$1])] + smoothing * mean
          return $0 + Double(scales[$1]) * (logSum - target)
        }
      }
    }
  }

  @Test(
    "the gradient is the central difference of the loss", arguments: KernelPath.available,
    [1, 2, 17, 33])
  func gradientEqualsCentralDifference(_ path: KernelPath, _ vocabulary: Int) {
    var numbers = SeededNumbers(10)
    let values = numbers.floats(3 * vocabulary, within: 5)
    let targets = (0..<3).map { _ in Int32(numbers.integer(below: vocabulary)) }
    let scales: [Float] = [1, 0, 0.375]
    let logits = GuardedMatrix(rows: 3, columns: vocabulary, values)
    _ = Self.evaluate(logits, targets: targets, scales: scales, path: path)
    expectGradient(logits.values, at: values) { x in
      (0..<3).reduce(0) { loss, row in
        let logits = x[row * vocabulary..<(row + 1) * vocabulary]
        let target = x[row * vocabulary + Int(targets[row])]
        return loss + Double(scales[row]) * (log(logits.reduce(0) { $0 + exp($1) }) - target)
      }
    }
  }

  @Test(
    "smoothing gives the loss and gradient of a mixture with the uniform distribution",
    arguments: KernelPath.available,
    [(1, nil), (2, nil), (17, nil), (33, nil), (131, nil), (2, 2.5), (33, 2.5), (67, 30)])
  func smoothing(_ path: KernelPath, _ test: (vocabulary: Int, cap: Float?)) {
    let (vocabulary, cap) = test
    var numbers = SeededNumbers(14)
    let values = numbers.floats(3 * vocabulary, within: 5)
    // The second row has two targets.
    let first = [0, 1, 3, 4]
    let targets = (0..<4).map { _ in Int32(numbers.integer(below: vocabulary)) }
    let scales: [Float] = [1, 0.5, 0.25, 0.375]
    let (epsilon, rows) = (0.1, [0, 1, 1, 2])
    func loss(_ x: [Double], _ index: Int) -> Double {
      let logits = x[rows[index] * vocabulary..<(rows[index] + 1) * vocabulary].map { x in
        cap.map { Double($0) * tanh(x / Double($0)) } ?? x
      }
      let logSum = log(logits.reduce(0) { $0 + exp($1) })
      let target = logits[Int(targets[index])]
      let mean = logits.reduce(0, +) / Double(vocabulary)
      return (1 - epsilon) * (logSum - target) + epsilon * (logSum - mean)
    }
    let logits = GuardedMatrix(rows: 3, columns: vocabulary, values)
    if let cap { Elementwise.softCap(logits.matrix, to: cap, path: path) }
    var results = [CrossEntropy.RowResult](repeating: .init(), count: 4)
    CrossEntropy.evaluate(
      logits.matrix, firstTargets: first, targets: targets, gradientScales: scales,
      softCap: cap, smoothing: Float(epsilon), results: &results, path: path)
    #expect(logits.isIntact)
    let expected = (0..<4).map { loss(values.map(Double.init), $0) }
    expectClose(results.map(\.loss), expected, relative: 1e-6, absolute: 3e-6)
    expectGradient(logits.values, at: values) { x in
      (0..<4).reduce(0) { $0 + Double(scales[$1]) * loss(x, $1) }
    }
  }

  @Test("without scales the logits stay as they are", arguments: KernelPath.available)
  func leavesLogits(_ path: KernelPath) {
    var numbers = SeededNumbers(11)
    let values = numbers.floats(2 * 67, within: 9)
    let logits = GuardedMatrix(rows: 2, columns: 67, values)
    let alone = Self.evaluate(logits, targets: [0, 66], scales: nil, path: path)
    expectSameBits(logits.values, values)
    let both = Self.evaluate(logits, targets: [0, 66], scales: [1, 1], path: path)
    expectSameBits(both.map(\.loss), alone.map(\.loss))
  }

  @Test(
    "stays finite and right at extremes", arguments: KernelPath.available,
    [80, 1e4, 3e38] as [Float])
  func extremes(_ path: KernelPath, _ size: Float) {
    let columns = 35
    var values = [Float](repeating: -size, count: 2 * columns)
    values[5] = size
    values[columns + 7] = size
    let logits = GuardedMatrix(rows: 2, columns: columns, values)
    let results = Self.evaluate(logits, targets: [5, 8], scales: [1, 1], path: path)
    #expect(results[0].loss.magnitude < 1e-6)
    #expect(results[0].isCorrect)
    #expect(results[1].loss == 2 * size)
    #expect(!results[1].isCorrect)
    var gradient = [Float](repeating: 0, count: 2 * columns)
    gradient[columns + 7] = 1
    gradient[columns + 8] = -1
    expectClose(logits.values, gradient, absolute: 1e-30)
  }

  @Test("equal logits cost log(vocabulary)", arguments: KernelPath.available, [-1e4, 0, 1e4])
  func equalLogits(_ path: KernelPath, _ logit: Float) {
    for columns in [1, 31, 97] {
      let logits = GuardedMatrix(
        rows: 1, columns: columns, [Float](repeating: logit, count: columns))
      let results = Self.evaluate(logits, targets: [0], scales: [1], path: path)
      // Adding log n to 10⁴ rounds it to a thousandth.
      let rounding = Double(max(1, logit.magnitude)) * 1.2e-7
      expectClose([results[0].loss], [log(Double(columns))], relative: 2e-7, absolute: rounding)
      #expect(results[0].isCorrect)
      var expected = [Double](repeating: 1 / Double(columns), count: columns)
      expected[0] -= 1
      expectClose(logits.values, expected, relative: 2 * rounding, absolute: 2 * rounding)
    }
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    var numbers = SeededNumbers(12)
    let values = numbers.floats(19 * 67, within: 9)
    expectSameBitsOnAnyThreads {
      let logits = GuardedMatrix(rows: 19, columns: 67, values)
      let results = Self.evaluate(
        logits, targets: (0..<19).map { Int32(3 * $0) },
        scales: (0..<19).map { Float($0) }, path: path)
      return logits.values + results.map(\.loss)
    }
  }
}

import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Dropout") struct DropoutTests {
  static func forward(
    _ input: [Float], columns: Int, keys: [UInt64], module: UInt64 = 1, probability: Float,
    path: KernelPath = .active
  ) -> [Float] {
    let input = GuardedMatrix(rows: keys.count, columns: columns, input)
    let output = GuardedMatrix(rows: keys.count, columns: columns)
    Dropout.forward(
      input.matrix, keys: keys, module: module, probability: probability, output: output.matrix,
      path: path)
    #expect(input.isIntact && output.isIntact)
    return output.values
  }

  static func ones(_ count: Int) -> [Float] { [Float](repeating: 1, count: count) }

  @Test("keeps the wanted share, each element on its own", arguments: [0.05, 0.1, 0.5] as [Float])
  func share(_ probability: Float) {
    let (rows, columns) = (400, 101)
    let keys = (0..<UInt64(rows)).map { $0 }
    let kept = Self.forward(
      Self.ones(rows * columns), columns: columns, keys: keys, probability: probability
    ).map { $0 != 0 }
    let keep = 1 - Double(probability)
    /// Five standard deviations of a share of `count` trials.
    func expectShare(_ hits: Int, _ count: Int, _ share: Double, _ what: String) {
      let deviation = (share * (1 - share) / Double(count)).squareRoot()
      let got = Double(hits) / Double(count)
      #expect((got - share).magnitude < 5 * deviation, "\(what): \(got), expected \(share)")
    }
    expectShare(kept.count { $0 }, kept.count, keep, "kept")
    for distance in [1, 2, 16, columns, columns + 1] {
      let pairs = zip(kept, kept.dropFirst(distance))
      expectShare(
        pairs.count { $0 && $1 }, kept.count - distance, keep * keep, "pairs \(distance) apart")
    }
    for column in [0, 1, 31, 100] {
      let hits = (0..<rows).count { kept[$0 * columns + column] }
      expectShare(hits, rows, keep, "column \(column)")
    }
  }

  @Test("scales what it keeps by 1/(1 − p), and keeps all at p = 0")
  func scale() {
    var numbers = SeededNumbers(20)
    let x = numbers.floats(3 * 67)
    expectSameBits(Self.forward(x, columns: 67, keys: [1, 2, 3], probability: 0), x)
    for (value, kept) in zip(x, Self.forward(x, columns: 67, keys: [1, 2, 3], probability: 0.25)) {
      #expect(kept == 0 || kept == value * (1 / (1 - 0.25)))
    }
  }

  @Test("gives the same bits on every path", arguments: [1, 17, 67])
  func paths(_ columns: Int) {
    var numbers = SeededNumbers(21)
    let x = numbers.floats(2 * columns)
    let baseline = Self.forward(
      x, columns: columns, keys: [5, 6], probability: 0.3, path: .baseline)
    for path in KernelPath.available {
      let values = Self.forward(x, columns: columns, keys: [5, 6], probability: 0.3, path: path)
      expectSameBits(values, baseline, "\(path)")
    }
  }

  @Test("backward adds through the mask of forward", arguments: KernelPath.available)
  func backward(_ path: KernelPath) {
    var numbers = SeededNumbers(22)
    let (rows, columns) = (19, 37)
    let keys = (0..<rows).map { _ in numbers.next() }
    let dy = numbers.floats(rows * columns)
    let before = numbers.floats(rows * columns)
    let gradInput = GuardedMatrix(rows: rows, columns: columns, before)
    let gradOutput = GuardedMatrix(rows: rows, columns: columns, dy)
    Dropout.backward(
      gradOutput.matrix, keys: keys, module: 9, probability: 0.4, gradInput: gradInput.matrix,
      path: path)
    let masked = Self.forward(
      dy, columns: columns, keys: keys, module: 9, probability: 0.4, path: path)
    expectClose(
      gradInput.values, zip(before, masked).map { $0 + $1 }, relative: 1e-6, absolute: 1e-7)
    #expect(gradOutput.isIntact && gradInput.isIntact)
  }

  @Test("a row's mask follows from its key alone, and from the module")
  func keys() {
    let keys: [UInt64] = [7, 8, 9, 7]
    let together = Self.forward(Self.ones(4 * 131), columns: 131, keys: keys, probability: 0.5)
    for (row, key) in keys.enumerated() {
      let alone = Self.forward(Self.ones(131), columns: 131, keys: [key], probability: 0.5)
      expectSameBits(alone, Array(together[row * 131..<(row + 1) * 131]), "row \(row)")
    }
    #expect(together[..<131] != together[131..<262])
    let other = Self.forward(Self.ones(131), columns: 131, keys: [7], module: 2, probability: 0.5)
    #expect(Array(together[..<131]) != other)
  }

  @Test("does not depend on the number of threads")
  func threads() {
    let keys = (0..<67).map { UInt64($0) }
    expectSameBitsOnAnyThreads {
      Self.forward(Self.ones(67 * 19), columns: 19, keys: keys, probability: 0.5)
    }
  }
}

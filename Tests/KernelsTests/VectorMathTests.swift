import Foundation
import TestSupport
import Testing

@testable import Kernels

@Suite("VectorMath") struct VectorMathTests {
  static let sizes = [1, 2, 7, 15, 16, 17, 31, 32, 33, 67, 131]

  @Test("adds, scales and multiplies", arguments: KernelPath.available, sizes)
  func linear(_ path: KernelPath, _ n: Int) {
    var numbers = SeededNumbers(UInt64(n))
    let (x, y) = (numbers.floats(n), numbers.floats(n))
    func applied(_ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void)
      -> [Float]
    {
      let (first, second) = (GuardedMatrix(x), GuardedMatrix(y))
      body(first.base, second.base)
      #expect(first.isIntact && second.isIntact)
      expectSameBits(first.values, x)
      return second.values
    }
    expectSameBits(applied { VectorMath.add(n, $0, $1, path) }, zip(x, y).map { $0 + $1 })
    expectSameBits(applied { VectorMath.scale(n, 0.3, $0, $1, path) }, x.map { 0.3 * $0 })
    expectClose(
      applied { VectorMath.axpy(n, 0.3, $0, $1, path) },
      zip(x, y).map { Double($1) + Double(Float(0.3)) * Double($0) }, relative: 1e-6, absolute: 1e-7
    )
    let product = zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    var dot: Float = 0
    _ = applied { dot = VectorMath.dot(n, $0, $1, path) }
    expectClose([dot], [product], relative: 1e-6, absolute: 1e-6)
    let softmax = applied { VectorMath.softmaxBackward(n, delta: 0.2, scale: 0.5, $0, $1, path) }
    expectClose(
      softmax, zip(x, y).map { Double($0) * (Double($1) - 0.2) * 0.5 }, relative: 1e-6,
      absolute: 1e-7)
  }

  @Test("bounds as exactly as a Float can, far out and near zero", arguments: KernelPath.available)
  func softCap(_ path: KernelPath) {
    let x =
      (-400...400).map { Float($0) / 32 + 0.001 } + [-1e30, -200, -1e-20, 0, 1e-20, 200, 1e30]
    let values = GuardedMatrix(x)
    VectorMath.softCap(x.count, 0.5, 3, values.base, path)
    expectClose(
      values.values, x.map { 3 * tanh(0.5 * Double($0)) }, relative: 3e-7, absolute: 1e-30)
    #expect(values.isIntact)
  }

  @Test("finds the largest wherever it stands", arguments: KernelPath.available, sizes)
  func largest(_ path: KernelPath, _ n: Int) {
    for place in 0..<n {
      var values = [Float](repeating: -3, count: n)
      values[place] = -1
      let matrix = GuardedMatrix(values)
      #expect(VectorMath.max(n, matrix.base, path) == -1)
      #expect(VectorMath.max(0, matrix.base, path) == -.infinity)
      #expect(matrix.isIntact)
    }
  }

  @Test("exponentials are within two units in the last place", arguments: KernelPath.available)
  func exponential(_ path: KernelPath) {
    let x = (-5_560...5_630).map { Float($0) / 64 + 0.0017 }
    let values = GuardedMatrix(x)
    VectorMath.scaledExp(x.count, 1, shift: 0, values.base, path)
    expectClose(values.values, x.map { exp(Double($0)) }, relative: 2.4e-7)
  }

  @Test("exponentials end at the ends of Float, and keep NaN", arguments: KernelPath.available)
  func exponentialEnds(_ path: KernelPath) {
    let values = GuardedMatrix([-.infinity, -1e30, -100, 88, 1e30, .infinity, .nan])
    VectorMath.scaledExp(7, 1, shift: 0, values.base, path)
    #expect(values.values[..<3].allSatisfy { $0 >= 0 && $0 < 2e-38 })
    #expect(values.values[3..<6].allSatisfy { $0 > 1.6e38 && $0.isFinite })
    #expect(values.values[6].isNaN)
  }

  @Test("sums exponentials with and without keeping them", arguments: KernelPath.available, sizes)
  func sums(_ path: KernelPath, _ n: Int) {
    var numbers = SeededNumbers(UInt64(200 + n))
    let x = numbers.floats(n, within: 8)
    let values = GuardedMatrix(x)
    let exponentials = x.map { exp(Double($0) * 0.5 - 1) }
    expectClose(
      [VectorMath.sumExp(n, shift: 1, values.base, path)],
      [x.reduce(0.0) { $0 + exp(Double($1) - 1) }], relative: 2e-6)
    expectSameBits(values.values, x)
    let sum = VectorMath.expSum(n, scale: 0.5, shift: 1, values.base, path)
    expectClose([sum], [exponentials.reduce(0, +)], relative: 2e-6)
    expectClose(values.values, exponentials, relative: 2e-6)
    #expect(values.isIntact)
  }
}

import Foundation
import Kernels
import TestSupport
import Testing

@Suite("RotaryEmbedding") struct RotaryEmbeddingTests {
  @Test("gives Transformers' rotation and its gradient", arguments: KernelPath.available)
  func equalsTransformers(_ path: KernelPath) throws {
    let fixture = try TensorFixture("kernels/rope.safetensors")
    #expect(fixture.cases == ["16", "64", "8", "far"])
    for name in fixture.cases {
      let shape = fixture.shape("\(name).input")
      let positions = fixture.integers("\(name).positions")
      let rotation = RotaryEmbedding(
        headDimension: shape[2], base: Double(fixture.floats("\(name).theta")[0]))
      rotation.reserve(positions: Int(positions.max() ?? 0) + 1)
      for (role, result, inverse) in [
        ("input", "output", false), ("grad_output", "grad_input", true),
      ] {
        let x = GuardedMatrix(
          rows: shape[0], columns: shape[1] * shape[2], fixture.floats("\(name).\(role)"))
        rotation.rotate(x.matrix, positions: positions, inverse: inverse, path: path)
        expectClose(
          x.values, fixture.floats("\(name).\(result)"), relative: 0, absolute: 1e-6,
          "\(name).\(result)")
        #expect(x.isIntact)
      }
    }
  }

  @Test(
    "rotates pairs half a head apart by position · base^(−2j/d)", arguments: KernelPath.available,
    [2, 6, 16, 34, 80])
  func rotatesByDefinition(_ path: KernelPath, _ d: Int) {
    var numbers = SeededNumbers(7)
    let (heads, positions, half) = (3, [0, 1, 5, 131] as [Int32], d / 2)
    let x = numbers.floats(4 * heads * d)
    let rotated = GuardedMatrix(rows: 4, columns: heads * d, x)
    let rotation = RotaryEmbedding(headDimension: d, base: 500)
    rotation.reserve(positions: 132)
    rotation.rotate(rotated.matrix, positions: positions, path: path)
    var expected = x.map(Double.init)
    for (row, position) in positions.enumerated() {
      for head in 0..<heads {
        for j in 0..<half {
          let angle = Double(position) * pow(500, -2 * Double(j) / Double(d))
          let first = (row * heads + head) * d + j
          let (x1, x2) = (Double(x[first]), Double(x[first + half]))
          expected[first] = x1 * cos(angle) - x2 * sin(angle)
          expected[first + half] = x2 * cos(angle) + x1 * sin(angle)
        }
      }
    }
    // An angle of 131 is a Float only to about 10⁻⁵.
    expectClose(rotated.values, expected, relative: 0, absolute: 3e-5)
  }

  @Test("turning back undoes a turn, also after the tables grew", arguments: KernelPath.available)
  func inverseUndoes(_ path: KernelPath) {
    var numbers = SeededNumbers(8)
    let x = numbers.floats(5 * 48)
    let matrix = GuardedMatrix(rows: 5, columns: 48, x)
    let rotation = RotaryEmbedding(headDimension: 16, base: 10_000)
    rotation.reserve(positions: 3)
    rotation.rotate(matrix.matrix, positions: [0, 1, 2, 1, 0], path: path)
    rotation.reserve(positions: 3_000)
    rotation.rotate(matrix.matrix, positions: [0, 1, 2, 1, 0], inverse: true, path: path)
    expectClose(matrix.values, x, relative: 0, absolute: 5e-7)
  }

  @Test("an attention factor multiplies what is rotated, and its gradient")
  func attentionFactor() {
    var numbers = SeededNumbers(10)
    let (x, frequencies) = (numbers.floats(5 * 12), [1, 0.25, 0.01] as [Float])
    let (plain, scaled) = (
      RotaryEmbedding(frequencies: frequencies),
      RotaryEmbedding(frequencies: frequencies, attentionFactor: 1.5)
    )
    for inverse in [false, true] {
      let results = [plain, scaled].map { rotation in
        let matrix = GuardedMatrix(rows: 5, columns: 12, x)
        rotation.reserve(positions: 5)
        rotation.rotate(matrix.matrix, positions: [0, 1, 2, 3, 4], inverse: inverse)
        return matrix.values
      }
      expectClose(results[1], results[0].map { 1.5 * $0 }, relative: 1e-6, absolute: 1e-6)
    }
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    var numbers = SeededNumbers(9)
    let x = numbers.floats(67 * 48)
    let rotation = RotaryEmbedding(headDimension: 16, base: 10_000)
    rotation.reserve(positions: 67)
    expectSameBitsOnAnyThreads {
      let matrix = GuardedMatrix(rows: 67, columns: 48, x)
      rotation.rotate(matrix.matrix, positions: (0..<67).map { Int32($0) }, path: path)
      return matrix.values
    }
  }
}

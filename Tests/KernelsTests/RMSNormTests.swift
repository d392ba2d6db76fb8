import Kernels
import TestSupport
import Testing

@Suite("RMSNorm") struct RMSNormTests {
  static let epsilon: Float = 1e-5

  @Test("gives PyTorch's output, rstd and gradient", arguments: KernelPath.available)
  func equalsPyTorch(_ path: KernelPath) throws {
    let fixture = try TensorFixture("kernels/rms_norm.safetensors")
    #expect(fixture.cases.count == 5)
    for name in fixture.cases {
      let shape = fixture.shape("\(name).input")
      let input = GuardedMatrix(rows: shape[0], columns: shape[1], fixture.floats("\(name).input"))
      let weight = GuardedMatrix(fixture.floats("\(name).weight"))
      let output = GuardedMatrix(rows: shape[0], columns: shape[1])
      let rstd = GuardedMatrix(rows: 1, columns: shape[0], gap: 0)
      RMSNorm.forward(
        input.matrix, weight: weight.base, epsilon: Self.epsilon, output: output.matrix,
        rstd: rstd.base, path: path)
      expectClose(rstd.values, fixture.floats("\(name).rstd"), relative: 1e-6, name)
      expectClose(output.values, fixture.floats("\(name).output"), relative: 1e-6, name)

      let gradOutput = GuardedMatrix(
        rows: shape[0], columns: shape[1], fixture.floats("\(name).grad_output"))
      let before = [Float](repeating: 0.25, count: shape[0] * shape[1])
      let gradInput = GuardedMatrix(rows: shape[0], columns: shape[1], before)
      RMSNorm.backward(
        gradOutput.matrix, input: input.matrix, weight: weight.base, rstd: rstd.base,
        gradInput: gradInput.matrix, path: path)
      let expected = fixture.floats("\(name).grad_input").map { $0 + 0.25 }
      // A row of zeros has rstd = 316: its gradient sets the scale.
      expectClose(
        gradInput.values, expected, relative: 1e-5, absolute: 1e-7 * largestMagnitude(expected),
        name)
      for matrix in [input, weight, output, rstd, gradOutput, gradInput] {
        #expect(matrix.isIntact)
      }
    }
  }

  @Test(
    "backward is the central difference of forward", arguments: KernelPath.available,
    [(1, 1), (1, 2), (3, 17), (2, 31)])
  func backwardEqualsCentralDifference(_ path: KernelPath, _ shape: (rows: Int, columns: Int)) {
    let (rows, columns) = shape
    var numbers = SeededNumbers(1)
    let x = numbers.floats(rows * columns, within: 2)
    let dy = numbers.floats(rows * columns)
    let w = numbers.floats(columns, within: 1.5)
    let (input, weight) = (GuardedMatrix(rows: rows, columns: columns, x), GuardedMatrix(w))
    let output = GuardedMatrix(rows: rows, columns: columns)
    let rstd = GuardedMatrix(rows: 1, columns: rows, gap: 0)
    RMSNorm.forward(
      input.matrix, weight: weight.base, epsilon: Self.epsilon, output: output.matrix,
      rstd: rstd.base, path: path)
    let gradInput = GuardedMatrix(
      rows: rows, columns: columns, [Float](repeating: 0, count: rows * columns))
    let gradOutput = GuardedMatrix(rows: rows, columns: columns, dy)
    RMSNorm.backward(
      gradOutput.matrix, input: input.matrix, weight: weight.base, rstd: rstd.base,
      gradInput: gradInput.matrix, path: path)
    #expect(gradOutput.isIntact && input.isIntact && weight.isIntact && rstd.isIntact)
    expectGradient(gradInput.values, at: x) { x in
      var loss = 0.0
      for row in 0..<rows {
        let range = row * columns..<(row + 1) * columns
        let square = x[range].reduce(0) { $0 + $1 * $1 } / Double(columns)
        let rstd = 1 / (square + Double(Self.epsilon)).squareRoot()
        for (column, i) in range.enumerated() {
          loss += Double(dy[i]) * x[i] * rstd * Double(w[column])
        }
      }
      return loss
    }
  }

  @Test("recompute gives the bits of forward", arguments: KernelPath.available)
  func recomputeEqualsForward(_ path: KernelPath) {
    var numbers = SeededNumbers(2)
    for columns in [1, 13, 16, 33, 67] {
      let input = GuardedMatrix(rows: 19, columns: columns, numbers.floats(19 * columns, within: 3))
      let weight = GuardedMatrix(numbers.floats(columns))
      let first = GuardedMatrix(rows: 19, columns: columns)
      let second = GuardedMatrix(rows: 19, columns: columns)
      let rstd = GuardedMatrix(rows: 1, columns: 19, gap: 0)
      RMSNorm.forward(
        input.matrix, weight: weight.base, epsilon: Self.epsilon, output: first.matrix,
        rstd: rstd.base, path: path)
      RMSNorm.recompute(
        input.matrix, weight: weight.base, rstd: rstd.base, output: second.matrix, path: path)
      expectSameBits(second.values, first.values, "\(columns) columns")
    }
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    var numbers = SeededNumbers(3)
    let (rows, columns) = (67, 29)
    let input = GuardedMatrix(rows: rows, columns: columns, numbers.floats(rows * columns))
    let gradOutput = GuardedMatrix(rows: rows, columns: columns, numbers.floats(rows * columns))
    let weight = GuardedMatrix(numbers.floats(columns))
    expectSameBitsOnAnyThreads {
      let output = GuardedMatrix(rows: rows, columns: columns)
      let rstd = GuardedMatrix(rows: 1, columns: rows, gap: 0)
      let gradInput = GuardedMatrix(
        rows: rows, columns: columns, [Float](repeating: 0, count: rows * columns))
      RMSNorm.forward(
        input.matrix, weight: weight.base, epsilon: Self.epsilon, output: output.matrix,
        rstd: rstd.base, path: path)
      RMSNorm.backward(
        gradOutput.matrix, input: input.matrix, weight: weight.base, rstd: rstd.base,
        gradInput: gradInput.matrix, path: path)
      return output.values + rstd.values + gradInput.values
    }
  }
}

import Kernels
import TestSupport
import Testing

@Suite("Elementwise") struct ElementwiseTests {
  @Test("adds matrices of any strides", arguments: KernelPath.available)
  func add(_ path: KernelPath) {
    var numbers = SeededNumbers(19)
    for (rows, columns) in [(1, 1), (17, 13), (33, 33)] {
      let (x, y) = (numbers.floats(rows * columns), numbers.floats(rows * columns))
      let input = GuardedMatrix(rows: rows, columns: columns, gap: 5, x)
      let output = GuardedMatrix(rows: rows, columns: columns, gap: 2, y)
      Elementwise.add(input.matrix, to: output.matrix, path: path)
      expectSameBits(output.values, zip(x, y).map { $0 + $1 })
      #expect(output.isIntact)
      expectSameBitsOnAnyThreads {
        let output = GuardedMatrix(rows: rows, columns: columns, y)
        Elementwise.add(input.matrix, to: output.matrix, path: path)
        return output.values
      }
    }
  }

  @Test("adds a bias to every row", arguments: KernelPath.available)
  func addBias(_ path: KernelPath) {
    var numbers = SeededNumbers(20)
    for (rows, columns) in [(1, 1), (17, 13), (33, 33)] {
      let (bias, y) = (numbers.floats(columns), numbers.floats(rows * columns))
      let weights = GuardedMatrix(bias)
      expectSameBitsOnAnyThreads {
        let output = GuardedMatrix(rows: rows, columns: columns, gap: 2, y)
        Elementwise.addBias(weights.base, to: output.matrix, path: path)
        #expect(output.isIntact && weights.isIntact)
        expectSameBits(output.values, y.enumerated().map { $1 + bias[$0 % columns] })
        return output.values
      }
    }
  }
}

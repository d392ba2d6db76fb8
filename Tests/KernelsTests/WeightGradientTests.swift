import Kernels
import TestSupport
import Testing

@Suite("Gradients of trained weights") struct WeightGradientTests {
  private static let shapes = [(1, 1, 1), (5, 67, 33), (37, 130, 259), (700, 3, 65)]

  @Test("of a linear layer are ∂yᵀx, added", arguments: KernelPath.available)
  func linear(_ path: KernelPath) {
    var numbers = SeededNumbers(61)
    for (tokens, outputs, inputs) in Self.shapes {
      let (dy, x) = (numbers.floats(tokens * outputs), numbers.floats(tokens * inputs))
      let before = numbers.floats(outputs * inputs)
      let gradOutput = GuardedMatrix(rows: tokens, columns: outputs, gap: 3, dy)
      let input = GuardedMatrix(rows: tokens, columns: inputs, gap: 5, x)
      expectSameBitsOnAnyThreads {
        let gradient = GuardedMatrix(before)
        WeightGradient.addLinear(
          gradOutput.matrix, input: input.matrix, to: gradient.base, path: path)
        #expect(gradient.isIntact)
        let reference = (0..<outputs * inputs).map { index in
          let (row, column) = (index / inputs, index % inputs)
          return (0..<tokens).reduce(Double(before[index])) {
            $0 + Double(dy[$1 * outputs + row]) * Double(x[$1 * inputs + column])
          }
        }
        expectClose(gradient.values, reference, relative: 1e-5, absolute: 1e-5 * Double(tokens))
        return gradient.values
      }
    }
  }

  @Test("of a bias are the sums of its columns, added", arguments: KernelPath.available)
  func bias(_ path: KernelPath) {
    var numbers = SeededNumbers(62)
    for (tokens, outputs, _) in Self.shapes {
      let (dy, before) = (numbers.floats(tokens * outputs), numbers.floats(outputs))
      let gradOutput = GuardedMatrix(rows: tokens, columns: outputs, gap: 3, dy)
      expectSameBitsOnAnyThreads {
        let gradient = GuardedMatrix(before)
        WeightGradient.addBias(gradOutput.matrix, to: gradient.base, path: path)
        #expect(gradient.isIntact)
        let reference = (0..<outputs).map { column in
          (0..<tokens).reduce(Double(before[column])) { $0 + Double(dy[$1 * outputs + column]) }
        }
        expectClose(gradient.values, reference, relative: 1e-5, absolute: 1e-5 * Double(tokens))
        return gradient.values
      }
    }
  }

  @Test("of a norm are central differences of its forward pass", arguments: KernelPath.available)
  func norm(_ path: KernelPath) {
    var numbers = SeededNumbers(63)
    for (tokens, _, channels) in Self.shapes {
      let (dy, x) = (numbers.floats(tokens * channels), numbers.floats(tokens * channels))
      let weight = numbers.floats(channels)
      let input = GuardedMatrix(rows: tokens, columns: channels, gap: 4, x)
      let gradOutput = GuardedMatrix(rows: tokens, columns: channels, gap: 1, dy)
      let output = GuardedMatrix(rows: tokens, columns: channels)
      let rstd = GuardedMatrix([Float](repeating: 0, count: tokens))
      let weights = GuardedMatrix(weight)
      RMSNorm.forward(
        input.matrix, weight: weights.base, epsilon: 1e-5, output: output.matrix,
        rstd: rstd.base, path: path)
      var gradient: [Float] = []
      expectSameBitsOnAnyThreads {
        let sums = GuardedMatrix([Float](repeating: 0, count: channels))
        WeightGradient.addNorm(
          gradOutput.matrix, input: input.matrix, rstd: rstd.base, to: sums.base, path: path)
        #expect(sums.isIntact)
        gradient = sums.values
        return gradient
      }
      expectGradient(gradient, at: weight, tolerance: 2e-5, coordinates: 8) { weight in
        (0..<tokens).reduce(0.0) { sum, token in
          let row = (0..<channels).map { Double(x[token * channels + $0]) }
          let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(channels) + 1e-5).squareRoot()
          return (0..<channels).reduce(sum) {
            $0 + Double(dy[token * channels + $1]) * row[$1] * scale * weight[$1]
          }
        }
      }
    }
  }

  @Test(
    "of embeddings are sums over a token's places, in their order, but none for padding",
    arguments: KernelPath.available)
  func embeddings(_ path: KernelPath) {
    var numbers = SeededNumbers(64)
    for (count, hidden) in [(1, 1), (7, 65), (200, 37)] {
      let tokens = (0..<count).map { _ in Int32(numbers.integer(below: 11)) }
      let (dy, before) = (numbers.floats(count * hidden), numbers.floats(11 * hidden))
      let gradOutput = GuardedMatrix(rows: count, columns: hidden, gap: 2, dy)
      expectSameBitsOnAnyThreads {
        let gradient = GuardedMatrix(before)
        WeightGradient.addEmbeddings(
          gradOutput.matrix, tokens: tokens, padding: 3, scale: 0.5, to: gradient.base, path: path)
        #expect(gradient.isIntact)
        var reference = before.map(Double.init)
        for (row, token) in tokens.enumerated() where token != 3 {
          for column in 0..<hidden {
            reference[Int(token) * hidden + column] += 0.5 * Double(dy[row * hidden + column])
          }
        }
        expectClose(gradient.values, reference, relative: 1e-5, absolute: 1e-5)
        return gradient.values
      }
    }
  }
}

import Foundation
import Kernels
import TestSupport
import Testing

@Suite("An encoder's kernels") struct EncoderKernelTests {
  @Test("LayerNorm is its formula, on every path", arguments: KernelPath.available)
  func layerNorm(_ path: KernelPath) {
    var numbers = SeededNumbers(1)
    for columns in [1, 7, 48, 130] {
      let input = FloatBuffer(numbers.floats(3 * columns, within: 4).map { $0 + 10 })
      let (weight, bias) = (
        FloatBuffer(numbers.floats(columns)), FloatBuffer(numbers.floats(columns))
      )
      let expected = (0..<3).flatMap { row -> [Float] in
        let x = (0..<columns).map { Double(input.base[row * columns + $0]) }
        let mean = x.reduce(0, +) / Double(columns)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
        return (0..<columns).map {
          Float(
            (x[$0] - mean) / (variance + 1e-5).squareRoot() * Double(weight.base[$0])
              + Double(bias.base[$0]))
        }
      }
      let rows = input.matrix(rows: 3, columns: columns)
      LayerNorm.forward(
        rows, weight: weight.base, bias: bias.base, epsilon: 1e-5, output: rows, path: path)
      #expect(relativeError(input.array, expected) < 1e-5, "\(columns)")
    }
  }

  @Test("GELU is its formula, on every path", arguments: KernelPath.available)
  func gelu(_ path: KernelPath) {
    let values = stride(from: Float(-12), through: 12, by: 0.0625).map { $0 }
    let buffer = FloatBuffer(values)
    let bias = FloatBuffer(values.map { _ in 0.25 })
    GELU.apply(buffer.matrix(rows: 1, columns: values.count), bias: bias.base, path: path)
    for (value, result) in zip(values, buffer.array) {
      let x = Double(value) + 0.25
      let expected = 0.5 * x * (1 + erf(x / 2.squareRoot()))
      #expect(abs(Double(result) - expected) < 2e-7 * max(1, abs(x)), "\(x)")
    }
  }

  @Test("attention in both directions is its formula, sequence by sequence")
  func attention() {
    var numbers = SeededNumbers(3)
    let (heads, size, count) = (3, 8, 23)
    let width = heads * size
    let buffers = (0..<3).map { _ in FloatBuffer(numbers.floats(count * width, within: 2)) }
    let segments = [0..<1, 1..<9, 9..<9, 9..<23]
    let output = FloatBuffer(count: count * width)
    func run() -> [Float] {
      BidirectionalAttention.forward(
        queries: buffers[0].matrix(rows: count, columns: width),
        keys: buffers[1].matrix(rows: count, columns: width),
        values: buffers[2].matrix(rows: count, columns: width), segments: segments,
        headCount: heads, output: output.matrix(rows: count, columns: width))
      return output.array
    }
    func element(_ buffer: Int, _ row: Int, _ column: Int) -> Double {
      Double(buffers[buffer].base[row * width + column])
    }
    var expected = [Float](repeating: 0, count: count * width)
    for segment in segments {
      for head in 0..<heads {
        let columns = head * size..<(head + 1) * size
        for row in segment {
          let scores = segment.map { other in
            columns.reduce(0) { $0 + element(0, row, $1) * element(1, other, $1) }
              / Double(size).squareRoot()
          }
          let most = scores.max() ?? 0
          let weights = scores.map { exp($0 - most) }
          let sum = weights.reduce(0, +)
          for column in columns {
            expected[row * width + column] = Float(
              zip(segment, weights).reduce(0) { $0 + $1.1 / sum * element(2, $1.0, column) })
          }
        }
      }
    }
    #expect(relativeError(run(), expected) < 2e-6)
    expectSameBitsOnAnyThreads("attention") { run() }
  }

  @Test("products of rows are their sums, on every path", arguments: KernelPath.available)
  func rowProducts(_ path: KernelPath) {
    var numbers = SeededNumbers(4)
    for (rows, size) in [(1, 1), (7, 31), (600, 384)] {
      let (values, vector) = (numbers.floats(rows * size), numbers.floats(size))
      let (matrix, query, output) = (
        FloatBuffer(values), FloatBuffer(vector), FloatBuffer(count: rows)
      )
      func run() -> [Float] {
        RowProducts.forward(
          matrix.matrix(rows: rows, columns: size), vector: query.base, output: output.base,
          path: path)
        return output.array
      }
      let expected = (0..<rows).map { row in
        (0..<size).reduce(0.0) { $0 + Double(values[row * size + $1]) * Double(vector[$1]) }
      }
      expectClose(run(), expected, absolute: 1e-5)
      expectSameBitsOnAnyThreads("products of rows") { run() }
    }
  }
}

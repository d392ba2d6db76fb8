import Kernels
import TestSupport
import Testing

@testable import Quantization

@Suite("WeightMatrix") struct WeightMatrixTests {
  /// A weight stored as `type`, and the numbers that its bytes stand for in the order asked for.
  struct Problem {
    let weight: WeightMatrix
    let rows, columns: Int
    let values: [Double]

    init(_ type: StorageType, rows: Int, columns: Int, rowOrder: [Int32]? = nil) {
      var numbers = SeededNumbers(UInt64(rows * 1_000 + columns))
      let bytes = storedBytes(of: numbers.floats(rows * columns), as: type)
      let storage = FloatBuffer(count: bytes.count / 4 + 1)
      UnsafeMutableRawPointer(storage.base).copyMemory(from: bytes, byteCount: bytes.count)
      weight = WeightMatrix(
        rows: rows, columns: columns, type: type, base: UnsafeRawPointer(storage.base),
        rowOrder: rowOrder, owner: storage)
      let stored = [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
        if let base = buffer.baseAddress {
          type.dequantize(storage.base, count: rows * columns, into: base)
        }
        count = rows * columns
      }
      self.rows = rows
      self.columns = columns
      values = (0..<rows).flatMap { row in
        let source = rowOrder.map { Int($0[row]) } ?? row
        return stored[source * columns..<(source + 1) * columns].map(Double.init)
      }
    }
  }

  static let shapes: [(type: StorageType, rows: Int, columns: Int)] = [
    (.f32, 1, 1), (.f32, 33, 37), (.f32, 7, 131), (.f16, 31, 17), (.f16, 65, 67), (.bf16, 5, 33),
    (.q8_0, 33, 32), (.q8_0, 67, 96), (.q4_1, 31, 64), (.q4_1, 97, 160), (.q4_0, 3, 96),
    (.q5_0, 5, 32), (.q5_1, 34, 64), (.iq4_nl, 35, 96), (.q2_k, 33, 256), (.q3_k, 3, 512),
    (.q4_k, 67, 256), (.q5_k, 34, 512), (.q6_k, 97, 256),
  ]

  private func expectProducts(
    _ problem: Problem, tokens: Int = 3, rank: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var numbers = SeededNumbers(31)
    let (rows, columns, w) = (problem.rows, problem.columns, problem.values)
    let (x, dy) = (numbers.floats(tokens * columns), numbers.floats(tokens * rows))
    let before = numbers.floats(tokens * columns)
    let rankOrZero = rank ?? 0
    let (left, a, b) = (
      numbers.floats(tokens * rankOrZero), numbers.floats(rankOrZero * columns),
      numbers.floats(rows * rankOrZero)
    )
    let (leftMatrix, aMatrix, bMatrix) = (
      GuardedMatrix(rows: tokens, columns: rankOrZero, left), GuardedMatrix(a), GuardedMatrix(b)
    )
    let scale: Float = 0.75
    // Backward the scale is already in the left factor.
    let scaledLeft = GuardedMatrix(rows: tokens, columns: rankOrZero, left.map { $0 * scale })
    let forwardTerm = rank.map { _ in
      WeightMatrix.LowRankTerm(left: leftMatrix.matrix, right: bMatrix.base, scale: scale)
    }
    let backwardTerm = rank.map { _ in
      WeightMatrix.LowRankTerm(left: scaledLeft.matrix, right: aMatrix.base, scale: 1)
    }
    let input = GuardedMatrix(rows: tokens, columns: columns, x)
    let gradOutput = GuardedMatrix(rows: tokens, columns: rows, dy)
    let output = GuardedMatrix(rows: tokens, columns: rows)
    let gradInput = GuardedMatrix(rows: tokens, columns: columns)
    let added = GuardedMatrix(rows: tokens, columns: columns, before)
    problem.weight.forward(input.matrix, into: output.matrix, adding: forwardTerm)
    problem.weight.backward(
      gradOutput.matrix, into: gradInput.matrix, accumulate: false, adding: backwardTerm)
    problem.weight.backward(
      gradOutput.matrix, into: added.matrix, accumulate: true, adding: backwardTerm)

    var forward = [Double](repeating: 0, count: tokens * rows)
    var backward = [Double](repeating: 0, count: tokens * columns)
    for t in 0..<tokens {
      for i in 0..<rows {
        var sum = 0.0
        let g = Double(dy[t * rows + i])
        for j in 0..<columns {
          sum += Double(x[t * columns + j]) * w[i * columns + j]
          backward[t * columns + j] += g * w[i * columns + j]
        }
        forward[t * rows + i] = sum
      }
      for p in 0..<rankOrZero {
        let l = Double(scale) * Double(left[t * rankOrZero + p])
        for i in 0..<rows { forward[t * rows + i] += l * Double(b[i * rankOrZero + p]) }
        for j in 0..<columns { backward[t * columns + j] += l * Double(a[p * columns + j]) }
      }
    }
    func allowed(_ count: Int) -> Double { 2e-6 * Double(count + rankOrZero).squareRoot() }
    expectClose(
      output.values, forward, relative: 1e-6, absolute: allowed(columns), "forward",
      sourceLocation: sourceLocation)
    expectClose(
      gradInput.values, backward, relative: 1e-6, absolute: allowed(rows), "backward",
      sourceLocation: sourceLocation)
    expectClose(
      added.values, zip(before, backward).map { Double($0) + $1 }, relative: 1e-6,
      absolute: allowed(rows), "backward, added", sourceLocation: sourceLocation)
    for matrix in [input, gradOutput, output, gradInput, added, leftMatrix, aMatrix, bMatrix] {
      #expect(matrix.isIntact, sourceLocation: sourceLocation)
    }
  }

  @Test("forward and backward are the products by the stored numbers", arguments: shapes)
  func products(_ shape: (type: StorageType, rows: Int, columns: Int)) {
    expectProducts(Problem(shape.type, rows: shape.rows, columns: shape.columns))
    expectProducts(Problem(shape.type, rows: shape.rows, columns: shape.columns), tokens: 1)
  }

  @Test("a low-rank term is added to both products", arguments: [1, 3, 16, 33])
  func lowRankTerms(_ rank: Int) {
    // With few columns the term needs more of a panel than the weight does.
    expectProducts(Problem(.f32, rows: 35, columns: 7), rank: rank)
    expectProducts(Problem(.q8_0, rows: 67, columns: 96), rank: rank)
  }

  @Test("more rows than one slab of the backward product are summed")
  func severalSlabs() { expectProducts(Problem(.q4_1, rows: 1_030, columns: 32), tokens: 2) }

  @Test(
    "rows stored in another order give the canonical products",
    arguments: [StorageType.f32, .q8_0, .q4_1])
  func permutedRows(_ type: StorageType) {
    // GGUF's order of q and k: row h·d + t·d/2 + j stands at h·d + 2j + t.
    let (heads, d) = (3, 22)
    let order = (0..<heads * d).map { row in
      let (head, inner) = (row / d, row % d)
      return Int32(head * d + 2 * (inner % (d / 2)) + inner / (d / 2))
    }
    expectProducts(Problem(type, rows: heads * d, columns: 64, rowOrder: order), rank: 3)
  }

  @Test("the Frobenius norm is that of the stored numbers", arguments: shapes)
  func frobeniusNorm(_ type: StorageType, _ rows: Int, _ columns: Int) {
    let problem = Problem(type, rows: rows, columns: columns)
    let expected = problem.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(problem.weight.frobeniusNorm - expected) <= 1e-6 * expected)
  }

  @Test("rows are read in the order asked for")
  func readsRows() {
    let problem = Problem(.q4_1, rows: 4, columns: 64, rowOrder: [2, 0, 3, 1])
    let row = GuardedMatrix(rows: 1, columns: 64, gap: 0)
    for index in 0..<4 {
      problem.weight.readRow(index, into: row.base)
      #expect(row.values.map(Double.init) == Array(problem.values[index * 64..<(index + 1) * 64]))
    }
    let rows = GuardedMatrix(rows: 1, columns: 128, gap: 0)
    problem.weight.read(1..<3, into: rows.base)
    #expect(rows.values.map(Double.init) == Array(problem.values[64..<192]))
    #expect(row.isIntact && rows.isIntact)
    #expect(problem.weight.byteCount == 4 * 2 * 20)
    #expect(problem.weight.precision == "q4_1")
  }

  @Test("NF4 gives the products by its own numbers", arguments: [(33, 65), (67, 37)])
  func nf4(_ shape: (rows: Int, columns: Int)) {
    let matrix = quantised(
      seededValues(rows: shape.rows, columns: shape.columns), rows: shape.rows,
      columns: shape.columns)
    let weight = WeightMatrix(matrix)
    let w = values(of: matrix, on: .best)
    var numbers = SeededNumbers(32)
    let (x, dy) = (numbers.floats(shape.columns), numbers.floats(shape.rows))
    let (input, gradOutput) = (GuardedMatrix(x), GuardedMatrix(dy))
    let output = GuardedMatrix(rows: 1, columns: shape.rows)
    let gradInput = GuardedMatrix(rows: 1, columns: shape.columns)
    weight.forward(input.matrix, into: output.matrix)
    weight.backward(gradOutput.matrix, into: gradInput.matrix, accumulate: false)
    let forward = (0..<shape.rows).map { i in
      (0..<shape.columns).reduce(0) { $0 + Double(x[$1]) * Double(w[i * shape.columns + $1]) }
    }
    let backward = (0..<shape.columns).map { j in
      (0..<shape.rows).reduce(0) { $0 + Double(dy[$1]) * Double(w[$1 * shape.columns + j]) }
    }
    expectClose(output.values, forward, relative: 1e-6, absolute: 1e-6)
    expectClose(gradInput.values, backward, relative: 1e-6, absolute: 1e-6)
    #expect(weight.precision == "nf4")
  }

  @Test("a token's row has the same bits in every batch that is summed alike")
  func batching() {
    let problem = Problem(.q4_1, rows: 97, columns: 160)
    var numbers = SeededNumbers(33)
    let x = numbers.floats(25 * 160)
    let input = GuardedMatrix(rows: 25, columns: 160, x)
    let output = GuardedMatrix(rows: 25, columns: 97)
    problem.weight.forward(input.matrix, into: output.matrix)
    // Unpacked to panels, and streamed.
    for (count, reference) in [(WeightMatrix.streamedRows + 1, output), (1, nil)] {
      for first in [0, 11, 12, 20] {
        let few = GuardedMatrix(rows: count, columns: 97)
        problem.weight.forward(input.matrix.rows(first..<first + count), into: few.matrix)
        let together = reference ?? GuardedMatrix(rows: WeightMatrix.streamedRows, columns: 97)
        if reference == nil {
          problem.weight.forward(
            input.matrix.rows(first..<first + WeightMatrix.streamedRows), into: together.matrix)
        }
        let begin = reference == nil ? 0 : first * 97
        expectSameBits(few.values, Array(together.values[begin..<begin + count * 97]))
      }
    }
  }

  @Test("does not depend on the number of threads", arguments: [StorageType.f32, .q8_0, .q4_1])
  func threads(_ type: StorageType) {
    let problem = Problem(type, rows: 131, columns: 160)
    var numbers = SeededNumbers(34)
    let input = GuardedMatrix(rows: 5, columns: 160, numbers.floats(5 * 160))
    let gradOutput = GuardedMatrix(rows: 5, columns: 131, numbers.floats(5 * 131))
    expectSameBitsOnAnyThreads {
      let output = GuardedMatrix(rows: 5, columns: 131)
      let gradInput = GuardedMatrix(rows: 5, columns: 160)
      problem.weight.forward(input.matrix, into: output.matrix)
      problem.weight.backward(gradOutput.matrix, into: gradInput.matrix, accumulate: false)
      return output.values + gradInput.values
    }
  }

  @Test("callers on several threads do not spoil each other's panels")
  func severalCallers() async {
    let problem = Problem(.q4_1, rows: 67, columns: 96)
    let wrong = await withTaskGroup(of: Int.self) { group in
      for seed in 0..<4 {
        group.addTask {
          var numbers = SeededNumbers(UInt64(seed))
          let input = GuardedMatrix(rows: 2, columns: 96, numbers.floats(2 * 96))
          let results = (0..<20).map { _ in
            let output = GuardedMatrix(rows: 2, columns: 67)
            problem.weight.forward(input.matrix, into: output.matrix)
            return output.values
          }
          return results.count { $0 != results[0] }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }
}

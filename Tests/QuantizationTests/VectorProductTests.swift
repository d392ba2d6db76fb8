import Kernels
import TestSupport
import Testing

@testable import Quantization

@Suite("Products of stored rows with a few vectors") struct VectorProductTests {
  /// A storage, what its bytes stand for, and the products asked of it.
  final class Problem {
    let storage: WeightStorage
    let rows, columns: Int
    private let values: [Float]
    private let memory: FloatBuffer

    init(_ type: StorageType, rows: Int, columns: Int) {
      let stored = storedBytes(of: seededValues(rows: rows, columns: columns), as: type)
      memory = FloatBuffer(count: stored.count / 4 + 17)
      let base = UnsafeMutableRawPointer(memory.base)
      base.copyMemory(from: stored, byteCount: stored.count)
      // Behind the last row stands what is NaN in every type of float.
      (base + stored.count).initializeMemory(as: UInt8.self, repeating: 0xFF, count: 64)
      storage = .blocks(type, base: UnsafeRawPointer(base), columns: columns)
      values = QuantizationTests.values(of: stored, as: type, on: .portable)
      (self.rows, self.columns) = (rows, columns)
    }

    init(nf4Rows rows: Int, columns: Int, doubleQuantized: Bool) {
      let matrix = quantised(
        seededValues(rows: rows, columns: columns), rows: rows, columns: columns,
        doubleQuantized: doubleQuantized)
      memory = FloatBuffer(count: 0)
      storage = .nf4(matrix)
      values = QuantizationTests.values(of: matrix, on: .portable)
      (self.rows, self.columns) = (rows, columns)
    }

    /// The products in double, and how far a sum of sixteen lanes in single precision may be off.
    func reference(_ order: [Int32], _ x: [Float], vectors: Int) -> (
      sums: [Double], bounds: [Double]
    ) {
      var (sums, bounds) = ([Double](), [Double]())
      for i in 0..<vectors {
        for row in order {
          var (sum, size) = (0.0, 0.0)
          for k in 0..<columns {
            let term = Double(values[Int(row) * columns + k]) * Double(x[i * columns + k])
            sum += term
            size += term.magnitude
          }
          sums.append(sum)
          // Each of a lane's additions, with its product, and the four that join the lanes.
          bounds.append(Double(2 * (columns / 16 + 1) + 5) * 0x1p-24 * size)
        }
      }
      return (sums, bounds)
    }

    func multiply(_ order: [Int32], _ input: Matrix, on instructions: InstructionSet) -> [Float] {
      let output = GuardedMatrix(rows: input.rows, columns: order.count)
      order.withUnsafeBufferPointer { order in
        guard let order = order.baseAddress else { return }
        storage.multiply(
          rows: order, rowCount: output.matrix.columns, by: input, into: output.matrix,
          on: instructions)
      }
      #expect(output.isIntact)
      return output.values
    }
  }

  /// Every count of vectors, on every instruction set, rows scattered and in numbers that fill no group.
  private func expectProducts(
    _ problem: Problem, _ label: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (rows, columns) = (problem.rows, problem.columns)
    var numbers = SeededNumbers(UInt64(columns))
    let x = numbers.floats(4 * columns)
    for rowCount in [1, 3, 8, 11] {
      let order = (0..<rowCount).map { Int32((rows - 1 + $0 * 5) % rows) }
      for instructions in supportedInstructions {
        var before: [Float] = []
        for vectors in 1...WeightStorage.vectorLimit {
          let input = GuardedMatrix(
            rows: vectors, columns: columns, Array(x.prefix(vectors * columns)))
          let got = problem.multiply(order, input.matrix, on: instructions)
          let (sums, bounds) = problem.reference(order, x, vectors: vectors)
          let wrong = got.indices.first { !((Double(got[$0]) - sums[$0]).magnitude <= bounds[$0]) }
          #expect(
            wrong == nil,
            """
            \(label), \(columns) columns, \(instructions), \(vectors) vectors: element \
            \(wrong ?? 0) of \(got.count) is \(got[wrong ?? 0]), expected \(sums[wrong ?? 0])
            """, sourceLocation: sourceLocation)
          expectSameBits(
            Array(got.prefix(before.count)), before, "beside another vector",
            sourceLocation: sourceLocation)
          #expect(input.isIntact, sourceLocation: sourceLocation)
          before = got
        }
        let first = GuardedMatrix(rows: 1, columns: columns, Array(x.prefix(columns)))
        for (index, row) in order.enumerated() {
          expectSameBits(
            problem.multiply([row], first.matrix, on: instructions), [before[index]],
            "a row by itself", sourceLocation: sourceLocation)
        }
      }
    }
  }

  @Test("are the sums of the stored numbers, of every type", arguments: StorageType.allCases)
  func types(_ type: StorageType) {
    let widths =
      switch type.blockElements {
      case 1: [1, 3, 31, 32, 33, 67, 576]
      case 32: [32, 96, 576]
      default: [256, 768]
      }
    for columns in widths {
      expectProducts(Problem(type, rows: 13, columns: columns), "\(type)")
    }
  }

  @Test(
    "are the sums of NF4's numbers wherever blocks begin",
    arguments: [1, 3, 32, 33, 64, 65, 96, 127, 576])
  func nf4(_ columns: Int) {
    for isDouble in [true, false] {
      expectProducts(
        Problem(nf4Rows: 13, columns: columns, doubleQuantized: isDouble),
        isDouble ? "nf4" : "nf4 with plain magnitudes")
    }
  }

  /// A weight of seeded numbers, its rows permuted, with an output for so many tokens.
  private func weight(_ type: StorageType, rows: Int, columns: Int) -> WeightMatrix {
    let stored = storedBytes(of: seededValues(rows: rows, columns: columns), as: type)
    let storage = FloatBuffer(count: stored.count / 4 + 1)
    UnsafeMutableRawPointer(storage.base).copyMemory(from: stored, byteCount: stored.count)
    return WeightMatrix(
      rows: rows, columns: columns, type: type, base: UnsafeRawPointer(storage.base),
      rowOrder: (0..<rows).map { Int32(($0 * 7 + 3) % rows) }, owner: storage)
  }

  @Test("of several weights at once are those of one after the other", arguments: [1, 2, 4, 5])
  func severalWeights(_ tokens: Int) {
    // The second makes tasks of more than one panel.
    let weights = [
      weight(.q4_1, rows: 67, columns: 96), weight(.q8_0, rows: 4_099, columns: 96),
      weight(.f16, rows: 5, columns: 96),
    ]
    var numbers = SeededNumbers(71)
    let rank = 3
    let input = GuardedMatrix(rows: tokens, columns: 96, numbers.floats(tokens * 96))
    let left = GuardedMatrix(rows: tokens, columns: rank, numbers.floats(tokens * rank))
    let right = GuardedMatrix(numbers.floats(4_099 * rank))
    let term = WeightMatrix.LowRankTerm(left: left.matrix, right: right.base, scale: 0.5)
    expectSameBitsOnAnyThreads("\(tokens) tokens") {
      let outputs = weights.map { GuardedMatrix(rows: tokens, columns: $0.rows) }
      let alone = weights.map { GuardedMatrix(rows: tokens, columns: $0.rows) }
      WeightMatrix.forward(
        weights.indices.map {
          WeightMatrix.Product(
            weight: weights[$0], outputs: outputs[$0].matrix, term: $0 == 1 ? term : nil)
        }, input.matrix)
      for index in weights.indices {
        weights[index].forward(
          input.matrix, into: alone[index].matrix, adding: index == 1 ? term : nil)
        expectSameBits(outputs[index].values, alone[index].values, "weight \(index)")
        #expect(outputs[index].isIntact && alone[index].isIntact)
      }
      return outputs.flatMap(\.values)
    }
  }

  @Test("differ from those of many rows by rounding alone", arguments: StorageType.allCases)
  func crossover(_ type: StorageType) {
    let columns = type.blockElements == 256 ? 512 : 576
    let weight = weight(type, rows: 131, columns: columns)
    var numbers = SeededNumbers(72)
    let input = GuardedMatrix(rows: 8, columns: columns, numbers.floats(8 * columns))
    let many = GuardedMatrix(rows: 8, columns: 131)
    weight.forward(input.matrix, into: many.matrix)
    for token in [0, 7] {
      let one = GuardedMatrix(rows: 1, columns: 131)
      weight.forward(input.matrix.rows(token..<token + 1), into: one.matrix)
      let expected = Array(many.values[token * 131..<(token + 1) * 131])
      expectClose(
        one.values, expected, relative: 1e-6, absolute: 1e-6 * largestMagnitude(expected))
    }
  }
}

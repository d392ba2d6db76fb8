import Kernels
import TestSupport
import Testing

@testable import Quantization

@Suite("Products in integers") struct IntegerProductTests {
  static let paths = KernelPath.available

  /// Weights of one input width, and a batch for them.
  struct Problem {
    let weights: [WeightMatrix]
    let columns, tokens: Int
    let input: GuardedMatrix
    let gradOutputs: [GuardedMatrix]
    let owner: [FloatBuffer]

    init(rows: [Int], columns: Int, tokens: Int) {
      var numbers = SeededNumbers(UInt64(columns + tokens))
      self.columns = columns
      self.tokens = tokens
      let buffers = rows.map { FloatBuffer(numbers.floats($0 * columns)) }
      owner = buffers
      weights = zip(rows, buffers).map { rows, buffer in
        WeightMatrix(
          rows: rows, columns: columns, type: .f32, base: UnsafeRawPointer(buffer.base),
          owner: buffer)
      }
      for weight in weights { weight.prepareForIntegers() }
      // One entry far larger than the rest, as activations have them.
      var x = numbers.floats(tokens * columns)
      for row in 0..<tokens { x[row * columns + row % columns] *= 40 }
      input = GuardedMatrix(rows: tokens, columns: columns, x)
      gradOutputs = rows.map {
        GuardedMatrix(rows: tokens, columns: $0, numbers.floats(tokens * $0))
      }
    }

    /// The 8-bit weight in double.
    func value(_ index: Int, _ row: Int, _ column: Int) -> Double {
      Double(weights[index].integer?.value(row, column) ?? .nan)
    }
  }

  @Test("a code is the weight in 127ths of its row's largest, to the nearest", arguments: paths)
  func rounding(_ path: KernelPath) throws {
    let problem = Problem(rows: [45], columns: 70, tokens: 1)
    let integer = IntegerMatrix(problem.weights[0], path: path)
    let stored = problem.owner[0].array
    for row in 0..<45 {
      let values = stored[row * 70..<(row + 1) * 70]
      let scale = values.reduce(0) { max($0, $1.magnitude) } / 127
      for (column, value) in values.enumerated() {
        let difference = (integer.value(row, column) - value).magnitude
        #expect(difference <= scale * 0.5001, "row \(row), column \(column)")
      }
    }
    #expect(integer.byteCount >= 45 * 70)
  }

  @Test("a weight of zeros stays zero")
  func zeros() {
    let zeros = FloatBuffer(count: 32 * 32)
    let weight = WeightMatrix(
      rows: 32, columns: 32, type: .f32, base: UnsafeRawPointer(zeros.base), owner: zeros)
    weight.prepareForIntegers()
    let output = GuardedMatrix(rows: 2, columns: 32)
    let input = GuardedMatrix(rows: 2, columns: 32, [Float](repeating: 0, count: 64))
    WeightMatrix.forward(
      [.init(weight: weight, outputs: output.matrix)], input.matrix,
      planes: ActivationPlanes(.w8a16))
    #expect(output.values.allSatisfy { $0 == 0 })
  }

  @Test(
    "both products are those of the rounded weights, to the activations' precision",
    arguments: paths,
    [([32], 64, 3), ([45, 33], 70, 14), ([7, 64, 100], 1_601, 7), ([1_700], 37, 5)]
      as [([Int], Int, Int)])
  func products(_ path: KernelPath, _ shape: ([Int], Int, Int)) {
    let problem = Problem(rows: shape.0, columns: shape.1, tokens: shape.2)
    let (columns, tokens, rank) = (problem.columns, problem.tokens, 5)
    var numbers = SeededNumbers(8)
    let left = GuardedMatrix(rows: tokens, columns: rank, numbers.floats(tokens * rank))
    let a = GuardedMatrix(numbers.floats(rank * columns))
    let b = shape.0.map { GuardedMatrix(numbers.floats($0 * rank)) }
    for arithmetic in [Arithmetic.w8a16, .w8a8] {
      // Half a step of the largest entry, some hundredfold smaller for the mean of many.
      let share = arithmetic == .w8a16 ? 0.5 / 32_767 : 0.5 / 127
      let planes = ActivationPlanes(arithmetic)
      let outputs = shape.0.map { GuardedMatrix(rows: tokens, columns: $0) }
      WeightMatrix.forward(
        zip(problem.weights, outputs).enumerated().map { index, pair in
          .init(
            weight: pair.0, outputs: pair.1.matrix,
            term: .init(left: left.matrix, right: b[index].base, scale: 0.5))
        }, problem.input.matrix, planes: planes, path: path)
      let x = problem.input.values
      for (index, output) in outputs.enumerated() {
        let got = output.values
        for t in 0..<tokens {
          let largest = x[t * columns..<(t + 1) * columns].reduce(0) { max($0, $1.magnitude) }
          for n in 0..<shape.0[index] {
            var (expected, size) = (0.0, 0.0)
            for k in 0..<columns {
              let w = problem.value(index, n, k)
              expected += Double(x[t * columns + k]) * w
              size += w * w
            }
            for q in 0..<rank {
              expected +=
                0.5 * Double(left.matrix.row(t)[q]) * Double(b[index].base[n * rank + q])
            }
            let bound = share * Double(largest) * size.squareRoot() * 4 + 1e-5
            #expect((Double(got[t * shape.0[index] + n]) - expected).magnitude < bound)
          }
        }
        #expect(output.isIntact)
      }

      let before = numbers.floats(tokens * columns)
      let gradInput = GuardedMatrix(rows: tokens, columns: columns, before)
      WeightMatrix.backward(
        zip(problem.weights, problem.gradOutputs).map {
          .init(
            weight: $0, outputs: $1.matrix,
            term: .init(left: left.matrix, right: a.base, scale: 1))
        }, into: gradInput.matrix, accumulate: true, planes: planes, path: path)
      let got = gradInput.values
      for t in 0..<tokens {
        for k in 0..<columns {
          var (expected, bound) = (Double(before[t * columns + k]), 1e-5)
          for index in shape.0.indices {
            var size = 0.0
            for n in 0..<shape.0[index] {
              let w = problem.value(index, n, k)
              expected += Double(problem.gradOutputs[index].matrix.row(t)[n]) * w
              size += w * w
            }
            for q in 0..<rank {
              expected += Double(left.matrix.row(t)[q]) * Double(a.base[q * columns + k])
            }
            bound += share * 1.5 * size.squareRoot() * 4
          }
          #expect((Double(got[t * columns + k]) - expected).magnitude < bound)
        }
      }
      #expect(gradInput.isIntact)
    }
  }

  @Test("a row of zeros has no part in how other rows' gradients are quantised", arguments: paths)
  func zeroRow(_ path: KernelPath) {
    var numbers = SeededNumbers(5)
    // Weights as small as a model's, and one row of zeros.
    var values = numbers.floats(256 * 64).map { $0 * 1e-3 }
    for column in 0..<64 { values[7 * 64 + column] = 0 }
    let buffer = FloatBuffer(values)
    let weight = WeightMatrix(
      rows: 256, columns: 64, type: .f32, base: UnsafeRawPointer(buffer.base), owner: buffer)
    weight.prepareForIntegers()
    #expect(weight.integer?.value(7, 3) == 0)
    let gradient = GuardedMatrix(rows: 3, columns: 256, numbers.floats(3 * 256))
    let exact = GuardedMatrix(rows: 3, columns: 64)
    let rounded = GuardedMatrix(rows: 3, columns: 64)
    WeightMatrix.backward(
      [.init(weight: weight, outputs: gradient.matrix)], into: exact.matrix, accumulate: false,
      path: path)
    WeightMatrix.backward(
      [.init(weight: weight, outputs: gradient.matrix)], into: rounded.matrix, accumulate: false,
      planes: ActivationPlanes(.w8a16), path: path)
    expectClose(
      rounded.values, exact.values.map(Double.init), relative: 0,
      absolute: 0.02 * largestMagnitude(exact.values.map(Double.init)))
  }

  @Test("NaN in a weight or an activation is NaN in the result", arguments: paths)
  func notANumber(_ path: KernelPath) {
    var numbers = SeededNumbers(6)
    for place in ["weight", "activation"] {
      var values = numbers.floats(33 * 40)
      if place == "weight" { values[5 * 40 + 1] = .nan }
      let buffer = FloatBuffer(values)
      let weight = WeightMatrix(
        rows: 33, columns: 40, type: .f32, base: UnsafeRawPointer(buffer.base), owner: buffer)
      weight.prepareForIntegers()
      var x = numbers.floats(2 * 40)
      if place == "activation" { x[40 + 3] = .nan }
      let input = GuardedMatrix(rows: 2, columns: 40, x)
      let output = GuardedMatrix(rows: 2, columns: 33)
      WeightMatrix.forward(
        [.init(weight: weight, outputs: output.matrix)], input.matrix,
        planes: ActivationPlanes(.w8a16), path: path)
      let got = output.values
      if place == "weight" {
        #expect(got[5].isNaN && got[33 + 5].isNaN && !got[4].isNaN && !got[33 + 6].isNaN)
      } else {
        #expect(got[33...].allSatisfy(\.isNaN) && got[..<33].allSatisfy { !$0.isNaN })
      }
    }
  }

  @Test("VNNI and plain C give the same bits from the same planes")
  func sameBits() {
    guard IntegerProduct.hasVNNI, KernelPath.best == .avx512 else { return }
    // Whole numbers are quantised without rounding, so both paths see the same planes.
    let problem = Problem(rows: [70], columns: 200, tokens: 15)
    for row in 0..<15 {
      for column in 0..<200 {
        problem.input.matrix.row(row)[column] = Float((row * 31 + column * 17) % 255 - 127)
      }
      problem.input.matrix.row(row)[0] = 127
    }
    for arithmetic in [Arithmetic.w8a16, .w8a8] {
      let results = [KernelPath.avx512, .baseline].map { path in
        let output = GuardedMatrix(rows: 15, columns: 70)
        WeightMatrix.forward(
          [.init(weight: problem.weights[0], outputs: output.matrix)], problem.input.matrix,
          planes: ActivationPlanes(arithmetic), path: path)
        return output.values
      }
      expectSameBits(results[0], results[1], "\(arithmetic)")
    }
  }

  @Test("sums that would pass 32 bits are kept within them")
  func noOverflow() {
    let (rows, columns) = (32, 1_536)
    let ones = FloatBuffer([Float](repeating: 1, count: rows * columns))
    let weight = WeightMatrix(
      rows: rows, columns: columns, type: .f32, base: UnsafeRawPointer(ones.base), owner: ones)
    weight.prepareForIntegers()
    let input = GuardedMatrix(
      rows: 1, columns: columns, [Float](repeating: 3, count: columns))
    for path in Self.paths {
      let output = GuardedMatrix(rows: 1, columns: rows)
      WeightMatrix.forward(
        [.init(weight: weight, outputs: output.matrix)], input.matrix,
        planes: ActivationPlanes(.w8a16), path: path)
      expectClose(
        output.values, [Double](repeating: 3 * 1_536, count: rows), relative: 1e-4, absolute: 0)
    }
  }

  @Test("does not depend on the number of threads")
  func threads() {
    let problem = Problem(rows: [70, 40], columns: 96, tokens: 600)
    let outputs = [70, 40].map { GuardedMatrix(rows: 600, columns: $0) }
    let gradInput = GuardedMatrix(rows: 600, columns: 96)
    expectSameBitsOnAnyThreads {
      let planes = ActivationPlanes(.w8a16)
      WeightMatrix.forward(
        zip(problem.weights, outputs).map { .init(weight: $0, outputs: $1.matrix) },
        problem.input.matrix, planes: planes)
      WeightMatrix.backward(
        zip(problem.weights, problem.gradOutputs).map { .init(weight: $0, outputs: $1.matrix) },
        into: gradInput.matrix, accumulate: false, planes: planes)
      return outputs.flatMap(\.values) + gradInput.values
    }
  }
}

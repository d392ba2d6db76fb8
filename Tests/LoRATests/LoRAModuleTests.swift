import Kernels
import LoRA
import Quantization
import TestSupport
import Testing

@Suite("LoRAModule") struct LoRAModuleTests {
  static let (inputs, outputs) = (37, 43)
  static let ranks = [1, 3, 16, 33]

  /// One adapted layer of 37 inputs and 43 outputs, and a batch for it.
  struct Problem {
    let adapter: LoRAAdapter
    let rank, tokens: Int
    let a, b, weight, x, dy: [Float]
    let input, gradOutput, down, up: GuardedMatrix
    var module: LoRAModule { adapter.modules[0] }
    let stack: LoRAStack

    init(rank: Int, tokens: Int, isRankStabilized: Bool = false) {
      var numbers = SeededNumbers(UInt64(rank))
      let shape = LoRAModuleShape(
        name: "layer", inputs: inputs, outputs: outputs, rank: rank, alpha: 24,
        isRankStabilized: isRankStabilized)
      // A module before it and one after show whether anything is written outside it.
      var (before, after) = (shape, shape)
      (before.name, after.name) = ("before", "after")
      adapter = LoRAAdapter(shapes: [shape, before, after], configuration: LoRAConfiguration())
      stack = LoRAStack([adapter.modules[0]])
      self.rank = rank
      self.tokens = tokens
      a = numbers.floats(rank * inputs)
      b = numbers.floats(outputs * rank)
      weight = numbers.floats(outputs * inputs)
      x = numbers.floats(tokens * inputs)
      dy = numbers.floats(tokens * outputs)
      input = GuardedMatrix(rows: tokens, columns: inputs, x)
      gradOutput = GuardedMatrix(rows: tokens, columns: outputs, dy)
      // As the model has them: rows end to end.
      down = GuardedMatrix(rows: tokens, columns: rank, gap: 0)
      up = GuardedMatrix(rows: tokens, columns: rank, gap: 0)
      let module = adapter.modules[0]
      for (index, value) in a.enumerated() { module.a[index] = value }
      for (index, value) in b.enumerated() { module.b[index] = value }
    }

    /// The frozen weight in f32, and what keeps its numbers.
    func frozen() -> WeightMatrix {
      let numbers = FloatBuffer(weight)
      return WeightMatrix(
        rows: outputs, columns: inputs, type: .f32, base: UnsafeRawPointer(numbers.base),
        owner: numbers)
    }

    func addGradients() {
      stack.addOutputGradient(gradOutput.matrix, module: 0, down: down.matrix)
      stack.addInputGradients(input.matrix, modules: 0..<1, up: up.matrix)
    }

    func gradient(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: pointer, count: count))
    }
  }

  /// `rows × inner` times `inner × columns` in double; `transposed` takes the second by its columns.
  static func product(
    _ first: [Double], _ second: [Double], inner: Int, transposed: Bool = false
  ) -> [Double] {
    let (rows, columns) = (first.count / inner, second.count / inner)
    var result = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for j in 0..<columns {
        var sum = 0.0
        for p in 0..<inner {
          sum +=
            first[i * inner + p] * (transposed ? second[j * inner + p] : second[p * columns + j])
        }
        result[i * columns + j] = sum
      }
    }
    return result
  }

  /// Σ dy · (W x + scale · B (A x)).
  static func loss(
    _ problem: Problem, a: [Double]? = nil, b: [Double]? = nil, x: [Double]? = nil
  ) -> Double {
    let (a, b, x) = (
      a ?? problem.a.map(Double.init), b ?? problem.b.map(Double.init),
      x ?? problem.x.map(Double.init)
    )
    let z = product(x, a, inner: inputs, transposed: true)
    let low = product(z, b, inner: problem.rank, transposed: true)
    let high = product(x, problem.weight.map(Double.init), inner: inputs, transposed: true)
    return problem.dy.indices.reduce(0) {
      $0 + Double(problem.dy[$1]) * (high[$1] + Double(problem.module.scale) * low[$1])
    }
  }

  @Test("the scale is alpha / rank, or alpha / √rank with rsLoRA")
  func scale() {
    #expect(Problem(rank: 16, tokens: 1).module.scale == 1.5)
    #expect(Problem(rank: 16, tokens: 1, isRankStabilized: true).module.scale == 6)
    let shape = LoRAModuleShape(
      name: "", inputs: 5, outputs: 7, rank: 3, alpha: 1, isRankStabilized: false)
    #expect(shape.scale == Float(1.0 / 3))
    #expect(shape.parameterCount == 36)
  }

  @Test("projects to z = x Aᵀ and back to u = scale · dy B", arguments: ranks, [1, 50])
  func projections(_ rank: Int, _ tokens: Int) {
    let problem = Problem(rank: rank, tokens: tokens)
    let (x, a) = (problem.x.map(Double.init), problem.a.map(Double.init))
    problem.stack.project(problem.input.matrix, into: problem.down.matrix)
    expectClose(
      problem.down.values, Self.product(x, a, inner: Self.inputs, transposed: true), relative: 1e-6,
      absolute: 5e-6)
    problem.stack.projectBack(problem.gradOutput.matrix, module: 0, into: problem.up.matrix)
    let u = Self.product(
      problem.dy.map(Double.init), problem.b.map(Double.init), inner: Self.outputs
    ).map { $0 * Double(problem.module.scale) }
    expectClose(problem.up.values, u, relative: 1e-6, absolute: 1e-5 * Double(problem.module.scale))

    let gradInput = GuardedMatrix(rows: tokens, columns: Self.inputs)
    problem.stack.projectInputGradient(problem.up.matrix, module: 0, into: gradInput.matrix)
    let back = Self.product(u, a, inner: rank)
    expectClose(
      gradInput.values, back, relative: 1e-5, absolute: 1e-6 * largestMagnitude(back, atLeast: 1))
    for matrix in [problem.input, problem.gradOutput, problem.down, problem.up, gradInput] {
      #expect(matrix.isIntact)
    }
  }

  @Test(
    "gradients of A, B and the input are central differences of the layer's loss", arguments: ranks,
    [false, true])
  func gradients(_ rank: Int, _ isRankStabilized: Bool) {
    let problem = Problem(rank: rank, tokens: 7, isRankStabilized: isRankStabilized)
    let (module, stack, weight) = (problem.module, problem.stack, problem.frozen())
    let output = GuardedMatrix(rows: 7, columns: Self.outputs)
    let gradInput = GuardedMatrix(rows: 7, columns: Self.inputs)
    stack.project(problem.input.matrix, into: problem.down.matrix)
    weight.forward(
      problem.input.matrix, into: output.matrix,
      adding: stack.forwardTerm(problem.down.matrix, module: 0))
    stack.projectBack(problem.gradOutput.matrix, module: 0, into: problem.up.matrix)
    for _ in 0..<2 { problem.addGradients() }
    weight.backward(
      problem.gradOutput.matrix, into: gradInput.matrix, accumulate: false,
      adding: stack.backwardTerm(problem.up.matrix, module: 0))

    let loss = zip(output.values, problem.dy).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let expected = Self.loss(problem)
    #expect((loss - expected).magnitude < 1e-5 * max(10, expected.magnitude))
    // Added twice, so twice the gradient.
    let gradA = problem.gradient(module.gradA, problem.a.count).map { $0 / 2 }
    let gradB = problem.gradient(module.gradB, problem.b.count).map { $0 / 2 }
    expectGradient(gradA, at: problem.a, coordinates: 5, "A") { Self.loss(problem, a: $0) }
    expectGradient(gradB, at: problem.b, coordinates: 5, "B") { Self.loss(problem, b: $0) }
    expectGradient(gradInput.values, at: problem.x, coordinates: 5, "x") {
      Self.loss(problem, x: $0)
    }
    let others = problem.adapter.gradients.array[(problem.a.count + problem.b.count)...]
    #expect(others.allSatisfy { $0 == 0 })
    problem.adapter.clearGradients()
    #expect(problem.adapter.gradients.array.allSatisfy { $0 == 0 })
    #expect(output.isIntact && gradInput.isIntact)
  }

  @Test("stacked, every module has the numbers it has alone", arguments: [1, 16, 33])
  func stacked(_ rank: Int) {
    let problem = Problem(rank: rank, tokens: 29)
    var numbers = SeededNumbers(77)
    for module in problem.adapter.modules.dropFirst() {
      for index in 0..<rank * Self.inputs { module.a[index] = numbers.floats(1)[0] }
      for index in 0..<rank * Self.outputs { module.b[index] = numbers.floats(1)[0] }
    }
    let together = LoRAStack(problem.adapter.modules)
    #expect(together.rank == 3 * rank && together.offsets == [0, rank, 2 * rank])
    let down = GuardedMatrix(rows: 29, columns: 3 * rank)
    let up = GuardedMatrix(rows: 29, columns: 3 * rank)
    together.project(problem.input.matrix, into: down.matrix)
    for index in 0..<3 {
      together.projectBack(problem.gradOutput.matrix, module: index, into: up.matrix)
      together.addOutputGradient(problem.gradOutput.matrix, module: index, down: down.matrix)
    }
    together.addInputGradients(problem.input.matrix, modules: 0..<3, up: up.matrix)
    let gradients = problem.adapter.gradients.array
    problem.adapter.clearGradients()
    for (index, module) in problem.adapter.modules.enumerated() {
      let alone = LoRAStack([module])
      alone.project(problem.input.matrix, into: problem.down.matrix)
      alone.projectBack(problem.gradOutput.matrix, module: 0, into: problem.up.matrix)
      alone.addOutputGradient(problem.gradOutput.matrix, module: 0, down: problem.down.matrix)
      alone.addInputGradients(problem.input.matrix, modules: 0..<1, up: problem.up.matrix)
      for row in 0..<29 {
        for column in 0..<rank {
          #expect(
            down.matrix.row(row)[index * rank + column] == problem.down.matrix.row(row)[column])
          #expect(up.matrix.row(row)[index * rank + column] == problem.up.matrix.row(row)[column])
        }
      }
    }
    expectSameBits(problem.adapter.gradients.array, gradients, "gradients")
    #expect(down.isIntact && up.isIntact)
  }

  @Test("the delta is scale · B A, some rows at a time", arguments: ranks)
  func delta(_ rank: Int) {
    let problem = Problem(rank: rank, tokens: 1)
    let weight = GuardedMatrix(rows: Self.outputs, columns: Self.inputs, problem.weight)
    for rows in [0..<1, 1..<40, 40..<43] {
      problem.module.addDelta(rows: rows, to: weight.matrix.rows(rows))
    }
    let product = Self.product(
      problem.b.map(Double.init), problem.a.map(Double.init), inner: rank)
    expectClose(
      weight.values,
      zip(problem.weight, product).map { Double($0) + Double(problem.module.scale) * $1 },
      relative: 1e-6, absolute: 1e-6 * largestMagnitude(product, atLeast: 1) * 24)
    #expect(weight.isIntact)
  }

  @Test("does not depend on the number of threads", arguments: ranks)
  func threads(_ rank: Int) {
    let problem = Problem(rank: rank, tokens: 131)
    let (stack, gradInput) = (problem.stack, GuardedMatrix(rows: 131, columns: Self.inputs))
    expectSameBitsOnAnyThreads {
      problem.adapter.clearGradients()
      stack.project(problem.input.matrix, into: problem.down.matrix)
      stack.projectBack(problem.gradOutput.matrix, module: 0, into: problem.up.matrix)
      problem.addGradients()
      stack.projectInputGradient(problem.up.matrix, module: 0, into: gradInput.matrix)
      return problem.down.values + problem.up.values + gradInput.values
        + problem.adapter.gradients.array
    }
  }

  @Test("a module keeps its numbers when its adapter is let go")
  func outlivesAdapter() {
    let module = Problem(rank: 3, tokens: 1).module
    let expected = Problem(rank: 3, tokens: 1).a
    // Memory freed too early would be taken again here.
    let others = (0..<50).map { _ in FloatBuffer([Float](repeating: .nan, count: 720)) }
    #expect(Array(UnsafeBufferPointer(start: module.a, count: expected.count)) == expected)
    withExtendedLifetime((module, others)) {}
  }
}

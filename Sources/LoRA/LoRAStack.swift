public import Kernels
public import Quantization

/// The adapters of layers that read the same input, their products run together.
///
/// q, k and v of rank 16 read the input once, as one adapter of rank 48. With `z_i = A_i dropout(x)` and
/// `u_i = scale_i · B_iᵀ ∂y_i`:
///
///     y_i     = W_i x + scale_i · B_i z_i
///     ∂x     += A_iᵀ u_i
///     ∂B_i   += scale_i · ∂y_i z_iᵀ,    ∂A_i += u_i dropout(x)ᵀ
///
/// The z of all modules lie side by side in one matrix, `[tokens, rank]`, and so do the u.
public final class LoRAStack {
  /// The adapters, in the order of their columns.
  public let modules: [LoRAModule]
  /// The first column of each.
  public let offsets: [Int]
  /// Columns in all, the sum of the ranks.
  public let rank: Int
  /// Input features.
  public let inputs: Int

  /// Whether the modules have magnitudes.
  public var hasMagnitudes: Bool { modules[0].magnitude != nil }

  // 0, 1, 2, …: A's rows as a product of few vectors names them.
  private let rowNumbers: [Int32]

  /// Memory for the copies of A that a product is made from; stacks that take turns share one.
  ///
  /// Unchecked: grown while stacks are made, and used by one product at a time.
  public final class Workspace: @unchecked Sendable {
    // A of all modules end to end, and as panels of 32 rows.
    fileprivate private(set) var stacked = FloatBuffer(count: 0)
    fileprivate private(set) var panels = FloatBuffer(count: 0)

    /// Makes an empty one.
    public init() {}

    /// Bytes it takes.
    public var byteCount: Int { 4 * (stacked.count + panels.count) }

    fileprivate func reserve(rank: Int, inputs: Int) {
      if stacked.count < rank * inputs { stacked = FloatBuffer(count: rank * inputs) }
      let padded = (rank + 31) / 32 * 32 * inputs
      if panels.count < padded { panels = FloatBuffer(count: padded) }
    }
  }

  private let workspace: Workspace

  /// Stacks adapters that have the same number of inputs; there is at least one.
  public init(_ modules: [LoRAModule], workspace: Workspace = Workspace()) {
    precondition(
      !modules.isEmpty && modules.allSatisfy { $0.inputs == modules[0].inputs },
      "stacked adapters read the same input")
    self.modules = modules
    var offsets: [Int] = []
    var rank = 0
    for module in modules {
      offsets.append(rank)
      rank += module.rank
    }
    self.offsets = offsets
    self.rank = rank
    inputs = modules[0].inputs
    rowNumbers = [Int32](0..<Int32(modules.reduce(0) { max($0, $1.rank) }))
    self.workspace = workspace
    workspace.reserve(rank: rank, inputs: inputs)
  }

  /// Rows that one task of the products over tokens takes.
  private static let tokenBlock = 48
  /// Rows of B's gradient that one task takes.
  private static let outputBlock = 48

  /// The columns of one module.
  public func columns(_ matrix: Matrix, of index: Int) -> Matrix {
    matrix.columns(offsets[index]..<offsets[index] + modules[index].rank)
  }

  /// Writes `z = input · Aᵀ` of all modules.
  ///
  /// - Parameters:
  ///   - input: `[tokens, inputs]`, the same for all.
  ///   - down: `[tokens, rank]`, overwritten.
  ///   - streams: as of `WeightMatrix.forward`.
  public func project(_ input: Matrix, into down: Matrix, streams: Bool = false) {
    if streams, input.rows <= WeightMatrix.streamedRows {
      // Turning A into panels would take longer than the product.
      for (index, module) in modules.enumerated() {
        WeightStorage.blocks(.f32, base: UnsafeRawPointer(module.a), columns: inputs).multiply(
          rows: rowNumbers, rowCount: module.rank, by: input, into: columns(down, of: index))
      }
      return
    }
    for (module, offset) in zip(modules, offsets) {
      (workspace.stacked.base + offset * inputs).update(from: module.a, count: module.rank * inputs)
    }
    project(input, workspace.stacked.base, rank: rank, into: down)
  }

  /// Writes `z = input · Aᵀ` of one module, whose input no other shares: each drops other numbers.
  public func project(_ input: Matrix, module index: Int, into down: Matrix) {
    let module = modules[index]
    project(input, module.a, rank: module.rank, into: columns(down, of: index))
  }

  private func project(
    _ input: Matrix, _ a: UnsafeMutablePointer<Float>, rank: Int, into down: Matrix
  ) {
    let count = (rank + 31) / 32
    let panels = workspace.panels
    Parallel.run(count) { panel, _ in
      GEMM.transposePanel(
        k: inputs, n: min(32, rank - panel * 32), a: a + panel * 32 * inputs, lda: inputs,
        panel: panels.base + panel * 32 * inputs)
    }
    Parallel.rows(input.rows, block: Self.tokenBlock) { rows, _ in
      for panel in 0..<count {
        GEMM.panel(
          m: rows.count, n: min(32, rank - panel * 32), k: inputs, a: input.row(rows.lowerBound),
          rsa: input.stride, csa: 1, b: panels.base + panel * 32 * inputs, ldb: 32,
          c: down.row(rows.lowerBound) + panel * 32, ldc: down.stride)
      }
    }
  }

  /// Writes `u = scale · gradOutput · B` of one module, the gradient of its z.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - up: `[tokens, rank]`, of which the module's columns are overwritten.
  public func projectBack(_ gradOutput: Matrix, module index: Int, into up: Matrix) {
    let module = modules[index]
    let up = columns(up, of: index)
    Parallel.rows(gradOutput.rows, block: Self.tokenBlock) { rows, _ in
      GEMM.multiply(
        m: rows.count, n: module.rank, k: module.outputs, a: gradOutput.row(rows.lowerBound),
        rsa: gradOutput.stride, csa: 1, b: module.b, ldb: module.rank, c: up.row(rows.lowerBound),
        ldc: up.stride, alpha: module.scale)
    }
  }

  /// Adds the gradient of one module's B.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - down: `z` of `project`, of all modules.
  public func addOutputGradient(_ gradOutput: Matrix, module index: Int, down: Matrix) {
    let module = modules[index]
    let down = columns(down, of: index)
    let tasks = (module.outputs + Self.outputBlock - 1) / Self.outputBlock
    Parallel.run(tasks) { task, _ in
      let first = task * Self.outputBlock
      GEMM.multiply(
        m: min(Self.outputBlock, module.outputs - first), n: module.rank, k: gradOutput.rows,
        a: gradOutput.base + first, rsa: 1, csa: gradOutput.stride, b: down.base, ldb: down.stride,
        c: module.gradB + first * module.rank, ldc: module.rank, alpha: module.scale,
        accumulate: true)
    }
  }

  /// Adds the gradients of A, of all modules or of one.
  ///
  /// - Parameters:
  ///   - input: `[tokens, inputs]`, after dropout.
  ///   - up: `u` of `projectBack`, of all modules.
  ///   - range: which modules read this input.
  public func addInputGradients(_ input: Matrix, modules range: Range<Int>, up: Matrix) {
    Parallel.run((inputs + 31) / 32) { task, _ in
      let first = task * 32
      for index in range {
        let module = modules[index]
        let up = columns(up, of: index)
        GEMM.panel(
          m: module.rank, n: min(32, inputs - first), k: input.rows, a: up.base, rsa: 1,
          csa: up.stride, b: input.base + first, ldb: input.stride, c: module.gradA + first,
          ldc: inputs, accumulate: true)
      }
    }
  }

  /// What one module adds to the forward product of its frozen weight, given `z` of all modules.
  public func forwardTerm(_ down: Matrix, module index: Int) -> WeightMatrix.LowRankTerm {
    WeightMatrix.LowRankTerm(
      left: columns(down, of: index), right: modules[index].b, scale: modules[index].scale)
  }

  /// What one module adds to the backward product of its frozen weight, given `u` of all modules.
  public func backwardTerm(_ up: Matrix, module index: Int) -> WeightMatrix.LowRankTerm {
    WeightMatrix.LowRankTerm(left: columns(up, of: index), right: modules[index].a, scale: 1)
  }

  /// Writes `u · A` of one module, its share of ∂loss/∂input before dropout, to `gradInput`, overwritten.
  public func projectInputGradient(_ up: Matrix, module index: Int, into gradInput: Matrix) {
    let module = modules[index]
    let up = columns(up, of: index)
    Parallel.rows(up.rows, block: Self.tokenBlock) { rows, _ in
      GEMM.multiply(
        m: rows.count, n: inputs, k: module.rank, a: up.row(rows.lowerBound), rsa: up.stride,
        csa: 1, b: module.a, ldb: inputs, c: gradInput.row(rows.lowerBound), ldc: gradInput.stride)
    }
  }
}

internal import CMicroKernels
public import Kernels

extension WeightMatrix {
  /// One of several products that a job computes together.
  public struct Product {
    /// The weight.
    public var weight: WeightMatrix
    /// Its outputs, or their gradient: `[tokens, rows]`.
    public var outputs: Matrix
    /// What an adapter adds.
    public var term: LowRankTerm?

    /// Describes a product.
    public init(weight: WeightMatrix, outputs: Matrix, term: LowRankTerm? = nil) {
      self.weight = weight
      self.outputs = outputs
      self.term = term
    }
  }

  /// Columns that one task of a backward product takes.
  private static let slabColumns = 32
  /// Rows of tokens that one task of an integer product takes.
  private static let tokenBlock = 256

  /// Writes `input · Wᵀ`, with its term, for each of some weights that share an input.
  ///
  /// - Parameters:
  ///   - products: their outputs are overwritten.
  ///   - input: `[tokens, columns]`.
  ///   - planes: computes in integers, in this memory; every weight must be prepared for it.
  ///   - streams: lets up to `streamedRows` rows read the weights as they are stored, instead of unpacking panels;
  ///     off where a row's bits must not depend on the number of rows.
  public static func forward(
    _ products: [Product], _ input: Matrix, planes: ActivationPlanes? = nil, streams: Bool = true,
    path: KernelPath = .active
  ) {
    let panels = products.reduce(0) { $0 + $1.weight.panelCount }
    let rank = products.reduce(0) { max($0, $1.term?.left.columns ?? 0) }
    if let planes {
      planes.reset(rows: input.rows, columns: input.columns)
      let rows = planes.append(input, factors: nil, path: path)
      let tokenBlocks = (input.rows + tokenBlock - 1) / tokenBlock
      Parallel.run(panels * tokenBlocks, scratchCount: 32 * rank) { task, scratch in
        let (product, panel) = locate(task / tokenBlocks, products)
        let first = task % tokenBlocks * tokenBlock
        product.integerForward(
          panel, rows, tokens: first..<min(input.rows, first + tokenBlock),
          planes: planes.planes, scratch, path)
      }
      return
    }
    if streams, input.rows <= streamedRows {
      stream(input, products)
      return
    }
    let columns = input.columns
    Parallel.run(panels, scratchCount: 32 * (columns + rank)) { task, scratch in
      let (product, panel) = locate(task, products)
      product.weight.readPanel(panel, into: scratch)
      let first = panel * GEMM.panelWidth
      GEMM.panel(
        m: input.rows, n: min(GEMM.panelWidth, product.weight.rows - first), k: columns,
        a: input.base, rsa: input.stride, csa: 1, b: scratch, ldb: GEMM.panelWidth,
        c: product.outputs.base + first, ldc: product.outputs.stride,
        adding: product.forwardTerm(panel, scratch + 32 * columns, path), path: path)
    }
  }

  /// Writes or adds Σ `gradOutput · W`, with the terms, over some weights that share an input.
  ///
  /// - Parameters:
  ///   - products: their outputs' gradients are read.
  ///   - gradInput: `[tokens, columns]`; added to where `accumulate`, else overwritten.
  ///   - planes: computes in integers, in this memory; every weight must be prepared for it.
  public static func backward(
    _ products: [Product], into gradInput: Matrix, accumulate: Bool,
    planes: ActivationPlanes? = nil, path: KernelPath = .active
  ) {
    let slabs = (gradInput.columns + slabColumns - 1) / slabColumns
    if let planes {
      planes.reset(
        rows: gradInput.rows, columns: products.reduce(0) { $0 + $1.outputs.columns + 4 })
      withUnsafeTemporaryAllocation(of: ActivationPlanes.Rows.self, capacity: products.count) {
        nonisolated(unsafe) let rows = $0
        for (index, product) in products.enumerated() {
          rows.initializeElement(
            at: index,
            to: planes.append(
              product.outputs, factors: product.weight.integer?.scales.base, path: path))
        }
        let tokenBlocks = (gradInput.rows + 2 * tokenBlock - 1) / (2 * tokenBlock)
        let scratchCount = IntegerMatrix.block * 8 + 64
        Parallel.run(slabs * tokenBlocks, scratchCount: scratchCount) { task, scratch in
          let first = task % tokenBlocks * 2 * tokenBlock
          let tokens = first..<min(gradInput.rows, first + 2 * tokenBlock)
          for index in products.indices {
            products[index].integerBackward(
              slab: task / tokenBlocks, rows[index], tokens: tokens, planes: planes.planes,
              into: gradInput, accumulate: accumulate || index > 0, scratch, path)
          }
        }
      }
      return
    }
    let scratchRows = products.reduce(0) { max($0, min($1.weight.rows, slabRows)) }
    Parallel.run(slabs, scratchCount: scratchRows * slabColumns) { task, slab in
      let first = task * slabColumns
      let width = min(slabColumns, gradInput.columns - first)
      var adds = accumulate
      for product in products {
        let rows = product.weight.rows
        for firstRow in stride(from: 0, to: rows, by: slabRows) {
          let count = min(rows - firstRow, slabRows)
          product.weight.readSlab(
            firstRow..<firstRow + count, first..<first + width, into: slab,
            leadingDimension: slabColumns)
          GEMM.panel(
            m: gradInput.rows, n: width, k: count, a: product.outputs.base + firstRow,
            rsa: product.outputs.stride, csa: 1, b: slab, ldb: slabColumns,
            c: gradInput.base + first, ldc: gradInput.stride, accumulate: adds,
            adding: firstRow + count == rows ? product.backwardTerm(first) : .none, path: path)
          adds = true
        }
      }
    }
  }

  /// Panels of 32 rows.
  private var panelCount: Int { (rows + GEMM.panelWidth - 1) / GEMM.panelWidth }

  /// The product that the panel `index` of all products belongs to, and the panel's number in it.
  private static func locate(_ index: Int, _ products: [Product]) -> (Product, Int) {
    var index = index
    for product in products {
      if index < product.weight.panelCount { return (product, index) }
      index -= product.weight.panelCount
    }
    preconditionFailure("a panel belongs to one of the products")
  }
}

extension WeightMatrix.Product {
  /// The rows of B that go with a panel, times the scale, unpacked to `scratch`.
  fileprivate func forwardTerm(
    _ panel: Int, _ scratch: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) -> GEMM.Term {
    guard let term else { return .none }
    let rank = term.left.columns
    let first = panel * GEMM.panelWidth
    GEMM.transposePanel(
      k: rank, n: min(GEMM.panelWidth, weight.rows - first), a: term.right + first * rank,
      lda: rank, scale: term.scale, panel: scratch, path: path)
    return GEMM.Term(
      count: rank, a: term.left.base, rsa: term.left.stride, b: scratch, ldb: GEMM.panelWidth)
  }

  /// The columns of A from `first` on; the scale is in `left`.
  fileprivate func backwardTerm(_ first: Int) -> GEMM.Term {
    guard let term else { return .none }
    precondition(term.scale == 1, "the gradient of z carries the scale")
    return GEMM.Term(
      count: term.left.columns, a: term.left.base, rsa: term.left.stride, b: term.right + first,
      ldb: weight.columns)
  }

  fileprivate func integerForward(
    _ panel: Int, _ rows: ActivationPlanes.Rows, tokens: Range<Int>, planes: Int,
    _ scratch: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) {
    guard let matrix = weight.integer else { preconditionFailure("the weight is not prepared") }
    let first = panel * GEMM.panelWidth
    let term = forwardTerm(panel, scratch, path).rows(from: tokens.lowerBound)
    for block in 0..<rows.blocks {
      let quad = block * IntegerMatrix.block / 4
      let isLast = block == rows.blocks - 1
      IntegerProduct.run(
        lk_integer_product(
          m: Int64(tokens.count), n: Int64(min(GEMM.panelWidth, weight.rows - first)),
          quads: Int64(min(IntegerMatrix.block / 4, matrix.quads - quad)), planes: Int32(planes),
          a: rows.bytes + tokens.lowerBound * planes * rows.stride + 4 * quad,
          lda: Int64(rows.stride), panel: matrix.codes + (panel * matrix.quads + quad) * 128,
          sums: matrix.sums + (panel * rows.blocks + block) * 32,
          sx: rows.scales + tokens.lowerBound * rows.blocks + block, sx_stride: Int64(rows.blocks),
          sw: matrix.scales.base + first, c: outputs.row(tokens.lowerBound) + first,
          ldc: Int64(outputs.stride), accumulate: block > 0 ? 1 : 0,
          term: (isLast ? term : .none).raw), path)
    }
  }

  fileprivate func integerBackward(
    slab: Int, _ rows: ActivationPlanes.Rows, tokens: Range<Int>, planes: Int,
    into gradInput: Matrix, accumulate: Bool, _ scratch: UnsafeMutablePointer<Float>,
    _ path: KernelPath
  ) {
    guard let matrix = weight.integer else { preconditionFailure("the weight is not prepared") }
    let first = slab * GEMM.panelWidth
    let codes = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Int8.self)
    let sums = UnsafeMutableRawPointer(scratch + IntegerMatrix.block * 8)
      .assumingMemoryBound(to: Int32.self)
    let ones = scratch + IntegerMatrix.block * 8 + 32
    ones.update(repeating: 1, count: 32)
    let term = backwardTerm(first).rows(from: tokens.lowerBound)
    for block in 0..<rows.blocks {
      let panel = block * IntegerMatrix.block / 32
      let panels = min(IntegerMatrix.block / 32, matrix.panels - panel)
      let isLast = block == rows.blocks - 1
      IntegerProduct.turn(
        panels: panels, quads: matrix.quads, quad: first / 4,
        from: matrix.codes + panel * matrix.quads * 128, into: codes, sums: sums, path)
      // Rows that pad the last panel are zero codes; the planes end with the matrix, so the product does too.
      let quads = min(panels * 8, (rows.stride - block * IntegerMatrix.block) / 4)
      IntegerProduct.run(
        lk_integer_product(
          m: Int64(tokens.count), n: Int64(min(GEMM.panelWidth, gradInput.columns - first)),
          quads: Int64(quads), planes: Int32(planes),
          a: rows.bytes + tokens.lowerBound * planes * rows.stride + block * IntegerMatrix.block,
          lda: Int64(rows.stride), panel: codes, sums: sums,
          sx: rows.scales + tokens.lowerBound * rows.blocks + block, sx_stride: Int64(rows.blocks),
          sw: ones, c: gradInput.row(tokens.lowerBound) + first, ldc: Int64(gradInput.stride),
          accumulate: accumulate || block > 0 ? 1 : 0, term: (isLast ? term : .none).raw), path)
    }
  }
}

/// The integer kernels by path: VNNI where the CPU has it, plain C elsewhere.
enum IntegerProduct {
  static let hasVNNI = lk_cpu_has_avx512_vnni() != 0

  @inline(__always)
  static func run(_ product: lk_integer_product, _ path: KernelPath) {
    if path == .avx512, hasVNNI {
      lk_integer_product_vnni(product)
    } else {
      lk_integer_product_portable(product)
    }
  }

  /// Turns 32 columns of panels on their side and sums them.
  static func turn(
    panels: Int, quads: Int, quad: Int, from: UnsafeMutablePointer<Int8>,
    into to: UnsafeMutablePointer<Int8>, sums: UnsafeMutablePointer<Int32>, _ path: KernelPath
  ) {
    let (panels, quads, quad) = (Int64(panels), Int64(quads), Int64(quad))
    if path == .avx512, hasVNNI {
      lk_turn_panel_vnni(panels, quads, quad, from, to)
      lk_panel_sums_vnni(panels * 8, to, sums)
    } else {
      lk_turn_panel_portable(panels, quads, quad, from, to)
      lk_panel_sums_portable(panels * 8, to, sums)
    }
  }
}

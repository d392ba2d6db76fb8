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

  /// Memory for computing `products` in integers: `planes`, or none where a weight is not prepared for it.
  public static func planes(
    _ planes: ActivationPlanes?, for products: [Product]
  ) -> ActivationPlanes? {
    products.allSatisfy { $0.weight.integer != nil } ? planes : nil
  }

  /// Columns that one task of an integer backward product takes.
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
    let share = panelsInTask(of: panels, length: columns)
    let (panelCount, termCount) = (GEMM.panelWidth * columns, GEMM.panelWidth * rank)
    let tokens = tokensInCache(length: columns)
    Parallel.run((panels + share - 1) / share, scratchCount: share * (panelCount + termCount)) {
      task, scratch in
      let mine = task * share..<min(panels, (task + 1) * share)
      let terms = scratch + share * panelCount
      for (slot, index) in mine.enumerated() {
        let (product, panel) = locate(index, products)
        product.weight.readPanel(panel, into: scratch + slot * panelCount)
        product.readTerm(panel, into: terms + slot * termCount, path)
      }
      for token in stride(from: 0, to: input.rows, by: tokens) {
        for (slot, index) in mine.enumerated() {
          let (product, panel) = locate(index, products)
          let first = panel * GEMM.panelWidth
          GEMM.panel(
            m: min(tokens, input.rows - token),
            n: min(GEMM.panelWidth, product.weight.rows - first),
            k: columns, a: input.row(token), rsa: input.stride, csa: 1,
            b: scratch + slot * panelCount, ldb: GEMM.panelWidth,
            c: product.outputs.row(token) + first, ldc: product.outputs.stride,
            adding: product.forwardTerm(terms + slot * termCount).rows(from: token), path: path)
        }
      }
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
    if let planes {
      let slabs = (gradInput.columns + slabColumns - 1) / slabColumns
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
    let panels = (gradInput.columns + GEMM.panelWidth - 1) / GEMM.panelWidth
    let width = GEMM.panelWidth * panelsInTask(of: panels, length: slabRows)
    let tokens = tokensInCache(length: slabRows)
    let scratchRows = products.reduce(0) { max($0, min($1.weight.rows, slabRows)) }
    Parallel.run((gradInput.columns + width - 1) / width, scratchCount: scratchRows * width) {
      task, slab in
      let columns = task * width..<min(gradInput.columns, (task + 1) * width)
      var adds = accumulate
      for product in products {
        let rows = product.weight.rows
        for firstRow in stride(from: 0, to: rows, by: slabRows) {
          let count = min(rows - firstRow, slabRows)
          product.weight.readSlab(
            firstRow..<firstRow + count, columns, into: slab, leadingDimension: width)
          let isLast = firstRow + count == rows
          for token in stride(from: 0, to: gradInput.rows, by: tokens) {
            for first in stride(
              from: columns.lowerBound, to: columns.upperBound, by: GEMM.panelWidth)
            {
              GEMM.panel(
                m: min(tokens, gradInput.rows - token),
                n: min(GEMM.panelWidth, columns.upperBound - first), k: count,
                a: product.outputs.row(token) + firstRow, rsa: product.outputs.stride, csa: 1,
                b: slab + first - columns.lowerBound, ldb: width, c: gradInput.row(token) + first,
                ldc: gradInput.stride, accumulate: adds,
                adding: isLast ? product.backwardTerm(first).rows(from: token) : .none, path: path)
            }
          }
          adds = true
        }
      }
    }
  }

  /// Panels that one task unpacks together, so that a block of the other factor is read from memory once for all of them.
  ///
  /// As many as leave half of a usual second-level cache to that block, and tasks enough for every thread. No result
  /// depends on it.
  private static func panelsInTask(of panels: Int, length: Int) -> Int {
    let fitting = cachedCount / (GEMM.panelWidth * max(1, length))
    return max(1, min(fitting, mostPanels, panels / (3 * Parallel.threads)))
  }

  private static let mostPanels = 4

  /// Rows of the other factor that stay in the second-level cache while the panels of a task pass over them.
  private static func tokensInCache(length: Int) -> Int {
    max(48, cachedCount / max(1, length) / 12 * 12)
  }

  /// Most floats of scratch memory that a thread has for products in f32 with rows of up to `length` numbers.
  public static func scratchCount(length: Int, rank: Int) -> Int {
    max(cachedCount, GEMM.panelWidth * length) + mostPanels * GEMM.panelWidth * rank
  }

  /// Floats of half of a second-level cache of half a megabyte.
  private static let cachedCount = 1 << 16

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
  /// Unpacks the rows of B that go with a panel, times the scale.
  fileprivate func readTerm(
    _ panel: Int, into scratch: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) {
    guard let term else { return }
    let rank = term.left.columns
    let first = panel * GEMM.panelWidth
    GEMM.transposePanel(
      k: rank, n: min(GEMM.panelWidth, weight.rows - first), a: term.right + first * rank,
      lda: rank, scale: term.scale, panel: scratch, path: path)
  }

  /// What `readTerm` unpacked, times z.
  fileprivate func forwardTerm(_ unpacked: UnsafeMutablePointer<Float>) -> GEMM.Term {
    guard let term else { return .none }
    return GEMM.Term(
      count: term.left.columns, a: term.left.base, rsa: term.left.stride, b: unpacked,
      ldb: GEMM.panelWidth)
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
    readTerm(panel, into: scratch, path)
    let term = forwardTerm(scratch).rows(from: tokens.lowerBound)
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

internal import Kernels

/// Products with the few rows that decoding has: as fast as the weights can be read.
extension WeightMatrix {
  /// Rows of input up to which `forward` reads the weights once as they are stored, instead of unpacking panels.
  ///
  /// A row's result has the same bits with up to this many rows, and with more of them, but across the two it may differ
  /// in the last bits: the sums are made in another order.
  public static let streamedRows = WeightStorage.vectorLimit

  /// `forward` of some products with `streamedRows` rows or fewer; the threads share all of them at once.
  static func stream(_ input: Matrix, _ products: [Product]) {
    var (tasks, scratchCount) = (0, 0)
    for product in products {
      tasks += product.weight.streamTasks
      scratchCount = max(scratchCount, GEMM.panelWidth * (product.term?.left.columns ?? 0))
    }
    Parallel.run(tasks, scratchCount: scratchCount) { task, scratch in
      var task = task
      for product in products {
        let count = product.weight.streamTasks
        if task < count {
          product.weight.stream(task: task, input, product, scratch)
          return
        }
        task -= count
      }
    }
  }

  /// Rows that one task streams, a multiple of a panel's: small enough that threads finish together, and in a large
  /// matrix large enough that they seldom meet at the counter of tasks.
  private var rowsOfStreamTask: Int { GEMM.panelWidth * max(1, rows / (64 * GEMM.panelWidth)) }

  /// Tasks that the rows make.
  private var streamTasks: Int { rows.dividedRoundingUp(by: rowsOfStreamTask) }

  /// One task's rows of a product.
  private func stream(
    task: Int, _ input: Matrix, _ product: Product, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let first = task * rowsOfStreamTask
    let end = min(rows, first + rowsOfStreamTask)
    rowOrder.withUnsafeBufferPointer { order in
      guard let order = order.baseAddress else { return }
      storage.multiply(
        rows: order + first, rowCount: end - first, by: input,
        into: product.outputs.columns(first..<end))
    }
    guard let term = product.term else { return }
    let rank = term.left.columns
    for first in stride(from: first, to: end, by: GEMM.panelWidth) {
      let count = min(GEMM.panelWidth, end - first)
      GEMM.transposePanel(
        k: rank, n: count, a: term.right + first * rank, lda: rank, panel: scratch)
      GEMM.panel(
        m: input.rows, n: count, k: rank, a: term.left.base, rsa: term.left.stride, csa: 1,
        b: scratch, ldb: GEMM.panelWidth, c: product.outputs.base + first,
        ldc: product.outputs.stride, alpha: term.scale, accumulate: true)
    }
  }
}

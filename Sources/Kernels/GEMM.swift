package import CMicroKernels

/// Products of small and irregular matrices on one thread: the block that everything else is built from.
///
///     C[i][j] (+)= α · (Σ_k A[i·rowStride + k·columnStride] · B[k·ldb + j] + Σ_q A₂[i·rsa₂ + q] · B₂[q·ldb₂ + j])
///
/// A result's bits depend on its row of A, its column of B and the path, never on how many rows are computed together.
public enum GEMM {
  /// Columns of a panel, the width of one register tile.
  public static let panelWidth = 32
  /// Addends of a product that are summed in registers; sums of more are split there.
  static let summedAtOnce = Int(LK_K_BLOCK)

  /// A low-rank term, added while a product's results are still in registers.
  ///
  /// Unchecked: a view, like `Matrix`.
  public struct Term: @unchecked Sendable {
    /// As the C kernels take it.
    package let raw: lk_term

    /// No term.
    public static let none = Term(count: 0, a: nil, rsa: 0, b: nil, ldb: 0)

    /// Makes the term `Σ_q a[i·rsa + q] · b[q·ldb + j]` of `count` addends.
    public init(
      count: Int, a: UnsafePointer<Float>?, rsa: Int, b: UnsafePointer<Float>?, ldb: Int
    ) {
      raw = lk_term(k2: Int64(count), a2: a, rsa2: Int64(rsa), b2: b, ldb2: Int64(ldb))
    }

    /// The term for the rows from `row` on.
    public func rows(from row: Int) -> Term {
      Term(
        count: Int(raw.k2), a: raw.a2.map { $0 + row * Int(raw.rsa2) }, rsa: Int(raw.rsa2),
        b: raw.b2, ldb: Int(raw.ldb2))
    }

    /// The term for the columns from `column` on.
    func columns(from column: Int) -> Term {
      Term(
        count: Int(raw.k2), a: raw.a2, rsa: Int(raw.rsa2), b: raw.b2.map { $0 + column },
        ldb: Int(raw.ldb2))
    }
  }

  /// The product for at most 32 columns.
  ///
  /// - Parameters:
  ///   - m: rows of A and C.
  ///   - n: columns of B and C, at most 32.
  ///   - k: columns of A, rows of B.
  ///   - a: element (i, k) at `i * rsa + k * csa`.
  ///   - b: element (k, j) at `k * ldb + j`.
  ///   - c: element (i, j) at `i * ldc + j`; added to where `accumulate`, else overwritten.
  ///   - term: the second sum.
  public static func panel(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, rsa: Int, csa: Int, b: UnsafePointer<Float>,
    ldb: Int, c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, accumulate: Bool = false,
    adding term: Term = .none, path: KernelPath = .active
  ) {
    guard m > 0, n > 0 else { return }
    let (m, n, k, rsa, csa) = (Int64(m), Int64(n), Int64(k), Int64(rsa), Int64(csa))
    let (ldb, ldc, accumulate): (Int64, Int64, Int32) = (Int64(ldb), Int64(ldc), accumulate ? 1 : 0)
    switch path {
    case .avx512:
      lk_gemm_avx512(m, n, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, term.raw)
    case .avx2:
      lk_gemm_avx2(m, n, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, term.raw)
    case .baseline:
      lk_gemm_baseline(m, n, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, term.raw)
    }
  }

  /// The product for any number of columns of a row-major B, panel by panel.
  public static func multiply(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, rsa: Int, csa: Int, b: UnsafePointer<Float>,
    ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, accumulate: Bool = false,
    adding term: Term = .none, path: KernelPath = .active
  ) {
    var j = 0
    while j < n {
      panel(
        m: m, n: min(panelWidth, n - j), k: k, a: a, rsa: rsa, csa: csa, b: b + j, ldb: ldb,
        c: c + j, ldc: ldc, alpha: alpha, accumulate: accumulate, adding: term.columns(from: j),
        path: path)
      j += panelWidth
    }
  }

  /// Writes `n` ≤ 32 rows of length `k` as a panel: `panel[p * 32 + j] = scale * a[j * lda + p]`, missing rows as zero.
  public static func transposePanel(
    k: Int, n: Int, a: UnsafePointer<Float>, lda: Int, scale: Float = 1,
    panel: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    switch path {
    case .avx512: lk_transpose_panel_avx512(Int64(k), Int64(n), a, Int64(lda), scale, panel)
    case .avx2: lk_transpose_panel_avx2(Int64(k), Int64(n), a, Int64(lda), scale, panel)
    case .baseline: lk_transpose_panel_baseline(Int64(k), Int64(n), a, Int64(lda), scale, panel)
    }
  }
}

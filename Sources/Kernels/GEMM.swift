internal import CMicroKernels

/// Products of small and irregular matrices on one thread: the block that everything else is built from.
///
///     C[i][j] (+)= α · Σ_k A[i·rowStride + k·columnStride] · B[k·ldb + j]
///
/// A result's bits depend on its row of A, its column of B and the path, never on how many rows are computed together.
public enum GEMM {
  /// Columns of a panel, the width of one register tile.
  public static let panelWidth = 32

  /// The product for at most 32 columns.
  ///
  /// - Parameters:
  ///   - m: rows of A and C.
  ///   - n: columns of B and C, at most 32.
  ///   - k: columns of A, rows of B.
  ///   - a: element (i, k) at `i * rsa + k * csa`.
  ///   - b: element (k, j) at `k * ldb + j`.
  ///   - c: element (i, j) at `i * ldc + j`; added to where `accumulate`, else overwritten.
  @inlinable
  public static func panel(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, rsa: Int, csa: Int, b: UnsafePointer<Float>,
    ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, accumulate: Bool = false,
    path: KernelPath = .active
  ) {
    panelImplementation(m, n, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, path)
  }

  @usableFromInline
  static func panelImplementation(
    _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ rsa: Int, _ csa: Int,
    _ b: UnsafePointer<Float>,
    _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ alpha: Float, _ accumulate: Bool,
    _ path: KernelPath
  ) {
    guard m > 0, n > 0 else { return }
    switch path {
    case .avx512:
      lk_gemm_avx512(
        Int64(m), Int64(n), Int64(k), a, Int64(rsa), Int64(csa), b, Int64(ldb), c, Int64(ldc),
        alpha,
        accumulate ? 1 : 0)
    case .avx2:
      lk_gemm_avx2(
        Int64(m), Int64(n), Int64(k), a, Int64(rsa), Int64(csa), b, Int64(ldb), c, Int64(ldc),
        alpha,
        accumulate ? 1 : 0)
    case .baseline:
      lk_gemm_baseline(
        Int64(m), Int64(n), Int64(k), a, Int64(rsa), Int64(csa), b, Int64(ldb), c, Int64(ldc),
        alpha,
        accumulate ? 1 : 0)
    }
  }

  /// The product for any number of columns of a row-major B, panel by panel.
  public static func multiply(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, rsa: Int, csa: Int, b: UnsafePointer<Float>,
    ldb: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, accumulate: Bool = false,
    path: KernelPath = .active
  ) {
    var j = 0
    while j < n {
      panelImplementation(
        m, min(panelWidth, n - j), k, a, rsa, csa, b + j, ldb, c + j, ldc, alpha, accumulate, path)
      j += panelWidth
    }
  }

  /// Writes `n` ≤ 32 rows of length `k` as a panel: `panel[p * 32 + j] = a[j * lda + p]`, missing rows as zero.
  public static func transposePanel(
    k: Int, n: Int, a: UnsafePointer<Float>, lda: Int, panel: UnsafeMutablePointer<Float>,
    path: KernelPath = .active
  ) {
    switch path {
    case .avx512: lk_transpose_panel_avx512(Int64(k), Int64(n), a, Int64(lda), panel)
    case .avx2: lk_transpose_panel_avx2(Int64(k), Int64(n), a, Int64(lda), panel)
    case .baseline: lk_transpose_panel_baseline(Int64(k), Int64(n), a, Int64(lda), panel)
    }
  }
}

internal import CMicroKernels

/// The Gaussian error linear unit, `½·x·(1 + erf(x / √2))`.
///
/// - SeeAlso: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", arXiv:1606.08415.
public enum GELU {
  /// Replaces every row by `gelu(row + bias)`.
  ///
  /// - Parameters:
  ///   - values: `[tokens, channels]`.
  ///   - bias: `[channels]`.
  public static func apply(
    _ values: Matrix, bias: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    let n = Int64(values.columns)
    Parallel.rows(values.rows, block: 8) { rows, _ in
      for row in rows {
        switch path {
        case .avx512: lk_biased_gelu_avx512(n, bias, values.row(row))
        case .avx2: lk_biased_gelu_avx2(n, bias, values.row(row))
        case .baseline: lk_biased_gelu_baseline(n, bias, values.row(row))
        }
      }
    }
  }
}

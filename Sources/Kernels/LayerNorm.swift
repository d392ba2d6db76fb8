internal import CMicroKernels

/// Layer normalisation, the norm of BERT's blocks.
///
/// Each row becomes `(x − mean(x)) / √(var(x) + ε) · weight + bias`.
///
/// - SeeAlso: Ba, Kiros and Hinton 2016, "Layer Normalization", arXiv:1607.06450.
public enum LayerNorm {
  /// Writes the normalised rows to `output`, which may be `input`.
  ///
  /// - Parameters:
  ///   - input: `[tokens, channels]`.
  ///   - weight: `[channels]`.
  ///   - bias: `[channels]`.
  public static func forward(
    _ input: Matrix, weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>,
    epsilon: Float, output: Matrix, path: KernelPath = .active
  ) {
    let n = Int64(input.columns)
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows {
        let (x, y) = (input.row(row), output.row(row))
        switch path {
        case .avx512: lk_layer_norm_avx512(n, epsilon, x, weight, bias, y)
        case .avx2: lk_layer_norm_avx2(n, epsilon, x, weight, bias, y)
        case .baseline: lk_layer_norm_baseline(n, epsilon, x, weight, bias, y)
        }
      }
    }
  }
}

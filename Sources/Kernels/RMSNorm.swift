internal import CMicroKernels

/// Root-mean-square normalisation, the norm of every Llama block.
///
/// Each row `x` of the input, one token's `channels` values, becomes
///
///     rstd = 1 / √(mean(x²) + ε)
///     y    = x · rstd · weight
///
/// - SeeAlso: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467.
public enum RMSNorm {
  private static let block = 16

  /// Writes the normalised rows to `output` and each row's `rstd`.
  ///
  /// - Parameters:
  ///   - input: `[tokens, channels]`.
  ///   - weight: `[channels]`.
  ///   - output: `[tokens, channels]`, overwritten.
  ///   - rstd: `[tokens]`, overwritten; the backward pass needs it.
  public static func forward(
    _ input: Matrix, weight: UnsafeMutablePointer<Float>, epsilon: Float, output: Matrix,
    rstd: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    let n = Int64(input.columns)
    Parallel.rows(input.rows, block: block) { rows, _ in
      for row in rows {
        switch path {
        case .avx512:
          rstd[row] = lk_rms_norm_avx512(n, epsilon, input.row(row), weight, output.row(row))
        case .avx2:
          rstd[row] = lk_rms_norm_avx2(n, epsilon, input.row(row), weight, output.row(row))
        case .baseline:
          rstd[row] = lk_rms_norm_baseline(n, epsilon, input.row(row), weight, output.row(row))
        }
      }
    }
  }

  /// Writes the normalised rows again from a known `rstd`, with the bits of `forward`: cheaper than keeping them.
  public static func recompute(
    _ input: Matrix, weight: UnsafeMutablePointer<Float>, rstd: UnsafeMutablePointer<Float>,
    output: Matrix,
    path: KernelPath = .active
  ) {
    let n = Int64(input.columns)
    Parallel.rows(input.rows, block: block) { rows, _ in
      for row in rows {
        switch path {
        case .avx512:
          lk_rms_norm_apply_avx512(n, rstd[row], input.row(row), weight, output.row(row))
        case .avx2: lk_rms_norm_apply_avx2(n, rstd[row], input.row(row), weight, output.row(row))
        case .baseline:
          lk_rms_norm_apply_baseline(n, rstd[row], input.row(row), weight, output.row(row))
        }
      }
    }
  }

  /// Adds ∂loss/∂input to `gradInput`.
  ///
  /// The weight's own gradient, where it is trained, is `WeightGradient.addNorm`. With `g = gradOutput · weight`:
  ///
  ///     gradInput += rstd · (g − x · rstd² · mean(g · x))
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, channels]`, ∂loss/∂output.
  ///   - rstd: `[tokens]`, as written by `forward`.
  ///   - gradInput: `[tokens, channels]`, added to, never overwritten.
  public static func backward(
    _ gradOutput: Matrix, input: Matrix, weight: UnsafeMutablePointer<Float>,
    rstd: UnsafeMutablePointer<Float>, gradInput: Matrix, path: KernelPath = .active
  ) {
    let n = Int64(input.columns)
    Parallel.rows(input.rows, block: block) { rows, _ in
      for row in rows {
        let (dy, x, dx) = (gradOutput.row(row), input.row(row), gradInput.row(row))
        switch path {
        case .avx512: lk_rms_norm_backward_avx512(n, rstd[row], dy, x, weight, dx)
        case .avx2: lk_rms_norm_backward_avx2(n, rstd[row], dy, x, weight, dx)
        case .baseline: lk_rms_norm_backward_baseline(n, rstd[row], dy, x, weight, dx)
        }
      }
    }
  }
}

internal import CMicroKernels

/// The gate of a Gemma block's MLP: `y = gelu(gate) · up`.
///
/// GELU is the one that PyTorch calls "tanh", with z = √(2/π) · (x + 0.044715 x³):
///
///     gelu(x) = ½ · x · (1 + tanh z) = x · σ(2z)
///
/// - SeeAlso: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", arXiv:1606.08415; Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
public enum GeGLU {
  private static let block = 8

  /// Writes `gelu(gate) · up` to `output`; all are `[tokens, width]`.
  public static func forward(gate: Matrix, up: Matrix, output: Matrix, path: KernelPath = .active) {
    let n = Int64(gate.columns)
    Parallel.rows(gate.rows, block: block) { rows, _ in
      for row in rows {
        switch path {
        case .avx512: lk_geglu_avx512(n, gate.row(row), up.row(row), output.row(row))
        case .avx2: lk_geglu_avx2(n, gate.row(row), up.row(row), output.row(row))
        case .baseline: lk_geglu_baseline(n, gate.row(row), up.row(row), output.row(row))
        }
      }
    }
  }

  /// Writes the gradients of both inputs.
  ///
  /// With `s = σ(2z)` and `z' = √(2/π) · (1 + 3 · 0.044715 · gate²)`:
  ///
  ///     gradGate = gradOutput · up · s · (1 + gate · (1 − s) · 2z')
  ///     gradUp   = gradOutput · gate · s
  ///
  /// `gradGate` and `gradUp` are overwritten and may be `gate` and `up` themselves.
  public static func backward(
    _ gradOutput: Matrix, gate: Matrix, up: Matrix, gradGate: Matrix, gradUp: Matrix,
    path: KernelPath = .active
  ) {
    let n = Int64(gate.columns)
    Parallel.rows(gate.rows, block: block) { rows, _ in
      for row in rows {
        let (dy, g, u) = (gradOutput.row(row), gate.row(row), up.row(row))
        switch path {
        case .avx512: lk_geglu_backward_avx512(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        case .avx2: lk_geglu_backward_avx2(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        case .baseline: lk_geglu_backward_baseline(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        }
      }
    }
  }
}

internal import CMicroKernels

/// The gate of a Llama block's MLP: `y = silu(gate) · up`, `silu(x) = x · σ(x)`.
///
/// - SeeAlso: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
public enum SwiGLU {
  private static let block = 8

  /// Writes `silu(gate) · up` to `output`; all are `[tokens, width]`.
  public static func forward(gate: Matrix, up: Matrix, output: Matrix, path: KernelPath = .active) {
    let n = Int64(gate.columns)
    Parallel.rows(gate.rows, block: block) { rows, _ in
      for row in rows {
        switch path {
        case .avx512: lk_swiglu_avx512(n, gate.row(row), up.row(row), output.row(row))
        case .avx2: lk_swiglu_avx2(n, gate.row(row), up.row(row), output.row(row))
        case .baseline: lk_swiglu_baseline(n, gate.row(row), up.row(row), output.row(row))
        }
      }
    }
  }

  /// Writes the gradients of both inputs.
  ///
  /// With `s = σ(gate)`:
  ///
  ///     gradGate = gradOutput · up · s · (1 + gate · (1 − s))
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
        case .avx512: lk_swiglu_backward_avx512(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        case .avx2: lk_swiglu_backward_avx2(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        case .baseline: lk_swiglu_backward_baseline(n, dy, g, u, gradGate.row(row), gradUp.row(row))
        }
      }
    }
  }
}

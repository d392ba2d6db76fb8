internal import CMicroKernels

/// Dropout whose mask is a function of a row's key and a column's number, never stored.
///
/// A row's key is mixed from (seed, step, module, hash of the tokens up to and including this one, position), so the
/// mask does not depend on how rows are batched.
///
/// - SeeAlso: Srivastava et al. 2014, "Dropout"; here the inverted form, scaled by 1 / (1 − p) in training.
public enum Dropout {
  private static let block = 16

  /// Writes `input · keep / (1 − probability)` to `output`.
  ///
  /// - Parameters:
  ///   - keys: one per row.
  ///   - module: which module's mask; mixed into each key.
  public static func forward(
    _ input: Matrix, keys: UnsafePointer<UInt64>, module: UInt64, probability: Float,
    output: Matrix,
    path: KernelPath = .active
  ) {
    let (threshold, scale, n) = parameters(probability, input)
    Parallel.rows(input.rows, block: block) { rows, _ in
      for row in rows {
        let key = CounterRandom.mix(keys[row] ^ module)
        let (x, y) = (input.row(row), output.row(row))
        switch path {
        case .avx512: lk_dropout_avx512(n, key, threshold, scale, x, y)
        case .avx2: lk_dropout_avx2(n, key, threshold, scale, x, y)
        case .baseline: lk_dropout_baseline(n, key, threshold, scale, x, y)
        }
      }
    }
  }

  /// Adds `gradOutput · keep / (1 − probability)` to `gradInput`, with the mask of `forward`.
  public static func backward(
    _ gradOutput: Matrix, keys: UnsafePointer<UInt64>, module: UInt64, probability: Float,
    gradInput: Matrix,
    path: KernelPath = .active
  ) {
    let (threshold, scale, n) = parameters(probability, gradOutput)
    Parallel.rows(gradOutput.rows, block: block) { rows, _ in
      for row in rows {
        let key = CounterRandom.mix(keys[row] ^ module)
        let (dy, dx) = (gradOutput.row(row), gradInput.row(row))
        switch path {
        case .avx512: lk_dropout_add_avx512(n, key, threshold, scale, dy, dx)
        case .avx2: lk_dropout_add_avx2(n, key, threshold, scale, dy, dx)
        case .baseline: lk_dropout_add_baseline(n, key, threshold, scale, dy, dx)
        }
      }
    }
  }

  private static func parameters(_ probability: Float, _ x: Matrix) -> (UInt32, Float, Int64) {
    let threshold = UInt32(min(Double(UInt32.max), (Double(probability) * 0x1p32).rounded()))
    return (threshold, 1 / (1 - probability), Int64(x.columns))
  }
}

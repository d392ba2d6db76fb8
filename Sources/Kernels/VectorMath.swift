internal import CMicroKernels

/// One row at a time, on the chosen path.
///
/// The loops are in `elementwise.h`; what they compute is said there.
enum VectorMath {
  typealias Pointer = UnsafeMutablePointer<Float>

  @inline(__always)
  static func add(_ n: Int, _ x: Pointer, _ y: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_add_avx512(Int64(n), x, y)
    case .avx2: lk_add_avx2(Int64(n), x, y)
    case .baseline: lk_add_baseline(Int64(n), x, y)
    }
  }

  @inline(__always)
  static func subtract(_ n: Int, _ x: Pointer, _ y: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_subtract_avx512(Int64(n), x, y)
    case .avx2: lk_subtract_avx2(Int64(n), x, y)
    case .baseline: lk_subtract_baseline(Int64(n), x, y)
    }
  }

  @inline(__always)
  static func scaleColumns(
    _ n: Int, _ weight: Pointer, _ x: Pointer, _ y: Pointer, _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_scale_columns_avx512(Int64(n), weight, x, y)
    case .avx2: lk_scale_columns_avx2(Int64(n), weight, x, y)
    case .baseline: lk_scale_columns_baseline(Int64(n), weight, x, y)
    }
  }

  @inline(__always)
  static func addProduct(
    _ n: Int, _ x: Pointer, _ y: Pointer, _ sum: Pointer, _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_add_product_avx512(Int64(n), x, y, sum)
    case .avx2: lk_add_product_avx2(Int64(n), x, y, sum)
    case .baseline: lk_add_product_baseline(Int64(n), x, y, sum)
    }
  }

  @inline(__always)
  static func scale(_ n: Int, _ a: Float, _ x: Pointer, _ y: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_scale_avx512(Int64(n), a, x, y)
    case .avx2: lk_scale_avx2(Int64(n), a, x, y)
    case .baseline: lk_scale_baseline(Int64(n), a, x, y)
    }
  }

  @inline(__always)
  static func dot(_ n: Int, _ x: Pointer, _ y: Pointer, _ path: KernelPath) -> Float {
    switch path {
    case .avx512: lk_dot_avx512(Int64(n), x, y)
    case .avx2: lk_dot_avx2(Int64(n), x, y)
    case .baseline: lk_dot_baseline(Int64(n), x, y)
    }
  }

  @inline(__always)
  static func axpy(_ n: Int, _ a: Float, _ x: Pointer, _ y: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_axpy_avx512(Int64(n), a, x, y)
    case .avx2: lk_axpy_avx2(Int64(n), a, x, y)
    case .baseline: lk_axpy_baseline(Int64(n), a, x, y)
    }
  }

  @inline(__always)
  static func max(_ n: Int, _ x: Pointer, _ path: KernelPath) -> Float {
    switch path {
    case .avx512: lk_max_avx512(Int64(n), x)
    case .avx2: lk_max_avx2(Int64(n), x)
    case .baseline: lk_max_baseline(Int64(n), x)
    }
  }

  @inline(__always)
  static func expSum(_ n: Int, scale: Float, shift: Float, _ x: Pointer, _ path: KernelPath)
    -> Float
  {
    switch path {
    case .avx512: lk_exp_sum_avx512(Int64(n), scale, shift, x)
    case .avx2: lk_exp_sum_avx2(Int64(n), scale, shift, x)
    case .baseline: lk_exp_sum_baseline(Int64(n), scale, shift, x)
    }
  }

  @inline(__always)
  static func sumExp(_ n: Int, shift: Float, _ x: Pointer, _ path: KernelPath) -> Float {
    switch path {
    case .avx512: lk_sum_exp_avx512(Int64(n), shift, x)
    case .avx2: lk_sum_exp_avx2(Int64(n), shift, x)
    case .baseline: lk_sum_exp_baseline(Int64(n), shift, x)
    }
  }

  /// Σ exp(x − shift) and Σ (x − shift).
  @inline(__always)
  static func sumExpAndSum(_ n: Int, shift: Float, _ x: Pointer, _ path: KernelPath)
    -> (exponentials: Float, values: Float)
  {
    var sum: Float = 0
    let exponentials =
      switch path {
      case .avx512: lk_sum_exp_and_sum_avx512(Int64(n), shift, x, &sum)
      case .avx2: lk_sum_exp_and_sum_avx2(Int64(n), shift, x, &sum)
      case .baseline: lk_sum_exp_and_sum_baseline(Int64(n), shift, x, &sum)
      }
    return (exponentials, sum)
  }

  /// Replaces x by a · exp(x − shift) − b.
  @inline(__always)
  static func scaledExp(
    _ n: Int, _ a: Float, shift: Float, minus b: Float, _ x: Pointer, _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_scaled_exp_minus_avx512(Int64(n), a, shift, b, x)
    case .avx2: lk_scaled_exp_minus_avx2(Int64(n), a, shift, b, x)
    case .baseline: lk_scaled_exp_minus_baseline(Int64(n), a, shift, b, x)
    }
  }

  @inline(__always)
  static func scaledExp(_ n: Int, _ a: Float, shift: Float, _ x: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_scaled_exp_avx512(Int64(n), a, shift, x)
    case .avx2: lk_scaled_exp_avx2(Int64(n), a, shift, x)
    case .baseline: lk_scaled_exp_baseline(Int64(n), a, shift, x)
    }
  }

  @inline(__always)
  static func softCap(_ n: Int, _ a: Float, _ b: Float, _ x: Pointer, _ path: KernelPath) {
    switch path {
    case .avx512: lk_soft_cap_avx512(Int64(n), a, b, x)
    case .avx2: lk_soft_cap_avx2(Int64(n), a, b, x)
    case .baseline: lk_soft_cap_baseline(Int64(n), a, b, x)
    }
  }

  @inline(__always)
  static func cappedScaledExp(
    _ n: Int, _ a: Float, shift: Float, minus b: Float = 0, cap: Float, _ x: Pointer,
    _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_capped_scaled_exp_avx512(Int64(n), a, shift, b, cap, x)
    case .avx2: lk_capped_scaled_exp_avx2(Int64(n), a, shift, b, cap, x)
    case .baseline: lk_capped_scaled_exp_baseline(Int64(n), a, shift, b, cap, x)
    }
  }

  @inline(__always)
  static func cappedSoftmaxBackward(
    _ n: Int, cap: Float, shift: Float, delta: Float, scale: Float, _ t: Pointer, _ dp: Pointer,
    _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_capped_softmax_backward_avx512(Int64(n), cap, shift, delta, scale, t, dp)
    case .avx2: lk_capped_softmax_backward_avx2(Int64(n), cap, shift, delta, scale, t, dp)
    case .baseline: lk_capped_softmax_backward_baseline(Int64(n), cap, shift, delta, scale, t, dp)
    }
  }

  @inline(__always)
  static func softmaxBackward(
    _ n: Int, delta: Float, scale: Float, _ p: Pointer, _ dp: Pointer, _ path: KernelPath
  ) {
    switch path {
    case .avx512: lk_softmax_backward_avx512(Int64(n), delta, scale, p, dp)
    case .avx2: lk_softmax_backward_avx2(Int64(n), delta, scale, p, dp)
    case .baseline: lk_softmax_backward_baseline(Int64(n), delta, scale, p, dp)
    }
  }

  /// `output[i][j] = rows_j · vectors_i`, each row read once for up to four vectors.
  static func rowProducts(
    _ rows: Matrix, by vectors: Matrix, into output: Matrix, _ path: KernelPath
  ) {
    let (columns, bytes) = (Int64(rows.columns), Int64(4 * rows.stride))
    let (x, y) = (Int64(vectors.stride), Int64(output.stride))
    let limit = Int(LK_VECTORS)
    for first in stride(from: 0, to: rows.rows, by: consecutive.count) {
      let base = rows.row(first)
      let count = Int32(min(consecutive.count, rows.rows - first))
      for vector in stride(from: 0, to: vectors.rows, by: limit) {
        let (from, to) = (vectors.row(vector), output.row(vector) + first)
        let inputs = Int32(min(limit, vectors.rows - vector))
        let type = Int32(LK_F32.rawValue)
        switch path {
        case .avx512:
          lk_multiply_avx512(type, base, bytes, columns, consecutive, count, from, x, inputs, to, y)
        case .avx2:
          lk_multiply_avx2(type, base, bytes, columns, consecutive, count, from, x, inputs, to, y)
        case .baseline:
          lk_multiply_portable(
            type, base, bytes, columns, consecutive, count, from, x, inputs, to, y)
        }
      }
    }
  }

  /// The rows of a stretch of `rowProducts`.
  private static let consecutive = [Int32](0..<64)
}

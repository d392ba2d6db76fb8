/// From the products of one query with the keys that it sees to what its scores weigh, and back.
extension CausalAttention {
  /// Replaces the products `x = q · k` by exp(s − shift).
  ///
  /// - Returns: their sum, and the shift, which is the largest score.
  @inline(__always)
  func exponentials(
    _ n: Int, _ x: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) -> (sum: Float, shift: Float) {
    var scale = scale
    if let softCap {
      // s = cap · tanh(scale · x / cap): the cap takes the place of the scale.
      VectorMath.softCap(n, scale / softCap, 1, x, path)
      scale = softCap
    }
    let shift = scale * VectorMath.max(n, x, path)
    return (VectorMath.expSum(n, scale: scale, shift: shift, x, path), shift)
  }

  /// Replaces the products `x` by p = exp(s − logSumExp), and `dp`, the gradients of p, by those of x.
  ///
  /// - Parameter delta: Σ p · dp.
  @inline(__always)
  func backwardOfWeights(
    _ n: Int, logSumExp: Float, delta: Float, _ x: UnsafeMutablePointer<Float>,
    _ dp: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) {
    if let softCap {
      VectorMath.softCap(n, scale / softCap, 1, x, path)
      VectorMath.cappedSoftmaxBackward(
        n, cap: softCap, shift: logSumExp, delta: delta, scale: scale, x, dp, path)
    } else {
      _ = VectorMath.expSum(n, scale: scale, shift: logSumExp, x, path)
      VectorMath.softmaxBackward(n, delta: delta, scale: scale, x, dp, path)
    }
  }
}

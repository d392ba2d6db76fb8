internal import Kernels

extension LoRAModule {
  /// ‖ΔW‖, the Frobenius norm of `scale · B · A`, without making the product.
  ///
  ///     ‖B A‖² = tr((BᵀB)(A Aᵀ)) = Σ_ij (BᵀB)_ij (A Aᵀ)_ij
  ///
  /// Both Gram matrices are `[rank, rank]`, so it costs rank² · (inputs + outputs) and no memory to speak of. Sums are
  /// in double: the terms cancel where the columns of B are nearly alike. With magnitudes it is what
  /// `MagnitudeVector` found at its last update.
  public var deltaNorm: Double {
    if let magnitude { return magnitude.deltaNorm }
    let count = rank
    var gramB = [Double](repeating: 0, count: count * count)
    for row in 0..<outputs {
      let values = b + row * count
      for i in 0..<count {
        let value = Double(values[i])
        if value == 0 { continue }
        for j in 0...i { gramB[i * count + j] += value * Double(values[j]) }
      }
    }
    var sum = 0.0
    for i in 0..<count {
      for j in 0...i {
        let gramA = Self.dot(a + i * inputs, a + j * inputs, inputs)
        // Both are symmetric: what is off the diagonal counts twice.
        sum += (i == j ? 1 : 2) * gramB[i * count + j] * gramA
      }
    }
    return Double(scale).magnitude * max(0, sum).squareRoot()
  }

  private static func dot(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) -> Double {
    // Four sums, so that an addition need not wait for the one before it.
    var sums = SIMD4<Double>.zero
    var index = 0
    while index + 4 <= count {
      let left = SIMD4(x[index], x[index + 1], x[index + 2], x[index + 3])
      let right = SIMD4(y[index], y[index + 1], y[index + 2], y[index + 3])
      sums += SIMD4<Double>(left) * SIMD4<Double>(right)
      index += 4
    }
    var sum = sums.sum()
    while index < count {
      sum += Double(x[index]) * Double(y[index])
      index += 1
    }
    return sum
  }
}

extension LoRAAdapter {
  /// ‖ΔW‖ of every module, in their order.
  public func deltaNorms() -> [Double] {
    let norms = FloatBuffer(count: modules.count)
    Parallel.run(modules.count) { index, _ in norms.base[index] = Float(modules[index].deltaNorm) }
    return modules.indices.map { Double(norms.base[$0]) }
  }
}

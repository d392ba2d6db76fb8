/// The signed 8-bit dynamic data type, in which double quantisation stores block magnitudes.
///
/// Seven decades, 10⁻⁶ to 1, of which each finer one has half the steps: 2 · (1 + 2 + … + 64) values, and 0 and 1.
///
/// - SeeAlso: Dettmers 2015, "8-Bit Approximations for Parallelism in Deep Learning", arXiv:1511.04561, and
///   `create_dynamic_map` and `quantize_cpu_impl` of bitsandbytes 0.50, whose every bit this follows.
enum DynamicMap {
  /// The 256 values, ascending.
  static let values: [Float] = {
    let scales: [Float] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
    var values: [Float] = [0, 1]
    for (decade, scale) in scales.enumerated() {
      let steps = 1 << decade
      // torch.linspace counts from the nearer end and rounds once.
      let step = (1 - 0.1 as Float) / Float(steps)
      let boundaries = (0...steps).map { i in
        i < (steps + 1) / 2
          ? (0.1 as Float).addingProduct(step, Float(i))
          : (1 as Float).addingProduct(-step, Float(steps - i))
      }
      for (lower, upper) in zip(boundaries, boundaries.dropFirst()) {
        let mean = (lower + upper) / 2
        values += [scale * mean, -(scale * mean)]
      }
    }
    return values.sorted()
  }()

  /// `values` where C can read them for the life of the process.
  nonisolated(unsafe) static let pointer: UnsafePointer<Float> = {
    // Never freed and never written again.
    let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
    copy.initialize(from: values, count: values.count)
    return UnsafePointer(copy)
  }()

  /// The code of each of the 65,536 bins into which [-1, 1] is cut.
  private static let codeOfBin: [UInt8] = {
    let midpoints = zip(values, values.dropFirst()).map { 0.5 * ($0 + $1) }
    var code = 0
    return (0..<65536).map { bin in
      let value = -1 + (2 * Float(bin)) / 65535
      while code < midpoints.count, midpoints[code] < value { code += 1 }
      return UInt8(code)
    }
  }()

  /// Quantises one block: each value over the block's largest magnitude, looked up by bin.
  ///
  /// Close to a midpoint the bin's code can be the neighbour of the nearest one. That is the reference's rule,
  /// and so it is ours.
  ///
  /// - Returns: the block's largest magnitude; of a block of zeros it is 0 and so is every code.
  static func quantize(
    _ values: UnsafeBufferPointer<Float>, into codes: UnsafeMutablePointer<UInt8>
  ) -> Float {
    var magnitude: Float = 0
    for value in values where magnitude < abs(value) { magnitude = abs(value) }
    let inverse = magnitude == 0 ? 0 : 1 / magnitude
    codeOfBin.withUnsafeBufferPointer { codeOfBin in
      for i in 0..<values.count {
        let scaled = values[i] * inverse
        // Neither bound holds for NaN, which gets the code 0.
        let isNumber = scaled == scaled && magnitude != 0
        let clamped = isNumber ? max(-1, min(scaled, 1)) : -1
        codes[i] = isNumber ? codeOfBin[Int((clamped + 1) * 0.5 * 65535 + 0.5)] : 0
      }
    }
    return magnitude
  }
}

internal import CMicroKernels

extension StorageType {
  /// Stores `count` values as this type, choosing the bytes ggml's reference quantisers choose.
  ///
  /// A magnitude beyond what the half-precision scale can hold makes the scale infinite, as there.
  ///
  /// - Parameters:
  ///   - source: `[count]` values.
  ///   - count: elements, a multiple of `blockElements`.
  ///   - bytes: `count / blockElements · blockBytes` bytes, overwritten; needs no alignment.
  public func quantize(
    _ source: UnsafePointer<Float>, count: Int, into bytes: UnsafeMutableRawPointer
  ) {
    quantize(source, count: count, into: bytes, on: .best)
  }

  /// `quantize(_:count:into:)` with the instructions named, which the machine must support.
  func quantize(
    _ source: UnsafePointer<Float>, count: Int, into bytes: UnsafeMutableRawPointer,
    on instructions: InstructionSet
  ) {
    precondition(count >= 0 && count % blockElements == 0, "elements must be whole blocks")
    precondition(isWritable, "this type is only read")
    switch self {
    case .f32:
      bytes.copyMemory(from: source, byteCount: count &* 4)
    case .f16:
      for i in 0..<count {
        bytes.storeBytes(
          of: lk_float_to_half(source[i]), toByteOffset: i &* 2, as: UInt16.self)
      }
    case .bf16:
      for i in 0..<count {
        bytes.storeBytes(
          of: lk_float_to_bfloat(source[i]), toByteOffset: i &* 2, as: UInt16.self)
      }
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0:
      for block in 0..<count / 32 {
        quantizeBlock(source + block &* 32, into: bytes + block &* blockBytes)
      }
    case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .iq4_nl:
      let (type, count) = (Int32(ggufType), Int64(count))
      switch instructions {
      #if arch(x86_64)
        case .avx512: lk_quantize_super_blocks_avx512(type, source, count, bytes)
        case .avx2: lk_quantize_super_blocks_avx2(type, source, count, bytes)
      #endif
      default: lk_quantize_super_blocks_portable(type, source, count, bytes)
      }
    }
  }

  /// Stores the 32 values of one block.
  private func quantizeBlock(_ x: UnsafePointer<Float>, into bytes: UnsafeMutableRawPointer) {
    switch self {
    case .q4_0: quantizeSymmetric(x, bits: 4, into: bytes)
    case .q5_0: quantizeSymmetric(x, bits: 5, into: bytes)
    case .q4_1: quantizeAsymmetric(x, bits: 4, into: bytes)
    case .q5_1: quantizeAsymmetric(x, bits: 5, into: bytes)
    default: quantizeEightBits(x, into: bytes)
    }
  }
}

/// q4_0 and q5_0: the value of largest magnitude, with its sign, gets the code of -8 or -16.
///
///     d = extreme / -2^(bits-1)
///     q = ⌊x / d + 2^(bits-1) + ½⌋, at most 2^bits - 1
private func quantizeSymmetric(
  _ x: UnsafePointer<Float>, bits: Int, into bytes: UnsafeMutableRawPointer
) {
  var magnitude: Float = 0
  var extreme: Float = 0
  for i in 0..<32 where magnitude < abs(x[i]) {
    magnitude = abs(x[i])
    extreme = x[i]
  }
  let half = Float(1 << (bits &- 1))
  let scale = extreme / -half
  let inverse = scale == 0 ? 0 : 1 / scale
  bytes.storeBytes(of: lk_float_to_half(scale), as: UInt16.self)
  storeCodes(bits: bits, into: bytes + 2) { code(x[$0] * inverse + (half + 0.5)) }
}

/// q4_1 and q5_1: the codes span the block from its minimum to its maximum.
///
///     d = (max - min) / (2^bits - 1)
///     q = ⌊(x - min) / d + ½⌋, at most 2^bits - 1
private func quantizeAsymmetric(
  _ x: UnsafePointer<Float>, bits: Int, into bytes: UnsafeMutableRawPointer
) {
  var minimum = x[0]
  var maximum = x[0]
  for i in 1..<32 {
    if x[i] < minimum { minimum = x[i] }
    if x[i] > maximum { maximum = x[i] }
  }
  let scale = (maximum - minimum) / Float((1 << bits) &- 1)
  let inverse = scale == 0 ? 0 : 1 / scale
  bytes.storeBytes(of: lk_float_to_half(scale), as: UInt16.self)
  bytes.storeBytes(of: lk_float_to_half(minimum), toByteOffset: 2, as: UInt16.self)
  storeCodes(bits: bits, into: bytes + 4) { code((x[$0] - minimum) * inverse + 0.5) }
}

/// q8_0: the largest magnitude gets the code ±127; halves are rounded away from zero.
private func quantizeEightBits(_ x: UnsafePointer<Float>, into bytes: UnsafeMutableRawPointer) {
  var magnitude: Float = 0
  for i in 0..<32 where magnitude < abs(x[i]) { magnitude = abs(x[i]) }
  let scale = magnitude / 127
  let inverse = scale == 0 ? 0 : 1 / scale
  bytes.storeBytes(of: lk_float_to_half(scale), as: UInt16.self)
  for i in 0..<32 {
    let scaled = x[i] * inverse
    // Adding ½ could itself round up; the fraction decides instead, and is exact.
    let towardZero = scaled.magnitude < 256 ? Float(Int32(scaled)) : 0
    let fraction = (scaled - towardZero).magnitude
    let step: Float = fraction >= 0.5 && scaled.magnitude < 256 ? (scaled < 0 ? -1 : 1) : 0
    bytes.storeBytes(
      of: Int8(truncatingIfNeeded: Int32(towardZero + step)), toByteOffset: 2 &+ i,
      as: Int8.self)
  }
}

/// The code of a scaled value: its whole part, and 0 for what no code can stand for.
///
/// A block of subnormals has an inverse scale of infinity, and then values of infinity and NaN: C's conversion
/// makes the code 0 of them on x86, where the reference was recorded.
@inline(__always)
private func code(_ scaled: Float) -> Int32 {
  scaled.magnitude < 256 ? Int32(scaled) : 0
}

/// Packs 32 codes: for 5 bits first the 32 fifth bits, then low nibbles, element `i` beside element `i + 16`.
@inline(__always)
private func storeCodes(
  bits: Int, into bytes: UnsafeMutableRawPointer, code: (Int) -> Int32
) {
  let largest = Int32((1 << bits) &- 1)
  var fifths: UInt32 = 0
  let nibbles = bits == 5 ? bytes + 4 : bytes
  for i in 0..<16 {
    let low = UInt32(truncatingIfNeeded: max(0, min(code(i), largest)))
    let high = UInt32(truncatingIfNeeded: max(0, min(code(i &+ 16), largest)))
    fifths |= (low >> 4) << UInt32(i) | (high >> 4) << UInt32(i &+ 16)
    nibbles.storeBytes(
      of: UInt8(truncatingIfNeeded: low & 15 | high << 4), toByteOffset: i, as: UInt8.self)
  }
  if bits == 5 { bytes.storeBytes(of: fifths, as: UInt32.self) }
}

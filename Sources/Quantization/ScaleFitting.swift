internal import CMicroKernels

/// How the scale of a block is chosen, and with it the codes.
public enum ScaleFitting: String, Sendable, CaseIterable {
  /// As ggml's reference quantisers: the range of the block, for the types named K a search.
  case plain
  /// The scale and the minimum, among some and as half precision keeps them, that leave the least squared error; never
  /// more than the plain ones do. Changes no byte of a type that is not made of blocks, or is named K.
  ///
  /// - SeeAlso: `make_qx_quants` of ggml-quants.c, which fits without looking at what half precision makes of it.
  case leastSquares
}

extension StorageType {
  /// Whether `ScaleFitting.leastSquares` can choose other bytes than `.plain`.
  public var isFittable: Bool {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: true
    default: false
    }
  }

  /// Stores `count` values as this type.
  ///
  /// - Parameters:
  ///   - source: `[count]` values.
  ///   - count: elements, a multiple of `blockElements`.
  ///   - bytes: `count / blockElements · blockBytes` bytes, overwritten; needs no alignment.
  ///   - fitting: how scales are chosen.
  public func quantize(
    _ source: UnsafePointer<Float>, count: Int, into bytes: UnsafeMutableRawPointer,
    fitting: ScaleFitting
  ) {
    quantize(source, count: count, into: bytes, fitting: fitting, on: .best)
  }

  /// `quantize(_:count:into:fitting:)` with the instructions named, which the machine must support.
  func quantize(
    _ source: UnsafePointer<Float>, count: Int, into bytes: UnsafeMutableRawPointer,
    fitting: ScaleFitting, on instructions: InstructionSet
  ) {
    quantize(source, count: count, into: bytes, on: instructions)
    guard fitting == .leastSquares, isFittable else { return }
    let (type, count) = (Int32(ggufType), Int64(count))
    switch instructions {
    #if arch(x86_64)
      case .avx512: lk_refit_blocks_avx512(type, source, count, bytes)
      case .avx2: lk_refit_blocks_avx2(type, source, count, bytes)
    #endif
    default: lk_refit_blocks_portable(type, source, count, bytes)
    }
  }
}

internal import CMicroKernels

/// A matrix in NF4, four bits an element, as bitsandbytes keeps it.
///
/// The row-major flattened matrix is cut into blocks of 64, which run across row boundaries; the last may be short.
/// An element is one of sixteen values times its block's largest magnitude:
///
///     w = value[code] · absmax[block]
///
/// With double quantisation the magnitudes are 8-bit codes themselves, in blocks of 256, so that an element costs
/// 4.127 bits instead of 4.5:
///
///     absmax[block] = map[nestedCode] · nestedAbsmax[block / 256] + offset
///
/// Every product and sum is rounded by itself, so the values are the same bits on every CPU.
///
/// - SeeAlso: Dettmers et al. 2023, "QLoRA: Efficient Finetuning of Quantized LLMs", arXiv:2305.14314; bitsandbytes
///   0.50, `functional.quantize_4bit`.
public final class NF4Matrix: @unchecked Sendable {
  // Sendable because nothing is written after `init`, except by an NF4Quantizer that has not given it out yet.

  /// Elements that share a magnitude.
  public static let blockElements = 64

  /// Blocks that share a magnitude of magnitudes.
  public static let nestedBlockElements = 256

  /// The sixteen values that codes stand for, ascending.
  public static let values: [Float] = withUnsafeBytes(of: lk_nf4_values) {
    [Float]($0.bindMemory(to: Float.self))
  }

  /// Rows: output features of a linear layer.
  public let rows: Int

  /// Columns: input features of a linear layer.
  public let columns: Int

  /// Whether block magnitudes are stored in 8 bits.
  public let isDoubleQuantized: Bool

  /// What is added to a decoded magnitude: the mean of all of them; 0 without double quantisation.
  public internal(set) var offset: Float = 0

  /// Two codes a byte, the even element in the high nibble.
  let packed: UnsafeMutablePointer<UInt8>

  /// One code per block, with double quantisation.
  let nestedCodes: UnsafeMutablePointer<UInt8>?

  /// One float per 256 blocks, or without double quantisation one per block.
  let magnitudes: UnsafeMutablePointer<Float>

  /// Allocates a matrix for an `NF4Quantizer` to fill.
  init(unfilledRows rows: Int, columns: Int, doubleQuantized: Bool) {
    let (elements, overflow) = rows.multipliedReportingOverflow(by: columns)
    precondition(
      rows >= 0 && columns >= 0 && !overflow, "a matrix has a shape that can be addressed")
    self.rows = rows
    self.columns = columns
    isDoubleQuantized = doubleQuantized
    packed = .allocate(capacity: elements / 2 + elements % 2)
    let blocks = elements.dividedRoundingUp(by: Self.blockElements)
    nestedCodes = doubleQuantized ? .allocate(capacity: blocks) : nil
    magnitudes = .allocate(
      capacity: doubleQuantized
        ? blocks.dividedRoundingUp(by: Self.nestedBlockElements) : blocks)
  }

  deinit {
    packed.deallocate()
    nestedCodes?.deallocate()
    magnitudes.deallocate()
  }

  /// Elements in all.
  public var count: Int { rows * columns }

  /// Blocks of 64 elements, the last of which may be short.
  public var blockCount: Int { count.dividedRoundingUp(by: Self.blockElements) }

  /// Bytes of the packed elements.
  public var packedByteCount: Int { count / 2 + count % 2 }

  /// Entries of `absmaxFloats`.
  public var absmaxFloatCount: Int {
    isDoubleQuantized
      ? blockCount.dividedRoundingUp(by: Self.nestedBlockElements) : blockCount
  }

  /// Bytes this matrix holds: codes, magnitudes, and the offset.
  public var byteCount: Int {
    packedByteCount + 4 * absmaxFloatCount + (isDoubleQuantized ? blockCount + 4 : 0)
  }

  /// A copy of the packed codes, bitsandbytes' `weight`.
  public var packedCodes: [UInt8] {
    [UInt8](UnsafeBufferPointer(start: packed, count: packedByteCount))
  }

  /// A copy of the magnitudes' 8-bit codes, bitsandbytes' `weight.absmax`.
  ///
  /// Empty without double quantisation.
  public var absmaxCodes: [UInt8] {
    [UInt8](UnsafeBufferPointer(start: nestedCodes, count: nestedCodes == nil ? 0 : blockCount))
  }

  /// A copy of one float per 256 blocks, bitsandbytes' `weight.nested_absmax`.
  ///
  /// Without double quantisation it is one per block, bitsandbytes' `weight.absmax`.
  public var absmaxFloats: [Float] {
    [Float](UnsafeBufferPointer(start: magnitudes, count: absmaxFloatCount))
  }

  /// What the 8-bit codes of magnitudes stand for, bitsandbytes' `weight.nested_quant_map`.
  public static var absmaxMap: [Float] { DynamicMap.values }

  /// The magnitude that block `block` is decoded with.
  public func absmax(ofBlock block: Int) -> Float {
    precondition(block >= 0 && block < blockCount, "no such block")
    guard let nestedCodes else { return magnitudes[block] }
    let product =
      DynamicMap.pointer[Int(nestedCodes[block])]
      * magnitudes[block / Self.nestedBlockElements]
    return product + offset
  }

  /// Writes the values of consecutive rows.
  ///
  /// - Parameters:
  ///   - rows: which rows.
  ///   - values: `[rows.count, columns]`, overwritten.
  public func dequantizeRows(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows, "no such rows")
    dequantize(
      from: rows.lowerBound * columns, count: rows.count * columns, into: values, on: .best)
  }

  /// Writes `count` consecutive elements of the flattened matrix, from the element `first` on.
  func dequantize(
    from first: Int, count: Int, into values: UnsafeMutablePointer<Float>,
    on instructions: InstructionSet
  ) {
    withDescription { matrix in
      let first = Int64(first)
      let count = Int64(count)
      switch instructions {
      #if arch(x86_64)
        case .avx512: lk_nf4_dequantize_avx512(matrix, first, count, values)
        case .avx2: lk_nf4_dequantize_avx2(matrix, first, count, values)
      #endif
      default: lk_nf4_dequantize_portable(matrix, first, count, values)
      }
    }
  }

  /// Calls `body` with this matrix as the C loops see it.
  @inline(__always)
  func withDescription(_ body: (UnsafePointer<lk_nf4>) -> Void) {
    var matrix = lk_nf4(
      packed: packed, codes: nestedCodes, absmax: magnitudes, map: DynamicMap.pointer,
      offset: offset)
    withExtendedLifetime(self) { withUnsafePointer(to: &matrix, body) }
  }
}

extension Int {
  /// `⌈self / divisor⌉` of numbers that are not negative.
  func dividedRoundingUp(by divisor: Int) -> Int {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}

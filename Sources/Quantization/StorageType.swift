/// How a weight's numbers are stored: plain floats, or blocks that share a scale.
///
/// The names and the bytes are GGUF's. A block type holds 32 consecutive elements of a row: a half-precision
/// scale `d`, for the `_1` types a half-precision minimum `m`, then the codes `q` of 4, 5 or 8 bits.
///
///     q4_0, q5_0, q8_0:   x = d · q
///     q4_1, q5_1:         x = d · q + m
///
/// - SeeAlso: ggml, `ggml-common.h` (layout) and `ggml-quants.c` (reference quantisers).
public enum StorageType: String, Sendable, CaseIterable {
  case f32
  case f16
  case bf16
  case q4_0
  case q4_1
  case q5_0
  case q5_1
  case q8_0

  /// The type GGUF numbers `ggufType`, or nil for one that is not read here.
  public init?(ggufType: UInt32) {
    guard let type = Self.allCases.first(where: { $0.ggufType == ggufType }) else { return nil }
    self = type
  }

  /// Elements in one block; 1 where every element stands alone.
  public var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    }
  }

  /// Bytes of one block.
  public var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0: 2 + 16
    case .q4_1: 2 + 2 + 16
    case .q5_0: 2 + 4 + 16
    case .q5_1: 2 + 2 + 4 + 16
    case .q8_0: 2 + 32
    }
  }

  /// The number GGUF gives this type.
  public var ggufType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q5_0: 6
    case .q5_1: 7
    case .q8_0: 8
    case .bf16: 30
    }
  }

  /// Bits per element, scales included.
  public var bitsPerElement: Double { Double(8 * blockBytes) / Double(blockElements) }

  /// Bytes of `count` elements, or nil where they are not whole blocks or too many to address.
  public func byteCount(ofElements count: Int) -> Int? {
    guard count >= 0, count % blockElements == 0 else { return nil }
    let (bytes, overflow) = (count / blockElements).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }

  /// Writes the values of `count` consecutive elements.
  ///
  /// The result is the same, bit for bit, on every CPU and as ggml's reference: `d · q` is exact in single precision,
  /// and `+ m` is rounded once.
  ///
  /// - Parameters:
  ///   - source: the first block; needs no alignment.
  ///   - count: elements, a multiple of `blockElements`.
  ///   - values: `[count]`, overwritten.
  public func dequantize(
    _ source: UnsafeRawPointer, count: Int, into values: UnsafeMutablePointer<Float>
  ) {
    dequantize(source, count: count, into: values, on: .best)
  }
}

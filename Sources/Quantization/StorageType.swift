/// How a weight's numbers are stored: plain floats, or blocks that share a scale.
///
/// The names and the bytes are GGUF's. A block type holds 32 consecutive elements of a row: a half-precision
/// scale `d`, for the `_1` types a half-precision minimum `m`, then the codes `q` of 4, 5 or 8 bits.
///
///     q4_0, q5_0, q8_0:   x = d · q
///     q4_1, q5_1:         x = d · q + m
///     iq4_nl:             x = d · table[q]
///
/// The types named K hold 256 elements, a super-block: a half-precision scale `d`, for some a half-precision minimum
/// `m`, and small whole numbers `s` and `t` that multiply them for each 16 or 32 elements.
///
///     q3_k, q6_k:         x = (d · s) · q
///     q2_k, q4_k, q5_k:   x = (d · s) · q - (m · t)
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
  case q2_k
  case q3_k
  case q4_k
  case q5_k
  case q6_k
  case iq4_nl

  /// The type GGUF numbers `ggufType`, or nil for one that is not read here.
  public init?(ggufType: UInt32) {
    guard let type = Self.allCases.first(where: { $0.ggufType == ggufType }) else { return nil }
    self = type
  }

  /// Elements in one block; 1 where every element stands alone.
  public var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl: 32
    case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k: 256
    }
  }

  /// Elements at multiples of which a tile of a row may begin and end: a block, or a piece of a super-block.
  public var tileElements: Int { min(blockElements, 32) }

  /// Bytes of one block.
  public var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0, .iq4_nl: 2 + 16
    case .q4_1: 2 + 2 + 16
    case .q5_0: 2 + 4 + 16
    case .q5_1: 2 + 2 + 4 + 16
    case .q8_0: 2 + 32
    case .q2_k: 16 + 64 + 2 + 2
    case .q3_k: 32 + 64 + 12 + 2
    case .q4_k: 2 + 2 + 12 + 128
    case .q5_k: 2 + 2 + 12 + 32 + 128
    case .q6_k: 128 + 64 + 16 + 2
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
    case .q2_k: 10
    case .q3_k: 11
    case .q4_k: 12
    case .q5_k: 13
    case .q6_k: 14
    case .iq4_nl: 20
    case .bf16: 30
    }
  }

  /// Whether numbers can be stored as this type; some are only read.
  public var isWritable: Bool {
    switch self {
    case .q2_k, .q3_k, .iq4_nl: false
    default: true
    }
  }

  /// The types numbers can be stored as, in the order of declaration.
  public static let writable = allCases.filter(\.isWritable)

  /// The type for rows of `columns` elements: this one where they are whole blocks of it, else what llama.cpp's
  /// quantiser takes in its place.
  ///
  /// That is the type of blocks of 32 with a little more room, and f16 where 32 does not divide a row either.
  ///
  /// - SeeAlso: `tensor_type_fallback` of llama.cpp's `llama-quant.cpp`.
  public func fitting(columns: Int) -> StorageType {
    if columns.isMultiple(of: blockElements) { return self }
    let fallback: StorageType =
      switch self {
      case .q2_k, .q3_k: .q4_0
      case .q4_k: .q5_0
      case .q5_k: .q5_1
      case .q6_k: .q8_0
      default: .f16
      }
    return columns.isMultiple(of: fallback.blockElements) ? fallback : .f16
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
  /// The result is the same, bit for bit, on every CPU and as ggml's reference: products are exact in single precision,
  /// and the sum or difference with a minimum is rounded once.
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

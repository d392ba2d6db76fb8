public import Quantization

/// How a file stores the elements of a tensor, whether or not Lorikeet computes with it.
///
/// A file with a tensor of a strange type can still be checked, listed and described; only reading
/// that tensor's values needs `storage`.
public struct TensorType: Sendable, Hashable {
  /// As the format spells it: `"Q4_1"`, `"BF16"`, `"IQ2_XS"`, `"I64"`.
  public let name: String
  /// How many consecutive elements of a row are stored together.
  public let blockElements: Int
  /// How many bytes such a block takes.
  public let blockBytes: Int

  /// The type Lorikeet computes with, or nil.
  public var storage: StorageType? { StorageType(rawValue: name.lowercased()) }

  /// The type that `storage` is in a file.
  public init(_ storage: StorageType) {
    self.init(
      name: storage.rawValue.uppercased(), blockElements: storage.blockElements,
      blockBytes: storage.blockBytes)
  }

  init(name: String, blockElements: Int, blockBytes: Int) {
    self.name = name
    self.blockElements = blockElements
    self.blockBytes = blockBytes
  }

  /// How many bytes a tensor of `shape` takes, or nil where the number does not fit an `Int` or a
  /// row is not made of whole blocks.
  public func byteCount(shape: [Int]) -> Int? {
    var elements = 1
    for dimension in shape {
      guard dimension >= 0 else { return nil }
      let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      elements = product
    }
    // Blocks of a GGUF type lie within a row; a packed safetensors type only needs whole bytes.
    guard elements.isMultiple(of: blockElements) else { return nil }
    let (bytes, overflow) = (elements / blockElements).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }

  /// The spellings of the types Lorikeet computes with, for messages.
  public static let supportedNames = StorageType.allCases.map { $0.rawValue.uppercased() }
    .joined(separator: ", ")
}

extension TensorType {
  /// The type a GGUF file means by `number`, or nil where no released version gave it a meaning.
  ///
  /// - SeeAlso: `enum ggml_type` in ggml.h; sizes from `GGML_QUANT_SIZES` of gguf-py 0.19.
  public init?(ggufNumber number: UInt32) {
    guard let row = Self.ggufTypes.first(where: { $0.number == number }) else { return nil }
    self.init(name: row.name, blockElements: row.elements, blockBytes: row.bytes)
  }

  /// The number GGUF files use for this type, or nil where GGUF has none.
  public var ggufNumber: UInt32? {
    Self.ggufTypes.first { $0.name == name }?.number
  }

  private static let ggufTypes: [(number: UInt32, name: String, elements: Int, bytes: Int)] = [
    (0, "F32", 1, 4), (1, "F16", 1, 2), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22), (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (9, "Q8_1", 32, 40),
    (10, "Q2_K", 256, 84), (11, "Q3_K", 256, 110), (12, "Q4_K", 256, 144), (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210), (15, "Q8_K", 256, 292), (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98), (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110), (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136), (24, "I8", 1, 1), (25, "I16", 1, 2), (26, "I32", 1, 4),
    (27, "I64", 1, 8), (28, "F64", 1, 8), (29, "IQ1_M", 256, 56), (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54), (35, "TQ2_0", 256, 66), (39, "MXFP4", 32, 17), (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
  ]
}

extension TensorType {
  /// The type a safetensors header means by `name`, or nil where the format does not know it.
  ///
  /// - SeeAlso: `enum Dtype` of safetensors 0.8.
  public init?(safetensorsName name: String) {
    guard let row = Self.safetensorsTypes.first(where: { $0.name == name }) else { return nil }
    self.init(name: row.name, blockElements: row.elements, blockBytes: row.bytes)
  }

  /// The place of this type in the order safetensors gives its types, or nil where it has none.
  ///
  /// A file holds its tensors in falling order of this number: wide types first, so that each tensor
  /// is aligned.
  var safetensorsRank: Int? {
    Self.safetensorsTypes.firstIndex { $0.name == name }
  }

  /// In the library's order.
  private static let safetensorsTypes: [(name: String, elements: Int, bytes: Int)] = [
    ("BOOL", 1, 1), ("F4", 2, 1), ("F6_E2M3", 4, 3), ("F6_E3M2", 4, 3), ("U8", 1, 1),
    ("I8", 1, 1), ("F8_E5M2", 1, 1), ("F8_E4M3", 1, 1), ("F8_E8M0", 1, 1), ("F8_E4M3FNUZ", 1, 1),
    ("F8_E5M2FNUZ", 1, 1), ("I16", 1, 2), ("U16", 1, 2), ("F16", 1, 2), ("BF16", 1, 2),
    ("I32", 1, 4), ("U32", 1, 4), ("F32", 1, 4), ("C64", 1, 8), ("F64", 1, 8), ("I64", 1, 8),
    ("U64", 1, 8),
  ]
}

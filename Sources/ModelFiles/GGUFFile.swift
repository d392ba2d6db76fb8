/// A GGUF file, version 2 or 3, little-endian: its metadata and where its tensors lie.
///
/// Everything is checked when the file is opened, so that what this type hands out can be used
/// without further doubt: ranges lie in the file, tensors are disjoint and aligned, names are unique.
/// Values are read from the mapping when asked for.
///
/// - SeeAlso: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
public final class GGUFFile: Sendable {
  /// The bytes.
  public let file: MappedFile
  /// 2 or 3; both have one layout.
  public let version: Int
  /// Every tensor starts at a multiple of so many bytes after `dataOffset`.
  public let alignment: Int
  /// Where the tensor data start, counted from the start of the file.
  public let dataOffset: Int
  /// The metadata keys in the file's order.
  public let keys: [String]
  /// The tensors in the file's order.
  public let tensors: [TensorDescription]

  private let entries: [String: GGUFEntry]
  private let tensorIndices: [String: Int]

  /// Opens the file at `path`.
  ///
  /// - Throws: where the file is missing, truncated, damaged, big-endian, or of another version.
  public convenience init(path: String) throws(ModelFileError) {
    try self.init(MappedFile(path: path))
  }

  /// Reads the head of a file that is mapped already.
  ///
  /// - Throws: as `init(path:)`.
  public init(_ file: MappedFile) throws(ModelFileError) {
    var reader = GGUFHeadReader(file)
    let head = try reader.readHead()
    self.file = file
    version = head.version
    alignment = head.alignment
    dataOffset = head.dataOffset
    keys = head.keys
    entries = head.entries
    tensors = head.tensors
    tensorIndices = head.tensorIndices
  }

  /// The metadata value of `key`, or nil where the file has none.
  public func value(_ key: String) -> GGUFValue? {
    entries[key]?.value(in: file)
  }

  /// The tensor with the file's own name `name`, or nil.
  public func tensor(named name: String) -> TensorDescription? {
    tensorIndices[name].map { tensors[$0] }
  }

  /// Whether the file starts as a GGUF file does.
  public static func hasMagic(_ file: MappedFile) -> Bool {
    file.count >= 4 && file.bytes.prefix(4).elementsEqual("GGUF".utf8)
  }
}

/// Where a metadata value lies.
struct GGUFEntry: Sendable {
  let type: GGUFValueType
  /// The bytes of the value; of a string without its length; of an array without its head.
  let range: Range<Int>
  /// Of an array, the type and the number of its elements.
  let elementType: GGUFValueType?
  let count: Int

  /// The value, read from the file this entry was found in.
  func value(in file: MappedFile) -> GGUFValue {
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> T {
      T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }
    switch type {
    case .uint8: return .uint8(load(UInt8.self))
    case .int8: return .int8(load(Int8.self))
    case .uint16: return .uint16(load(UInt16.self))
    case .int16: return .int16(load(Int16.self))
    case .uint32: return .uint32(load(UInt32.self))
    case .int32: return .int32(load(Int32.self))
    case .float32: return .float32(Float(bitPattern: load(UInt32.self)))
    case .bool: return .bool(load(UInt8.self) != 0)
    case .string: return .string([UInt8](file.bytes[range]))
    case .uint64: return .uint64(load(UInt64.self))
    case .int64: return .int64(load(Int64.self))
    case .float64: return .float64(Double(bitPattern: load(UInt64.self)))
    case .array:
      return .array(
        GGUFArray(
          elementType: elementType ?? .uint8, count: count,
          encoded: [UInt8](file.bytes[range])))
    }
  }
}

public import Serialization

/// One safetensors file: its metadata and where its tensors lie.
///
/// The format promises that tensors fill the file without hole or overlap; a file that breaks the
/// promise is refused when opened, as the reference library refuses it.
///
/// - SeeAlso: https://github.com/huggingface/safetensors#format
public final class SafetensorsFile: Sendable {
  /// The bytes.
  public let file: MappedFile
  /// The strings under `__metadata__`; empty where the file has none.
  public let metadata: JSONObject
  /// The tensors in the order of their bytes.
  public let tensors: [TensorDescription]
  /// Where the tensor data start: 8 bytes of length and the header lie before.
  public let dataOffset: Int

  private let tensorIndices: [String: Int]

  /// The reference library reads no longer header.
  static let maximumHeaderLength = 100_000_000

  /// Opens the file at `path`.
  ///
  /// - Throws: where the file is missing, truncated, or lies about its tensors.
  public convenience init(path: String) throws(ModelFileError) {
    try self.init(MappedFile(path: path))
  }

  /// Reads the header of a file that is mapped already.
  ///
  /// - Throws: as `init(path:)`.
  public init(_ file: MappedFile) throws(ModelFileError) {
    let header = try SafetensorsHeader(file)
    self.file = file
    metadata = header.metadata
    tensors = header.tensors
    dataOffset = header.dataOffset
    tensorIndices = header.tensorIndices
  }

  /// The tensor `name`, or nil.
  public func tensor(named name: String) -> TensorDescription? {
    tensorIndices[name].map { tensors[$0] }
  }
}

/// The header of a safetensors file, checked against the file's size before it is believed.
struct SafetensorsHeader {
  private(set) var metadata = JSONObject()
  private(set) var tensors: [TensorDescription] = []
  private(set) var tensorIndices: [String: Int] = [:]
  let dataOffset: Int
  private let path: String

  init(_ file: MappedFile) throws(ModelFileError) {
    path = file.path
    var reader = ByteReader(file)
    let claimed = try reader.integer(UInt64.self, "the length of the header")
    guard claimed <= UInt64(SafetensorsFile.maximumHeaderLength) else {
      throw .malformed(
        path: path, place: "the length of the header",
        problem: "is \(claimed) bytes, more than the \(SafetensorsFile.maximumHeaderLength) "
          + "the format allows")
    }
    let length = Int(claimed)
    let start = try reader.advance(length, "the header of \(claimed) bytes")
    dataOffset = start + length
    let root: JSONValue
    do throws(JSONError) {
      root = try JSON.parse(UnsafeRawBufferPointer(rebasing: file.bytes[start..<dataOffset]))
    } catch {
      throw .malformed(path: path, place: "the header", problem: "is not JSON (\(error))")
    }
    guard let object = root.objectValue else {
      throw .malformed(
        path: path, place: "the header", problem: "is \(root.kindDescription), not an object")
    }
    for member in object {
      if member.key == "__metadata__" {
        metadata = try Self.metadata(member.value, path)
      } else {
        tensors.append(try describe(member.key, member.value))
      }
    }
    tensors.sort {
      ($0.byteOffset, $0.byteOffset + $0.byteCount) < ($1.byteOffset, $1.byteOffset + $1.byteCount)
    }
    try checkLayout(fileSize: file.count)
    for (index, tensor) in tensors.enumerated() {
      // JSON refused equal keys already; these are equal to Swift and differ in their bytes.
      guard tensorIndices.updateValue(index, forKey: tensor.name) == nil else {
        throw .malformed(path: path, place: "tensor \(tensor.name)", problem: "occurs twice")
      }
    }
  }

  private static func metadata(
    _ value: JSONValue, _ path: String
  ) throws(ModelFileError) -> JSONObject {
    guard let object = value.objectValue, object.values.allSatisfy({ $0.stringValue != nil })
    else {
      throw .malformed(
        path: path, place: "__metadata__ in the header", problem: "is not an object of strings")
    }
    return object
  }

  private func describe(
    _ name: String, _ value: JSONValue
  ) throws(ModelFileError) -> TensorDescription {
    let place = "tensor \(name) in the header"
    guard let dtype = value["dtype"]?.stringValue, let shape = Self.sizes(value["shape"]),
      let range = Self.sizes(value["data_offsets"]), range.count == 2, range[0] <= range[1]
    else {
      throw .malformed(
        path: path, place: place,
        problem: "lacks a dtype, a shape of whole numbers, or data_offsets of two rising numbers")
    }
    guard let type = TensorType(safetensorsName: dtype) else {
      throw .unsupported(
        path: path, problem: "\(place) has the dtype \(dtype), which safetensors does not define",
        remedy: "save the model again with F32, F16 or BF16")
    }
    guard let byteCount = type.byteCount(shape: shape) else {
      throw .malformed(
        path: path, place: place, problem: "of shape \(shape) cannot be stored as \(type.name)")
    }
    guard range[1] - range[0] == byteCount else {
      throw .malformed(
        path: path, place: place,
        problem: "takes \(range[1] - range[0]) bytes, but \(shape) of \(type.name) "
          + "takes \(byteCount)")
    }
    let (offset, overflow) = dataOffset.addingReportingOverflow(range[0])
    guard !overflow, !offset.addingReportingOverflow(byteCount).overflow else {
      throw .malformed(
        path: path, place: place, problem: "starts at \(range[0]), beyond any file")
    }
    return TensorDescription(
      name: name, shape: shape, type: type, byteOffset: offset, byteCount: byteCount)
  }

  /// Whole numbers that are not negative, written without fraction, or nil.
  private static func sizes(_ value: JSONValue?) -> [Int]? {
    guard let elements = value?.arrayValue else { return nil }
    var sizes: [Int] = []
    for element in elements {
      guard case .integer(let size) = element, size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  private func checkLayout(fileSize: Int) throws(ModelFileError) {
    var end = dataOffset
    for tensor in tensors {
      guard tensor.byteOffset == end else {
        throw .malformed(
          path: path, place: "tensor \(tensor.name)",
          problem: "starts at byte \(tensor.byteOffset), but the tensors before it end at \(end)")
      }
      end += tensor.byteCount
    }
    guard end <= fileSize else {
      let place = tensors.last { $0.byteCount > 0 }.map { "tensor \($0.name)" } ?? "the header"
      throw .truncated(path: path, place: place, needed: end, fileSize: fileSize)
    }
    guard end == fileSize else {
      throw .malformed(
        path: path, place: "the end",
        problem: "has \(fileSize - end) bytes that belong to no tensor")
    }
  }
}

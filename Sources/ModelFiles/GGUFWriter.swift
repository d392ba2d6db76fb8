/// Writes a GGUF version 3 file: the head at once, then the tensors' bytes as they come.
///
/// The file appears under its name with `commit`; until then nothing of it is to be seen.
///
/// - SeeAlso: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
public final class GGUFWriter {
  private let file: AtomicFile
  private let alignment: Int
  private var layout: TensorByteCounts

  /// How many bytes have been written so far.
  public var byteCount: Int { file.count }

  /// Starts the file and writes its head.
  ///
  /// - Parameters:
  ///   - metadata: keys and values in the order to be written; `general.alignment` is added where
  ///     `alignment` is not the format's 32, and must not be among them.
  ///   - tensors: in the order in which their bytes will come.
  ///   - replacing: whether a file that exists may be replaced.
  /// - Throws: `.alreadyExists`, `.notWritten`, or `.invalidRequest` for a type GGUF does not have.
  public init(
    path: String, metadata: [(key: String, value: GGUFValue)], tensors: [PlannedTensor],
    alignment: Int = 32, replacing: Bool = false
  ) throws(ModelFileError) {
    precondition(alignment > 0 && alignment & (alignment - 1) == 0, "not a power of two")
    var entries = metadata
    if alignment != 32 { entries.append(("general.alignment", .uint32(UInt32(alignment)))) }
    precondition(Set(entries.map(\.key)).count == entries.count, "a metadata key occurs twice")
    precondition(Set(tensors.map(\.name)).count == tensors.count, "a tensor name occurs twice")
    var head: [UInt8] = Array("GGUF".utf8)
    head.appendLittleEndian(UInt32(3))
    head.appendLittleEndian(UInt64(tensors.count))
    head.appendLittleEndian(UInt64(entries.count))
    for (key, value) in entries {
      head.appendGGUFString(Array(key.utf8))
      head.appendLittleEndian(value.type.rawValue)
      head.appendGGUF(value)
    }
    var byteCounts: [Int] = []
    var offset = 0
    for tensor in tensors {
      guard let number = tensor.type.ggufNumber else {
        throw .invalidRequest(
          path: path, problem: "GGUF cannot store tensor \(tensor.name) as \(tensor.type.name)",
          remedy: "choose another type")
      }
      let byteCount = try tensor.byteCount(in: path)
      head.appendGGUFString(Array(tensor.name.utf8))
      head.appendLittleEndian(UInt32(tensor.shape.count))
      for dimension in tensor.shape.reversed() { head.appendLittleEndian(UInt64(dimension)) }
      head.appendLittleEndian(number)
      head.appendLittleEndian(UInt64(offset))
      byteCounts.append(byteCount)
      offset += byteCount + Self.padding(byteCount, alignment)
    }
    head += [UInt8](repeating: 0, count: Self.padding(head.count, alignment))
    self.alignment = alignment
    layout = TensorByteCounts(byteCounts)
    file = try AtomicFile(path: path, replacing: replacing)
    try file.write(head)
  }

  /// Appends bytes of the tensors, one tensor after the other, in any pieces that end where a tensor
  /// ends.
  ///
  /// - Throws: `.notWritten`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    try file.write(bytes)
    if let completed = layout.advance(bytes.count) {
      try file.write([UInt8](repeating: 0, count: Self.padding(completed, alignment)))
    }
  }

  /// Makes the file appear under its name, once every tensor has been written.
  ///
  /// - Throws: `.notWritten`; nothing is left behind then.
  public func commit() throws(ModelFileError) {
    precondition(layout.isComplete, "a tensor has not been written")
    try file.commit()
  }

  private static func padding(_ count: Int, _ alignment: Int) -> Int {
    (alignment - count % alignment) % alignment
  }
}

/// Counts the bytes of tensors written one after another.
struct TensorByteCounts {
  private let byteCounts: [Int]
  private var index = 0
  private var written = 0

  init(_ byteCounts: [Int]) {
    self.byteCounts = byteCounts
  }

  /// Whether every tensor that has bytes is written.
  var isComplete: Bool { byteCounts[index...].allSatisfy { $0 == 0 } && written == 0 }

  /// Counts `count` more bytes; returns the size of the tensor they complete, or nil.
  mutating func advance(_ count: Int) -> Int? {
    guard count > 0 else { return nil }
    while index < byteCounts.count, byteCounts[index] == 0 { index += 1 }
    precondition(
      index < byteCounts.count && written + count <= byteCounts[index],
      "bytes beyond the end of a tensor")
    written += count
    guard written == byteCounts[index] else { return nil }
    defer {
      index += 1
      written = 0
    }
    return byteCounts[index]
  }
}

extension [UInt8] {
  fileprivate mutating func appendGGUFString(_ bytes: [UInt8]) {
    appendLittleEndian(UInt64(bytes.count))
    self += bytes
  }

  fileprivate mutating func appendGGUF(_ value: GGUFValue) {
    switch value {
    case .uint8(let value): append(value)
    case .int8(let value): append(UInt8(bitPattern: value))
    case .uint16(let value): appendLittleEndian(value)
    case .int16(let value): appendLittleEndian(value)
    case .uint32(let value): appendLittleEndian(value)
    case .int32(let value): appendLittleEndian(value)
    case .float32(let value): appendLittleEndian(value.bitPattern)
    case .bool(let value): append(value ? 1 : 0)
    case .string(let bytes): appendGGUFString(bytes)
    case .uint64(let value): appendLittleEndian(value)
    case .int64(let value): appendLittleEndian(value)
    case .float64(let value): appendLittleEndian(value.bitPattern)
    case .array(let array):
      appendLittleEndian(array.elementType.rawValue)
      appendLittleEndian(UInt64(array.count))
      self += array.encoded
    }
  }
}

/// Reads everything before the tensor data of a GGUF file, trusting none of it.
struct GGUFHeadReader {
  /// What the head of a sound file says.
  struct Head {
    var version = 0
    var alignment = 32
    var dataOffset = 0
    var keys: [String] = []
    var entries: [String: GGUFEntry] = [:]
    var tensors: [TensorDescription] = []
    var tensorIndices: [String: Int] = [:]
  }

  /// The format allows keys of so many bytes; no file comes near it.
  static let maximumKeyLength = 65_535
  /// Longer names than ggml's 63 bytes occur in adapters; this bounds what a message may have to print.
  static let maximumNameLength = 1_024
  /// ggml's `GGML_MAX_DIMS`.
  static let maximumDimensions = 4
  /// Arrays within arrays occur in no known file; this bounds the recursion.
  static let maximumArrayDepth = 4

  private let file: MappedFile
  private var reader: ByteReader
  private var head = Head()

  init(_ file: MappedFile) {
    self.file = file
    reader = ByteReader(file)
  }

  /// Reads the whole head.
  mutating func readHead() throws(ModelFileError) -> Head {
    guard GGUFFile.hasMagic(file) else {
      throw .malformed(
        path: file.path, place: "the start", problem: "is not \"GGUF\", so this is no GGUF file")
    }
    try reader.advance(4, "the magic number")
    try readVersion()
    // The least a tensor takes: length of the name, number of dimensions, type, offset.
    // The least a metadata entry takes: length of the key, a key of one byte, type, value of one byte.
    let tensorCount = try reader.count(ofThingsTaking: 24, "the number of tensors")
    let entryCount = try reader.count(ofThingsTaking: 14, "the number of metadata entries")
    for index in 0..<entryCount { try readEntry(index) }
    try readAlignment()
    var offsets: [Int] = []
    for index in 0..<tensorCount { offsets.append(try readTensor(index)) }
    try placeTensors(offsets)
    return head
  }

  private mutating func readVersion() throws(ModelFileError) {
    let version = try reader.integer(UInt32.self, "the version")
    guard version & 0xFFFF != 0 || version == 0 else {
      throw .unsupported(
        path: file.path, problem: "is a big-endian GGUF file",
        remedy: "convert it to little-endian with gguf-convert-endian")
    }
    guard version == 2 || version == 3 else {
      throw .unsupported(
        path: file.path, problem: "is GGUF version \(version), and Lorikeet reads versions 2 and 3",
        remedy: "convert the model again with a current llama.cpp")
    }
    head.version = Int(version)
  }

  private mutating func readEntry(_ index: Int) throws(ModelFileError) {
    let range = try reader.string("the key of metadata entry \(index)")
    guard (1...Self.maximumKeyLength).contains(range.count), let key = file.text(range) else {
      throw .malformed(
        path: file.path, place: "the key of metadata entry \(index), at byte \(range.lowerBound),",
        problem: "is not UTF-8 text of 1 to \(Self.maximumKeyLength) bytes")
    }
    let type = try valueType("the type of metadata \(key)")
    let entry: GGUFEntry
    switch type {
    case .string:
      let value = try reader.string("metadata \(key)")
      entry = GGUFEntry(type: type, range: value, elementType: nil, count: 1)
    case .array:
      entry = try readArray(key, depth: 1)
    default:
      let start = try reader.advance(type.byteCount ?? 1, "metadata \(key)")
      if type == .bool { try checkBooleans(start..<reader.offset, key) }
      entry = GGUFEntry(type: type, range: start..<reader.offset, elementType: nil, count: 1)
    }
    guard head.entries.updateValue(entry, forKey: key) == nil else {
      throw .malformed(path: file.path, place: "metadata \(key)", problem: "occurs twice")
    }
    head.keys.append(key)
  }

  private mutating func readArray(
    _ key: String, depth: Int
  ) throws(ModelFileError) -> GGUFEntry {
    let type = try valueType("the element type of metadata \(key)")
    let leastBytes = type.byteCount ?? (type == .string ? 8 : 12)
    let count = try reader.count(ofThingsTaking: leastBytes, "the length of metadata \(key)")
    let start = reader.offset
    switch type {
    case .string:
      for index in 0..<count { _ = try reader.string("element \(index) of metadata \(key)") }
    case .array:
      guard depth < Self.maximumArrayDepth else {
        throw .malformed(
          path: file.path, place: "metadata \(key)",
          problem: "nests arrays more than \(Self.maximumArrayDepth) deep")
      }
      for _ in 0..<count { _ = try readArray(key, depth: depth + 1) }
    default:
      try reader.advance(count * leastBytes, "metadata \(key)")
      if type == .bool { try checkBooleans(start..<reader.offset, key) }
    }
    return GGUFEntry(type: .array, range: start..<reader.offset, elementType: type, count: count)
  }

  private func checkBooleans(_ range: Range<Int>, _ key: String) throws(ModelFileError) {
    for byte in file.bytes[range] where byte > 1 {
      throw .malformed(
        path: file.path, place: "metadata \(key)",
        problem: "holds \(byte) where a truth value is 0 or 1")
    }
  }

  private mutating func valueType(
    _ place: @autoclosure () -> String
  ) throws(ModelFileError) -> GGUFValueType {
    let number = try reader.integer(UInt32.self, place())
    guard let type = GGUFValueType(rawValue: number) else {
      throw .malformed(
        path: file.path, place: place(), problem: "is \(number), and GGUF knows 0 to 12")
    }
    return type
  }

  private mutating func readAlignment() throws(ModelFileError) {
    guard let entry = head.entries["general.alignment"] else { return }
    guard let alignment = entry.value(in: file).intValue, alignment > 0,
      alignment & (alignment - 1) == 0, alignment <= 1 << 30
    else {
      throw .malformed(
        path: file.path, place: "metadata general.alignment",
        problem: "is not a power of two between 1 and 2^30")
    }
    head.alignment = alignment
  }
}

extension GGUFHeadReader {
  /// Reads one tensor's name, shape and type, and returns its offset within the tensor data.
  private mutating func readTensor(_ index: Int) throws(ModelFileError) -> Int {
    let range = try reader.string("the name of tensor \(index)")
    guard (1...Self.maximumNameLength).contains(range.count), let name = file.text(range) else {
      throw .malformed(
        path: file.path, place: "the name of tensor \(index), at byte \(range.lowerBound),",
        problem: "is not UTF-8 text of 1 to \(Self.maximumNameLength) bytes")
    }
    let place = "tensor \(name)"
    let rank = try reader.integer(UInt32.self, place)
    guard rank <= UInt32(Self.maximumDimensions) else {
      throw .malformed(
        path: file.path, place: place,
        problem: "claims \(rank) dimensions, and GGUF allows \(Self.maximumDimensions)")
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let dimension = try reader.integer(UInt64.self, place)
      guard let size = Int(exactly: dimension), size > 0 else {
        throw .malformed(path: file.path, place: place, problem: "has a dimension of \(dimension)")
      }
      // ggml names the fastest dimension first, Hugging Face last.
      shape.insert(size, at: 0)
    }
    let number = try reader.integer(UInt32.self, place)
    guard let type = TensorType(ggufNumber: number) else {
      throw .unsupported(
        path: file.path,
        problem: "\(place) has the type number \(number), which GGUF does not define",
        remedy: "convert the model again with a current llama.cpp")
    }
    let claimedOffset = try reader.integer(UInt64.self, place)
    guard (shape.last ?? 1).isMultiple(of: type.blockElements),
      let byteCount = type.byteCount(shape: shape)
    else {
      throw .malformed(
        path: file.path, place: place,
        problem: "of shape \(shape) cannot be stored as \(type.name)")
    }
    guard let offset = Int(exactly: claimedOffset), offset.isMultiple(of: head.alignment) else {
      throw .malformed(
        path: file.path, place: place,
        problem: "starts at \(claimedOffset), which is not a multiple of \(head.alignment)")
    }
    guard head.tensorIndices.updateValue(index, forKey: name) == nil else {
      throw .malformed(path: file.path, place: place, problem: "occurs twice")
    }
    head.tensors.append(
      TensorDescription(
        name: name, shape: shape, type: type, byteOffset: 0, byteCount: byteCount))
    return offset
  }

  /// Turns offsets within the tensor data into offsets within the file, and checks the layout.
  private mutating func placeTensors(_ offsets: [Int]) throws(ModelFileError) {
    let padding = (head.alignment - reader.offset % head.alignment) % head.alignment
    head.dataOffset = reader.offset + padding
    for (index, offset) in offsets.enumerated() {
      let tensor = head.tensors[index]
      let (start, startOverflow) = head.dataOffset.addingReportingOverflow(offset)
      let (end, endOverflow) = start.addingReportingOverflow(tensor.byteCount)
      guard !startOverflow, !endOverflow, end <= file.count else {
        throw .truncated(
          path: file.path, place: "tensor \(tensor.name)",
          needed: startOverflow || endOverflow ? Int.max : end, fileSize: file.count)
      }
      head.tensors[index] = TensorDescription(
        name: tensor.name, shape: tensor.shape, type: tensor.type, byteOffset: start,
        byteCount: tensor.byteCount)
    }
    if let (first, second) = head.tensors.overlappingPair() {
      throw .malformed(
        path: file.path, place: "tensor \(second.name)",
        problem: "starts inside tensor \(first.name)")
    }
  }
}

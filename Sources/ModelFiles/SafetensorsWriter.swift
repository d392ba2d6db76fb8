public import Serialization

/// Writes a safetensors file with the bytes the reference library would write.
///
/// The library orders tensors by type, wide types first, and then by name, so the caller has to give
/// their bytes in the order of `tensors`.
///
/// - SeeAlso: `prepare` and `serialize` in safetensors 0.8, `safetensors/src/tensor.rs`.
public final class SafetensorsWriter {
  /// The tensors in the order in which their bytes are to come.
  public let tensors: [PlannedTensor]
  /// How many bytes all tensors take.
  public let tensorByteCount: Int

  private let file: AtomicFile
  private var layout: TensorByteCounts

  /// Starts the file and writes its header.
  ///
  /// - Parameters:
  ///   - metadata: strings, written under `__metadata__`; left out where empty. `{"format": "pt"}` is
  ///     what PyTorch's loaders ask for.
  ///   - tensors: in any order.
  ///   - replacing: whether a file that exists may be replaced.
  /// - Throws: `.alreadyExists`, `.notWritten`, or `.invalidRequest` for a type the format lacks.
  public init(
    path: String, metadata: JSONObject = ["format": "pt"], tensors: [PlannedTensor],
    replacing: Bool = false
  ) throws(ModelFileError) {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "a tensor name occurs twice")
    var ranked: [(rank: Int, tensor: PlannedTensor)] = []
    for tensor in tensors {
      guard let rank = tensor.type.safetensorsRank else {
        throw .invalidRequest(
          path: path,
          problem: "safetensors cannot store tensor \(tensor.name) as \(tensor.type.name)",
          remedy: "choose f32, f16 or bf16, or write a .gguf file")
      }
      ranked.append((rank, tensor))
    }
    ranked.sort { first, second in
      first.rank != second.rank
        ? first.rank > second.rank
        : first.tensor.name.utf8.lexicographicallyPrecedes(second.tensor.name.utf8)
    }
    self.tensors = ranked.map(\.tensor)
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.members.map { "\(Self.quoted($0.key)):\($0.value.serialized())" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var byteCounts: [Int] = []
    var end = 0
    for tensor in self.tensors {
      let byteCount = try tensor.byteCount(in: path)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.name)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(end),\(end + byteCount)]}")
      byteCounts.append(byteCount)
      end += byteCount
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    var length: [UInt8] = []
    length.appendLittleEndian(UInt64(header.count))
    tensorByteCount = end
    layout = TensorByteCounts(byteCounts)
    file = try AtomicFile(path: path, replacing: replacing)
    try file.write(length + header)
  }

  /// Appends bytes of the tensors, one tensor after the other, in any pieces that end where a tensor
  /// ends.
  ///
  /// - Throws: `.notWritten`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    _ = layout.advance(bytes.count)
    try file.write(bytes)
  }

  /// Makes the file appear under its name, once every tensor has been written.
  ///
  /// - Throws: `.notWritten`; nothing is left behind then.
  public func commit() throws(ModelFileError) {
    precondition(layout.isComplete, "a tensor has not been written")
    try file.commit()
  }

  private static func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }
}

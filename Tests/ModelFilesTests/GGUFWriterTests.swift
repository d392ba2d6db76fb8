import ModelFiles
import Quantization
import TestSupport
import Testing

@Suite("GGUF writer")
struct GGUFWriterTests {
  @Test("a copy of every metadata and tensor type reads back equal", arguments: [32, 64, 8])
  func copyReadsBackEqual(_ alignment: Int) throws {
    let source = try GGUFFile(path: Fixture.path("modelfiles/values.gguf"))
    let folder = try ScratchFolder()
    var metadata: [(key: String, value: GGUFValue)] = []
    for key in source.keys where key != "general.alignment" {
      metadata.append((key, try #require(source.value(key))))
    }
    let writer = try GGUFWriter(
      path: folder.path("out.gguf"), metadata: metadata,
      tensors: source.tensors.map {
        PlannedTensor(name: $0.name, shape: $0.shape, type: $0.type)
      }, alignment: alignment)
    for tensor in source.tensors {
      let end = tensor.byteOffset + tensor.byteCount
      let middle = tensor.byteOffset + tensor.byteCount / 3
      try writer.write(
        UnsafeRawBufferPointer(rebasing: source.file.bytes[tensor.byteOffset..<middle]))
      try writer.write(UnsafeRawBufferPointer(rebasing: source.file.bytes[middle..<end]))
    }
    try writer.commit()

    let copy = try GGUFFile(path: folder.path("out.gguf"))
    #expect(copy.version == 3)
    #expect(copy.alignment == alignment)
    for (key, value) in metadata { #expect(copy.value(key) == value, "\(key)") }
    #expect(copy.tensors.map(\.name) == source.tensors.map(\.name))
    for (first, second) in zip(copy.tensors, source.tensors) {
      #expect(first.shape == second.shape)
      #expect(first.type == second.type)
      #expect(
        copy.file.bytes[first.byteOffset..<first.byteOffset + first.byteCount].elementsEqual(
          source.file.bytes[second.byteOffset..<second.byteOffset + second.byteCount]))
    }
  }

  @Test("a row that is not whole blocks is refused before anything is written")
  func partialBlocksAreRefused() throws {
    let folder = try ScratchFolder()
    let path = folder.path("out.gguf")
    let tensor = PlannedTensor(name: "w", shape: [2, 48], type: TensorType(.q8_0))
    let text = message { _ = try GGUFWriter(path: path, metadata: [], tensors: [tensor]) }
    #expect(
      text == "\(path): tensor w of shape [2, 48] cannot be stored as Q8_0; choose another type")
    #expect(try folder.names() == [])
  }

  @Test("arrays made in memory read back", arguments: [0, 1, 5])
  func arraysReadBack(_ count: Int) {
    let strings = (0..<count).map { [UInt8](repeating: 0xFF, count: $0) }
    #expect(GGUFArray(strings).strings == strings)
    #expect(GGUFArray((0..<count).map { Int32(-$0) }).integers == (0..<count).map { -$0 })
    #expect(
      GGUFArray((0..<count).map { Float($0) / 3 }).floats == (0..<count).map { Float($0) / 3 })
  }
}

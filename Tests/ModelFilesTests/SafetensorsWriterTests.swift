import ModelFiles
import Quantization
import Serialization
import TestSupport
import Testing

@Suite("Safetensors writer")
struct SafetensorsWriterTests {
  @Test(
    "writes the very bytes the reference library writes",
    arguments: ["types.safetensors", "tiny/model.safetensors"])
  func writesReferenceBytes(_ name: String) throws {
    let source = try SafetensorsFile(path: Fixture.path("modelfiles/\(name)"))
    let folder = try ScratchFolder()
    // In the reverse of the file's order: the writer has to find the order itself.
    let planned = source.tensors.reversed().map {
      PlannedTensor(name: $0.name, shape: $0.shape, type: $0.type)
    }
    let writer = try SafetensorsWriter(path: folder.path("out"), tensors: planned)
    for tensor in writer.tensors {
      let original = try #require(source.tensor(named: tensor.name))
      let end = original.byteOffset + original.byteCount
      try writer.write(
        UnsafeRawBufferPointer(rebasing: source.file.bytes[original.byteOffset..<end]))
    }
    try writer.commit()
    #expect(try folder.bytes("out") == Fixture.bytes("modelfiles/\(name)"))
  }

  @Test("metadata are written where there are any", arguments: [true, false])
  func metadata(_ hasMetadata: Bool) throws {
    let folder = try ScratchFolder()
    let metadata: JSONObject = hasMetadata ? ["a \"b\"": "c\n"] : [:]
    let writer = try SafetensorsWriter(path: folder.path("out"), metadata: metadata, tensors: [])
    try writer.commit()
    #expect(try SafetensorsFile(path: folder.path("out")).metadata == metadata)
  }

  @Test("a block type is refused with a remedy, and nothing is left behind")
  func blockTypesAreRefused() throws {
    let folder = try ScratchFolder()
    let path = folder.path("out")
    let text = message {
      _ = try SafetensorsWriter(
        path: path, tensors: [PlannedTensor(name: "w", shape: [32], type: TensorType(.q8_0))])
    }
    #expect(
      text
        == "\(path): safetensors cannot store tensor w as Q8_0; "
        + "choose f32, f16 or bf16, or write a .gguf file")
    #expect(try folder.names() == [])
  }
}

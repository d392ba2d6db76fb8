import Foundation
import ModelFiles
import Quantization
import TestSupport
import Testing

@Suite("GGUF file")
struct GGUFFileTests {
  @Test("every metadata type reads back as gguf-py wrote it")
  func everyMetadataTypeReadsBack() throws {
    let file = try GGUFFile(path: Fixture.path("modelfiles/values.gguf"))
    #expect(file.version == 3)
    #expect(file.alignment == 64)
    #expect(file.value("general.architecture") == .string("llama"))
    #expect(file.value("value.uint8") == .uint8(200))
    #expect(file.value("value.int8") == .int8(-100))
    #expect(file.value("value.uint16") == .uint16(60_000))
    #expect(file.value("value.int16") == .int16(-30_000))
    #expect(file.value("value.uint32") == .uint32(4_000_000_000))
    #expect(file.value("value.int32") == .int32(-2_000_000_000))
    #expect(file.value("value.float32") == .float32(1e-5))
    #expect(file.value("value.float32")?.doubleValue == 1e-5)
    #expect(file.value("value.bool") == .bool(true))
    #expect(file.value("value.string")?.stringValue == "naïve ☃")
    #expect(file.value("value.uint64") == .uint64(1 << 63 + 5))
    #expect(file.value("value.uint64")?.intValue == nil)
    #expect(file.value("value.int64") == .int64(-(1 << 62)))
    #expect(file.value("value.float64") == .float64(0.1))
    #expect(file.value("value.absent") == nil)
  }

  @Test("every kind of array reads back as gguf-py wrote it")
  func everyKindOfArrayReadsBack() throws {
    let file = try GGUFFile(path: Fixture.path("modelfiles/values.gguf"))
    let strings = try #require(file.value("array.strings")?.arrayValue)
    #expect(strings.strings == ["", "Ġthe", "日本"].map { Array($0.utf8) })
    #expect(strings.integers == nil)
    #expect(file.value("array.int32")?.arrayValue?.integers == [1, -2, 3])
    #expect(file.value("array.int32")?.arrayValue?.strings == nil)
    #expect(file.value("array.float32")?.arrayValue?.floats == [0.5, -1.25])
    #expect(file.value("array.bool")?.arrayValue?.elementType == .bool)
    let nested = try #require(file.value("array.nested")?.arrayValue)
    #expect(nested.elementType == .array)
    #expect(nested.count == 2)
  }

  @Test("tensors of every supported type hold the values gguf-py dequantises")
  func tensorsHoldReferenceValues() throws {
    let file = try GGUFFile(path: Fixture.path("modelfiles/values.gguf"))
    let expected = try JSONDecoder().decode(
      [String: [Float]].self, from: Data(Fixture.bytes("modelfiles/values.json")))
    #expect(expected.count == StorageType.allCases.count)
    for (name, values) in expected {
      let tensor = try #require(file.tensor(named: name))
      let storage = try #require(tensor.type.storage)
      #expect(tensor.shape == [3, 64] || tensor.shape == [1, 256])
      #expect(tensor.byteOffset % 64 == 0)
      var actual = [Float](repeating: 0, count: tensor.elementCount)
      storage.dequantize(
        file.file.baseAddress + tensor.byteOffset, count: tensor.elementCount, into: &actual)
      #expect(actual == values, "\(name)")
    }
  }

  @Test("a file of version 2 reads like one of version 3")
  func version2Reads() throws {
    let bytes = FileBytes.gguf(version: 2)
    let file = try GGUFFile(MappedFile(copying: bytes, path: "v2.gguf"))
    #expect(file.version == 2)
    #expect(file.tensors.map(\.shape) == [[4]])
  }

  @Test("the reader and StorageType agree on every type number and size")
  func typesAgree() throws {
    for storage in StorageType.allCases {
      let type = try #require(TensorType(ggufNumber: storage.ggufType))
      #expect(type == TensorType(storage))
      #expect(type.storage == storage)
      #expect(type.ggufNumber == storage.ggufType)
    }
  }

  @Test("a file cut off at any byte is refused in one sentence that names it")
  func everyTruncationIsRefused() throws {
    let whole = try Fixture.bytes("modelfiles/values.gguf")
    // The last tensor's data end before the padding, so the file is whole from there on.
    let complete = try GGUFFile(MappedFile(copying: whole, path: "x.gguf"))
    let end = complete.tensors.map { $0.byteOffset + $0.byteCount }.max() ?? 0
    for length in 1..<end {
      let text = message {
        _ = try GGUFFile(MappedFile(copying: Array(whole[..<length]), path: "x.gguf"))
      }
      try #require(text.hasPrefix("x.gguf: "), "cut at \(length): \(text)")
    }
    #expect(throws: Never.self) {
      _ = try GGUFFile(MappedFile(copying: Array(whole[..<end]), path: "x.gguf"))
    }
  }
}

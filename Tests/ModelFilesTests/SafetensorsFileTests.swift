import ModelFiles
import Quantization
import Serialization
import TestSupport
import Testing

@Suite("Safetensors file")
struct SafetensorsFileTests {
  @Test("a file of every type reads as the reference library wrote it")
  func everyTypeReads() throws {
    let file = try SafetensorsFile(path: Fixture.path("modelfiles/types.safetensors"))
    #expect(file.metadata["format"]?.stringValue == "pt")
    let types = Set(file.tensors.map(\.type.name))
    #expect(
      types == [
        "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "F16", "BF16", "I32", "U32", "F32",
        "C64", "F64", "I64", "U64",
      ])
    #expect(file.tensor(named: "scalar")?.shape == [])
    #expect(file.tensor(named: "scalar")?.byteCount == 4)
    #expect(file.tensor(named: "empty")?.shape == [0, 4])
    #expect(file.tensor(named: "empty")?.byteCount == 0)
    #expect(file.tensor(named: "quoted \"name\" \\ ☃\t")?.shape == [1])
    #expect(file.tensor(named: "a.4")?.type.storage == nil)
    #expect(file.tensor(named: "a.1")?.type.storage == .bf16)
  }

  @Test("a file without tensors is a file")
  func noTensors() throws {
    let bytes = FileBytes.safetensors("{}")
    #expect(try SafetensorsFile(MappedFile(copying: bytes, path: "x")).tensors.isEmpty)
  }

  @Test("a file cut off at any byte is refused in one sentence that names it")
  func everyTruncationIsRefused() throws {
    let whole = try Fixture.bytes("modelfiles/types.safetensors")
    for length in 1..<whole.count {
      let text = message {
        _ = try SafetensorsFile(MappedFile(copying: Array(whole[..<length]), path: "x"))
      }
      try #require(text.hasPrefix("x: "), "cut at \(length): \(text)")
    }
  }

  static func header(
    _ dtype: String = "F32", _ shape: String = "[4]", _ offsets: String = "[0,16]"
  ) -> String {
    #"{"a":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  static func file(
    _ dtype: String = "F32", _ shape: String = "[4]", _ offsets: String = "[0,16]", data: Int = 16
  ) -> [UInt8] {
    FileBytes.safetensors(header(dtype, shape, offsets), data: data)
  }

  static let files: [HostileFile] = [
    HostileFile("7 bytes", [1, 0, 0, 0, 0, 0, 0], "ends at byte 7, but the length of the header"),
    HostileFile(
      "a header longer than the file", FileBytes.safetensors(header(), length: 1_000),
      "but the header of 1000 bytes reaches byte 1008"),
    HostileFile(
      "a header of 100,000,001 bytes", FileBytes.safetensors(header(), length: 100_000_001),
      "the length of the header is 100000001 bytes, more than the 100000000 the format allows"),
    HostileFile(
      "a header of 2^64 - 8 bytes, whose end overflows",
      FileBytes.safetensors(header(), length: 0 &- 8),
      "the length of the header is 18446744073709551608 bytes"),
    HostileFile("an empty header", FileBytes.safetensors(""), "the header is not JSON"),
    HostileFile("a header that is a list", FileBytes.safetensors("[]"), "is a list, not an object"),
    HostileFile("a header cut short", FileBytes.safetensors(#"{"a":"#), "the header is not JSON"),
    HostileFile(
      "a header nested 10,000 deep",
      FileBytes.safetensors(String(repeating: "[", count: 10_000)), "the header is not JSON"),
    HostileFile(
      "a name that is not UTF-8",
      FileBytes.little(UInt64(7)) + Array(#"{""#.utf8) + [0xFF] + Array(#"":1}"#.utf8),
      "the header is not JSON"),
    HostileFile(
      "a name twice",
      FileBytes.safetensors(
        String(header().dropLast()) + "," + header().dropFirst(), data: 16),
      "the header is not JSON"),
    HostileFile(
      "two names of one canonical form",
      FileBytes.safetensors(
        #"{"\u00e9":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
          + #""e\u0301":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2),
      "occurs twice"),
    HostileFile(
      "metadata that are not strings", FileBytes.safetensors(#"{"__metadata__":{"a":1}}"#),
      "__metadata__ in the header is not an object of strings"),
    HostileFile(
      "a tensor that is a number", FileBytes.safetensors(#"{"a":1}"#),
      "tensor a in the header lacks a dtype"),
    HostileFile("an unknown dtype", file("F7"), "has the dtype F7, which safetensors does not"),
    HostileFile("a negative dimension", file("F32", "[-4]"), "lacks a dtype, a shape of whole"),
    HostileFile("a dimension of 4.0", file("F32", "[4.0]"), "lacks a dtype, a shape of whole"),
    HostileFile("a dimension of 1e30", file("F32", "[1e30]"), "lacks a dtype, a shape of whole"),
    HostileFile("a shape that is a number", file("F32", "4"), "lacks a dtype, a shape of whole"),
    HostileFile(
      "a shape whose product overflows", file("F32", "[4294967296,4294967296]"),
      "of shape [4294967296, 4294967296] cannot be stored as F32"),
    HostileFile(
      "a shape whose product overflows before a 0", file("F32", "[4294967296,4294967296,0]"),
      "cannot be stored as F32"),
    HostileFile("half a byte", file("F4", "[3]", "[0,1]"), "of shape [3] cannot be stored as F4"),
    HostileFile("three offsets", file("F32", "[4]", "[0,8,16]"), "data_offsets of two rising"),
    HostileFile("falling offsets", file("F32", "[4]", "[16,0]"), "data_offsets of two rising"),
    HostileFile(
      "fewer bytes than the shape needs", file("F32", "[4]", "[0,12]"),
      "takes 12 bytes, but [4] of F32 takes 16"),
    HostileFile(
      "an offset near 2^63", file("F32", "[4]", "[9223372036854775791,9223372036854775807]"),
      "starts at 9223372036854775791, beyond any file"),
    HostileFile("a hole at the start", file("F32", "[4]", "[4,20]", data: 20), "end at"),
    HostileFile("data cut short", file(data: 15), "but tensor a reaches byte"),
    HostileFile("data left over", file(data: 17), "has 1 bytes that belong to no tensor"),
    HostileFile(
      "two tensors in one place",
      FileBytes.safetensors(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
          + #""b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4),
      "but the tensors before it end at"),
    HostileFile(
      "a hole between tensors",
      FileBytes.safetensors(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
          + #""b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}"#, data: 9),
      "but the tensors before it end at"),
  ]

  @Test("a hostile file is refused with the place in the message", arguments: files)
  func isRefused(_ hostile: HostileFile) {
    let text = message {
      _ = try SafetensorsFile(MappedFile(copying: hostile.bytes, path: "x.safetensors"))
    }
    #expect(text.contains(hostile.expected), "\(text)")
    #expect(text.hasPrefix("x.safetensors: "), "\(text)")
    #expect(!text.contains("\n"))
  }
}

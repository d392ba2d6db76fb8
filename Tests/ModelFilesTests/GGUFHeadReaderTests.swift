import ModelFiles
import Testing

/// A file that lies in one place, and the words of the message that must name the place.
struct HostileFile: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: [UInt8]
  let expected: String

  init(_ what: String, _ bytes: [UInt8], _ expected: String) {
    testDescription = what
    self.bytes = bytes
    self.expected = expected
  }
}

@Suite("Hostile GGUF files")
struct GGUFHeadReaderTests {
  typealias F = FileBytes

  static let uint32One = F.little(UInt32(1))

  static let files: [HostileFile] =
    [
      HostileFile(
        "no GGUF", Array("not a model at all".utf8),
        "x.gguf: the start is not \"GGUF\", so this is no GGUF file"),
      HostileFile("only the magic number", Array("GGUF".utf8), "ends at byte 4, but the version"),
      HostileFile(
        "big-endian", F.gguf(version: UInt32(3).byteSwapped), "is a big-endian GGUF file; convert"),
      HostileFile("version 1", F.gguf(version: 1), "is GGUF version 1"),
      HostileFile("version 0", F.gguf(version: 0), "is GGUF version 0"),
      HostileFile("version 4", F.gguf(version: 4), "is GGUF version 4"),
      HostileFile(
        "more tensors than bytes", F.gguf(tensorCount: 1_000_000),
        "the number of tensors is 1000000, more than the"),
      HostileFile(
        "2^64 - 1 tensors", F.gguf(tensorCount: .max),
        "the number of tensors is 18446744073709551615, more than"),
      HostileFile(
        "2^63 metadata entries", F.gguf(entryCount: 1 << 63),
        "the number of metadata entries is 9223372036854775808, more than"),
      HostileFile(
        "a key of 2^62 bytes",
        F.gguf(entries: [F.little(UInt64(1) << 62) + F.little(UInt64(0)) + F.little(UInt64(0))]),
        "the length of the key of metadata entry 0 is 4611686018427387904, more than"),
      HostileFile(
        "an empty key", F.gguf(entries: [F.entry("", 4, uint32One)]),
        "the key of metadata entry 0, at byte 32, is not UTF-8 text of 1 to"),
      HostileFile(
        "a key that is not UTF-8",
        F.gguf(entries: [F.little(UInt64(2)) + [0xC3, 0x28] + F.little(UInt32(4)) + uint32One]),
        "the key of metadata entry 0, at byte 32, is not UTF-8"),
      HostileFile(
        "a key of 70,000 bytes",
        F.gguf(entries: [F.entry(String(repeating: "k", count: 70_000), 4, uint32One)]),
        "is not UTF-8 text of 1 to 65535 bytes"),
      HostileFile(
        "a value type of 13", F.gguf(entries: [F.entry("k", 13, uint32One)]),
        "the type of metadata k is 13, and GGUF knows 0 to 12"),
      HostileFile(
        "a value type of -1", F.gguf(entries: [F.entry("k", .max, uint32One)]),
        "the type of metadata k is 4294967295"),
      HostileFile(
        "a string longer than the file",
        F.gguf(entries: [F.entry("k", 8, F.little(UInt64(1) << 40))]),
        "the length of metadata k is 1099511627776, more than"),
      HostileFile(
        "an array longer than the file",
        F.gguf(entries: [F.entry("k", 9, F.little(UInt32(6)) + F.little(UInt64(1) << 61))]),
        "the length of metadata k is 2305843009213693952, more than"),
      HostileFile(
        "an array of strings longer than the file",
        F.gguf(entries: [F.entry("k", 9, F.little(UInt32(8)) + F.little(UInt64(1) << 30))]),
        "the length of metadata k is 1073741824, more than"),
      HostileFile(
        "an array type of 99",
        F.gguf(entries: [F.entry("k", 9, F.little(UInt32(99)) + F.little(UInt64(1)))]),
        "the element type of metadata k is 99"),
      HostileFile(
        "arrays nested 5 deep",
        F.gguf(entries: [
          F.entry(
            "k", 9,
            (0..<4).flatMap { _ in F.little(UInt32(9)) + F.little(UInt64(1)) }
              + F.little(UInt32(0)) + F.little(UInt64(1)) + [7])
        ]),
        "metadata k nests arrays more than 4 deep"),
      HostileFile(
        "a truth value of 2", F.gguf(entries: [F.entry("k", 7, [2])]),
        "metadata k holds 2 where a truth value is 0 or 1"),
      HostileFile(
        "an array with a truth value of 255",
        F.gguf(entries: [F.entry("k", 9, F.little(UInt32(7)) + F.little(UInt64(2)) + [1, 255])]),
        "metadata k holds 255"),
      HostileFile(
        "a key twice",
        F.gguf(entries: [F.entry("k", 4, uint32One), F.entry("k", 4, uint32One)]),
        "metadata k occurs twice"),
      HostileFile(
        "an alignment of 0",
        F.gguf(entries: [F.entry("general.alignment", 4, F.little(UInt32(0)))]),
        "metadata general.alignment is not a power of two"),
      HostileFile(
        "an alignment of 24",
        F.gguf(entries: [F.entry("general.alignment", 4, F.little(UInt32(24)))]),
        "metadata general.alignment is not a power of two"),
      HostileFile(
        "an alignment of 2^31",
        F.gguf(entries: [F.entry("general.alignment", 4, F.little(UInt32(1) << 31))]),
        "metadata general.alignment is not a power of two"),
      HostileFile(
        "an alignment of text",
        F.gguf(entries: [F.entry("general.alignment", 8, F.string("32"))]),
        "metadata general.alignment is not a power of two"),
      HostileFile(
        "an alignment of -32",
        F.gguf(entries: [F.entry("general.alignment", 5, F.little(Int32(-32)))]),
        "metadata general.alignment is not a power of two"),
    ] + tensorFiles

  static let tensorFiles: [HostileFile] = [
    HostileFile(
      "a tensor without a name", F.gguf(tensors: [F.tensor("")]),
      "the name of tensor 0, at byte 32, is not UTF-8 text"),
    HostileFile(
      "a tensor name that is not UTF-8",
      F.gguf(tensors: [F.little(UInt64(1)) + [0xFF] + F.tensor("").dropFirst(8)]),
      "the name of tensor 0, at byte 32, is not UTF-8 text"),
    HostileFile(
      "a tensor name of 2,000 bytes",
      F.gguf(tensors: [F.tensor(String(repeating: "n", count: 2_000))]),
      "is not UTF-8 text of 1 to 1024 bytes"),
    HostileFile(
      "5 dimensions", F.gguf(tensors: [F.tensor("a", [1, 1, 1, 1, 4])]),
      "tensor a claims 5 dimensions, and GGUF allows 4"),
    HostileFile(
      "2^32 - 1 dimensions",
      F.gguf(tensors: [F.string("a") + F.little(UInt32.max) + [UInt8](repeating: 0, count: 40)]),
      "tensor a claims 4294967295 dimensions"),
    HostileFile(
      "a dimension of 0", F.gguf(tensors: [F.tensor("a", [4, 0])]),
      "tensor a has a dimension of 0"),
    HostileFile(
      "a negative dimension", F.gguf(tensors: [F.tensor("a", [.max])]),
      "tensor a has a dimension of 18446744073709551615"),
    HostileFile(
      "dimensions whose product is 2^64, as in CVE-2026-33298",
      F.gguf(tensors: [F.tensor("a", [1 << 32, 1 << 32])]),
      "tensor a of shape [4294967296, 4294967296] cannot be stored as F32"),
    HostileFile(
      "elements whose bytes are 2^64", F.gguf(tensors: [F.tensor("a", [1 << 62])]),
      "tensor a of shape [4611686018427387904] cannot be stored as F32"),
    HostileFile(
      "a row that is not whole blocks", F.gguf(tensors: [F.tensor("a", [48, 2], type: 2)]),
      "tensor a of shape [2, 48] cannot be stored as Q4_0"),
    HostileFile(
      "the removed type 4", F.gguf(tensors: [F.tensor("a", type: 4)]),
      "tensor a has the type number 4, which GGUF does not define"),
    HostileFile(
      "the type 2^32 - 1", F.gguf(tensors: [F.tensor("a", type: .max)]),
      "tensor a has the type number 4294967295"),
    HostileFile(
      "an offset that is not aligned", F.gguf(tensors: [F.tensor("a", offset: 4)]),
      "tensor a starts at 4, which is not a multiple of 32"),
    HostileFile(
      "an offset beyond the file", F.gguf(tensors: [F.tensor("a", offset: 4_096)]),
      "but tensor a reaches byte"),
    HostileFile(
      "an offset of 2^64 - 32", F.gguf(tensors: [F.tensor("a", offset: 0 &- 32)]),
      "tensor a starts at 18446744073709551584"),
    HostileFile(
      "an offset of 2^63 - 32", F.gguf(tensors: [F.tensor("a", offset: 1 << 63 - 32)]),
      "but tensor a reaches byte 9223372036854775807"),
    HostileFile(
      "a tensor larger than the file", F.gguf(tensors: [F.tensor("a", [400])]),
      "but tensor a reaches byte"),
    HostileFile(
      "a tensor name twice",
      F.gguf(tensors: [F.tensor("a"), F.tensor("a", offset: 32)], data: 64),
      "tensor a occurs twice"),
    HostileFile(
      "two tensors in one place", F.gguf(tensors: [F.tensor("a"), F.tensor("b")]),
      "starts inside tensor"),
    HostileFile(
      "a tensor that starts inside another",
      F.gguf(tensors: [F.tensor("a", [16]), F.tensor("b", offset: 32)], data: 64),
      "tensor b starts inside tensor a"),
  ]

  @Test("is refused with the place in the message", arguments: files)
  func isRefused(_ hostile: HostileFile) {
    let text = message {
      _ = try GGUFFile(MappedFile(copying: hostile.bytes, path: "x.gguf"))
    }
    #expect(text.contains(hostile.expected), "\(text)")
    #expect(text.hasPrefix("x.gguf: "), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test("a hole between tensors is allowed, since alignment makes holes")
  func holesAreAllowed() throws {
    let bytes = FileBytes.gguf(
      tensors: [FileBytes.tensor("b", offset: 64), FileBytes.tensor("a")], data: 128)
    let file = try GGUFFile(MappedFile(copying: bytes, path: "x.gguf"))
    #expect(file.tensors.map(\.name) == ["b", "a"])
  }
}

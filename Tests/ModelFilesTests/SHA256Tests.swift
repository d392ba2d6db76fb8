import ModelFiles
import Testing

@Suite("SHA-256")
struct SHA256Tests {
  // FIPS 180-4's examples, and lengths on either side of a block's end from Python's hashlib.
  @Test(
    "a digest is that of the standard's examples",
    arguments: [
      ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      ("a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
      ("a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
      ("a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"),
      ("a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
      ("a", 65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"),
      ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
  func digestIsThatOfTheStandard(_ unit: String, _ count: Int, _ expected: String) {
    let bytes = [UInt8](String(repeating: unit, count: count).utf8)
    #expect(bytes.withUnsafeBytes { SHA256.hexadecimalDigest(of: $0) } == expected)
  }

  @Test("a digest does not depend on how the bytes are cut into pieces", arguments: [1, 7, 63, 65])
  func digestDoesNotDependOnPieces(_ pieceLength: Int) {
    let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var whole = SHA256()
    whole.update(bytes)
    var pieces = SHA256()
    for start in stride(from: 0, to: bytes.count, by: pieceLength) {
      pieces.update(Array(bytes[start..<min(start + pieceLength, bytes.count)]))
    }
    #expect(pieces.hexadecimalDigest() == whole.hexadecimalDigest())
  }
}

import Serialization
import Testing

@Suite("UTF-8 validation") struct UTF8ValidationTests {
  @Test("agrees with the standard library on every sequence of two bytes and more, at every offset")
  func agreesWithStandardLibrary() {
    let leads: [UInt8] = [
      0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
    ]
    let more: [UInt8] = [0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0x8F, 0x90, 0x9F, 0xA0]
    let bytes = leads + more
    for padding in [0, 1, 7, 8] {
      let prefix = [UInt8](repeating: 0x61, count: padding)
      for a in bytes {
        for b in bytes {
          for c in bytes {
            for d: UInt8 in [0x61, 0x80, 0xBF, 0xC2] {
              let text = prefix + [a, b, c, d]
              let isValid = String(validating: text, as: UTF8.self) != nil
              let offset = UTF8Validation.firstInvalidOffset(in: text)
              guard (offset == nil) == isValid else {
                Issue.record("\(text): \(String(describing: offset))")
                return
              }
              // All before the offset is well-formed.
              if let offset {
                #expect(String(validating: text[..<offset], as: UTF8.self) != nil)
              }
            }
          }
        }
      }
    }
  }

  @Test(
    "a sequence is reported at its first byte",
    arguments: [
      ([], nil), ([0x61], nil), ([0xC3], 0), ([0x61, 0xE2, 0x82], 1),
      (Array("abcdefghé".utf8) + [0xF0, 0x9F, 0x90], 10),
      (Array("🐦".utf8), nil), ([0xF4, 0x90, 0x80, 0x80], 0),
    ] as [([UInt8], Int?)])
  func sequenceIsReported(_ bytes: [UInt8], _ expected: Int?) {
    #expect(UTF8Validation.firstInvalidOffset(in: bytes) == expected)
  }
}

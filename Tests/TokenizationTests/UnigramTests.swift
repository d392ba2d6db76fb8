import Serialization
import TestSupport
import Testing
@testable import Tokenization

@Suite("Unigram models with a character map") struct UnigramTests {
  private let name = "unigram-mapped"

  @Test("a GGUF vocabulary of kind t5 gives llama.cpp's ids for every fixture string")
  func ggufIDsEqualReference() throws {
    let tokenizer = try Tokenizer(TokenizerFixture.ggufDescription(name))
    let ids = try TokenizerFixture.lines("tokenization/\(name)/gguf-ids.txt")
      .map(TokenizerFixture.unpacked)
    var differing: [String] = []
    for (string, ids) in zip(try TokenizerFixture.strings(), ids) {
      let found = tokenizer.encode(string)
      if found != ids {
        differing.append("\(string.shown): \(found.prefix(20)) not \(ids.prefix(20))")
      }
    }
    #expect(differing.isEmpty, "\(differing.count) strings: \(differing.prefix(5))")
  }

  @Test("it ends a text with the token that ends a sequence, as llama.cpp has it")
  func endOfSequence() throws {
    let tokenizer = try Tokenizer(TokenizerFixture.ggufDescription(name))
    #expect(tokenizer.encode("a", addSpecialTokens: true).last == tokenizer.endOfSequence)
    #expect(tokenizer.encode("a", addSpecialTokens: true).first != tokenizer.beginningOfSequence)
  }

  @Test("the steps of both formats are read as what they do")
  func normalizations() throws {
    let gguf = try TokenizerFixture.ggufDescription(name)
    let json = try TokenizerFixture(name).tokenizer().description
    let map = try #require(
      try JSON.parse(Fixture.bytes("tokenization/\(name)/gguf.json"))["precompiled_charsmap"]?
        .stringValue.flatMap(Base64.decode))
    let expected = UnigramNormalization(
      characterMap: map, removesExtraSpaces: true, addsPrefix: true)
    #expect(UnigramNormalization(gguf) == expected)
    #expect(UnigramNormalization(json) == expected)
    var other = json
    other.normalization.append(.canonicalComposition)
    #expect(UnigramNormalization(other) == nil)
    #expect(Base64.encode(map).utf8.count == (map.count + 2) / 3 * 4)
  }

  @Test(
    "of several entries SentencePiece takes the longest, the library the first of a short cluster")
  func matching() throws {
    let gguf = try TokenizerFixture.ggufDescription(name)
    guard case .characterMap(let bytes, .longest)? = gguf.normalization.first else {
      Issue.record("no map")
      return
    }
    func mapped(_ text: String, _ matching: CharacterMapMatching) throws -> String {
      let normalizer = try Normalizer([.characterMap(bytes, matching)])
      return String(decoding: normalizer.normalized(Array(text.utf8)), as: UTF8.self)
    }
    // é as a letter and a mark, then with a second mark; 👍 alone and with a skin tone.
    #expect(
      try mapped("e\u{301} e\u{301}\u{323}x", .longest).unicodeScalars.elementsEqual(
        "é ẹ́x".unicodeScalars))
    #expect(
      try mapped("e\u{301} e\u{301}\u{323}x", .clusters).unicodeScalars.elementsEqual(
        "é éx".unicodeScalars))
    #expect(try mapped("👍👍🏽", .longest) == "+++")
    #expect(try mapped("👍👍\u{1F3FD}", .clusters) == "++\u{1F3FD}")
    #expect(try mapped("①\u{200B}ﬁ…", .longest) == "1fi...")
    #expect(try mapped("①\u{200B}ﬁ…", .clusters) == "1fi...")
  }

  @Test("a damaged map is an error, or changes nothing, and never the end")
  func damagedMaps() throws {
    for bytes in [
      [], [1, 0, 0], [4, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0],
      [4, 0, 0, 0, 0, 0, 0, 0, 0xFF],
    ]
      as [[UInt8]]
    {
      #expect(throws: TokenizerError.self) {
        try Normalizer([.characterMap(bytes, .longest)])
      }
    }
    let gguf = try TokenizerFixture.ggufDescription(name)
    guard case .characterMap(let good, _)? = gguf.normalization.first else {
      Issue.record("no map")
      return
    }
    let text = Array(try TokenizerFixture.strings().prefix(400).joined().utf8)
    for round in 0..<400 {
      var bytes = good
      for place in 0..<8 {
        let index = (round &* 2_654_435_761 &+ place &* 40_503) % bytes.count
        bytes[index] = UInt8(truncatingIfNeeded: round &* 31 &+ place &* 17)
      }
      for matching in [CharacterMapMatching.longest, .clusters] {
        guard let normalizer = try? Normalizer([.characterMap(bytes, matching)]) else { continue }
        _ = normalizer.normalized(Array(text.prefix(2000)))
      }
    }
  }

  @Test("white space at the ends is left out where a file says so")
  func strip() throws {
    func stripped(_ text: String, left: Bool, right: Bool) throws -> String {
      let normalizer = try Normalizer([.strip(left: left, right: right)])
      return String(decoding: normalizer.normalized(Array(text.utf8)), as: UTF8.self)
    }
    #expect(try stripped(" \u{3000}a b\u{85} ", left: true, right: true) == "a b")
    #expect(try stripped(" a ", left: false, right: true) == " a")
    #expect(try stripped(" a ", left: true, right: false) == "a ")
    #expect(try stripped(" \n ", left: true, right: true) == "")
  }
}

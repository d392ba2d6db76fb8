import Serialization
import TestSupport
import Testing
import Tokenization

@Suite("Tokenizer") struct TokenizerTests {
  @Test(
    "every fixture string has the reference's ids, token for token",
    arguments: TokenizerFixture.names)
  func idsEqualReference(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    #expect(fixture.strings.count >= 2000)
    #expect(fixture.strings.count == fixture.ids.count)
    var differing: [String] = []
    for (string, ids) in zip(fixture.strings, fixture.ids) {
      let found = tokenizer.encode(string)
      if found != ids {
        differing.append("\(string.shown): \(found.prefix(20)) not \(ids.prefix(20))")
      }
    }
    #expect(differing.isEmpty, "\(differing.count) strings: \(differing.prefix(5))")
  }

  @Test("other pre-tokenisers and options give the reference's ids")
  func variantsEqualReference() throws {
    let strings = try TokenizerFixture.strings()
    let chosen = stride(from: 0, to: strings.count, by: 13).map { strings[$0] }
      .filter { $0.unicodeScalars.count < 200 }
    let lines =
      try TokenizerFixture.lines("tokenization/variants.jsonl")
      + TokenizerFixture.lines("tokenization/text-variants.jsonl")
    #expect(lines.count >= 40)
    for line in lines {
      let variant = try JSON.parse(line)
      let name = try #require(variant["name"]?.stringValue)
      let base = try #require(variant["base"]?.stringValue)
      let fixture = try TokenizerFixture(base)
      var json = try #require(fixture.tokenizerJSON.objectValue)
      for key in ["normalizer", "pre_tokenizer"] {
        if let step = variant[key] { json[key] = step }
      }
      if let options = variant["model"]?.objectValue, var model = json["model"]?.objectValue {
        for (key, value) in options { model[key] = value }
        json["model"] = .object(model)
      }
      let tokenizer = try Tokenizer(tokenizerJSON: .object(json), tokenizerConfig: nil)

      let lengths = TokenizerFixture.unpacked(try #require(variant["lengths"]?.stringValue))
      let ids = TokenizerFixture.unpacked(try #require(variant["ids"]?.stringValue))
      #expect(lengths.count == chosen.count)
      var start = 0
      var differing: [String] = []
      for (string, length) in zip(chosen, lengths) {
        let expected = Array(ids[start..<(start + Int(length))])
        start += Int(length)
        let found = tokenizer.encode(string)
        if found != expected { differing.append("\(string.shown): \(found) not \(expected)") }
      }
      #expect(differing.isEmpty, "\(name), \(differing.count) strings: \(differing.prefix(3))")
    }
  }

  @Test(
    "decoding gives exactly the bytes encoded, but for bytes without a token",
    arguments: TokenizerFixture.byteLevelNames)
  func decodingInvertsEncoding(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    let missing = Set(tokenizer.missingBytes)
    #expect(missing.isEmpty == (name != "smollm"))
    for (string, ids) in zip(fixture.strings, fixture.ids) {
      // `<left>` and `<right>` take spaces along, which they do not stand for.
      if name == "llama-3", string.contains("<left>") || string.contains("<right>") { continue }
      let expected = string.utf8.filter { !missing.contains($0) }
      #expect(tokenizer.decode(ids) == expected, "\(string.shown)")
    }
  }

  @Test(
    "each token's range holds the token's bytes, in order and without overlap",
    arguments: TokenizerFixture.byteLevelNames)
  func rangesHoldTokens(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    let missing = Set(tokenizer.missingBytes)
    for (string, ids) in zip(fixture.strings, fixture.ids) {
      let bytes = Array(string.utf8)
      let spans = tokenizer.encodeWithOffsets(string)
      #expect(spans.map(\.id) == ids)
      var end = 0
      for span in spans {
        let between = bytes[end..<span.range.lowerBound]
        #expect(between.allSatisfy(missing.contains), "\(string.shown): a hole at \(end)")
        let text = bytes[span.range].filter { !missing.contains($0) }
        let content = tokenizer.bytes(of: span.id)
        // `<left>` and `<right>` may take spaces along.
        let isEqual =
          tokenizer.isSpecial(span.id) || name != "llama-3"
          ? text == content : text.filter { $0 != 32 } == content.filter { $0 != 32 }
        if !isEqual, !String(decoding: text, as: UTF8.self).contains("t>") {
          Issue.record("\(string.shown): \(text) is not \(content)")
        }
        end = span.range.upperBound
      }
      #expect(bytes[end...].allSatisfy(missing.contains), "\(string.shown): a hole at the end")
    }
  }

  @Test("bytes that are not UTF-8 are refused with their offset")
  func invalidUTF8IsRefused() throws {
    let tokenizer = try TokenizerFixture("smollm").tokenizer()
    let cases: [([UInt8], Int)] = [
      ([0xFF], 0), ([0x61, 0xC3], 1), ([0x61, 0x62, 0xC0, 0x80], 2), ([0xED, 0xA0, 0x80], 0),
      (Array("ééé".utf8) + [0x80], 6), ([0xF4, 0x90, 0x80, 0x80], 0),
    ]
    for (bytes, offset) in cases {
      #expect(throws: TokenizerError.invalidUTF8(offset: offset)) {
        try tokenizer.encode(bytes)
      }
    }
    #expect(try tokenizer.encode(Array("héllo".utf8)) == tokenizer.encode("héllo"))
    #expect(
      TokenizerError.invalidUTF8(offset: 6).description
        == "the text is not UTF-8 at byte 6; save it as UTF-8")
  }

  @Test("special tokens frame a text when they are asked for, and can be left out of decoding")
  func specialTokens() throws {
    let tokenizer = try TokenizerFixture("llama-3").tokenizer()
    let plain = tokenizer.encode("Hello there")
    #expect(tokenizer.encode("Hello there", addSpecialTokens: true) == [1] + plain + [2])
    #expect(
      try tokenizer.encode(Array("Hello there".utf8), addSpecialTokens: true) == [1] + plain + [2])
    #expect(tokenizer.encode("", addSpecialTokens: true) == [1, 2])
    #expect(tokenizer.isSpecial(1))
    #expect(!tokenizer.isSpecial(plain[0]))
    #expect(!tokenizer.isSpecial(-1) && !tokenizer.isSpecial(.max))
    #expect(
      tokenizer.decode([1] + plain + [2], skipSpecialTokens: true) == Array("Hello there".utf8))
    #expect(tokenizer.decode([-1, .max, plain[0]]) == tokenizer.bytes(of: plain[0]))
  }

  @Test("ids are found by the vocabulary's spelling and by an added token's text")
  func idsOfTokens() throws {
    let tokenizer = try TokenizerFixture("smollm").tokenizer()
    #expect(tokenizer.id(of: "<|im_end|>") == 2)
    let the = try #require(tokenizer.id(of: "Ġthe"))
    #expect(tokenizer.bytes(of: the) == Array(" the".utf8))
    #expect(tokenizer.encode(" the") == [the])
    #expect(tokenizer.id(of: " the") == nil)
    #expect(tokenizer.id(of: "") == nil)
    #expect(tokenizer.bytes(of: .max) == [] && tokenizer.bytes(of: -1) == [])
    #expect(tokenizer.vocabularySize == 1496)
  }

  @Test("a million letters and a million spaces take less than a minute")
  func longWordsAreNotQuadratic() throws {
    let tokenizer = try TokenizerFixture("llama-3").tokenizer()
    let duration = ContinuousClock().measure {
      for unit in ["a", " ", "ab", "\n", "é", "<|im_", "9"] {
        let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
        let isInverted = tokenizer.decode(tokenizer.encode(text)).elementsEqual(text.utf8)
        #expect(isInverted, "\(unit)")
      }
    }
    #expect(duration < .seconds(60))
  }

  @Test("many threads at a time get the ids one gets")
  func threadsAgree() async throws {
    let fixture = try TokenizerFixture("gpt-2")
    let tokenizer = try fixture.tokenizer()
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask { [strings = fixture.strings, ids = fixture.ids] in
          zip(strings, ids).allSatisfy { tokenizer.encode($0) == $1 }
        }
      }
      for await isEqual in group { #expect(isEqual) }
    }
  }
}

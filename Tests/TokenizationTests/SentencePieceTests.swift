import Serialization
import TestSupport
import Testing
import Tokenization

@Suite("Tokens that are text") struct SentencePieceTests {
  @Test(
    "a GGUF vocabulary with scores gives llama.cpp's ids for every fixture string",
    arguments: TokenizerFixture.textNames)
  func ggufIDsEqualReference(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let made = try Tokenizer(TokenizerFixture.ggufDescription(name))
    // Written as merge rules and read again it is the same tokenizer.
    let again = try Tokenizer(
      tokenizerJSON: made.tokenizerJSON(), tokenizerConfig: made.tokenizerConfigJSON())
    for tokenizer in [made, again] {
      var differing: [String] = []
      for (string, ids) in zip(fixture.strings, fixture.ids) {
        let found = tokenizer.encode(string)
        if found != ids {
          differing.append("\(string.shown): \(found.prefix(20)) not \(ids.prefix(20))")
        }
      }
      #expect(differing.isEmpty, "\(differing.count) strings: \(differing.prefix(5))")
    }
  }

  /// Added tokens of the fixtures that stand for other text than they are found by.
  private static let rewritten = ["▁"]

  @Test(
    "decoding gives exactly the bytes encoded", arguments: TokenizerFixture.textNames)
  func decodingInvertsEncoding(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    for tokenizer in [
      try fixture.tokenizer(), try Tokenizer(TokenizerFixture.ggufDescription(name)),
    ] {
      for string in fixture.strings where !Self.rewritten.contains(where: string.contains) {
        // Each text after an added token gets a space before it, which only the first loses again.
        let added = tokenizer.description.addedTokens
        let hasAdded = added.contains { string.utf8.contains($0.content) }
        if hasAdded, tokenizer.description.stripsLeadingSpace { continue }
        let decoded = tokenizer.decode(tokenizer.encode(string))
        #expect(decoded == Array(string.utf8), "\(string.shown)")
      }
    }
  }

  @Test(
    "the ranges of the tokens follow one another and cover the text",
    arguments: TokenizerFixture.textNames)
  func rangesCoverText(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    for (string, ids) in zip(fixture.strings, fixture.ids) {
      let bytes = Array(string.utf8)
      let spans = tokenizer.encodeWithOffsets(string)
      #expect(spans.map(\.id) == ids)
      var end = 0
      for span in spans {
        #expect(span.range.lowerBound == end, "\(string.shown): a hole at \(end)")
        end = span.range.upperBound
        // But for a mark put before the text, a token stands for the bytes in its range.
        let content = tokenizer.bytes(of: span.id)
        let text = Array(bytes[span.range])
        let isUnknown = span.id == 0
        #expect(
          content == text || content == [32] + text || isUnknown
            || (Self.rewritten.contains(where: string.contains)), "\(string.shown): \(span)")
      }
      #expect(end == bytes.count, "\(string.shown)")
    }
  }

  @Test("a space before each text is as the file says")
  func spacePrefix() throws {
    var gguf = try JSON.parse(Fixture.bytes("tokenization/llama-2/gguf.json")).objectValue ?? [:]
    let on = try Tokenizer(TokenizerFixture.ggufDescription(.object(gguf)))
    gguf["add_space_prefix"] = false
    let off = try Tokenizer(TokenizerFixture.ggufDescription(.object(gguf)))
    gguf["add_space_prefix"] = nil
    let unsaid = try Tokenizer(TokenizerFixture.ggufDescription(.object(gguf)))
    let text = "the<|im_end|>the"
    let the = try #require(on.id(of: "▁the"))
    let end = try #require(on.id(of: "<|im_end|>"))
    #expect(on.encode(text) == [the, end, the])
    #expect(off.encode(" the<|im_end|> the") == on.encode(text))
    #expect(off.encode(text) != on.encode(text))
    #expect(unsaid.encode(text) == on.encode(text))
    #expect(String(decoding: on.decode([the]), as: UTF8.self) == "the")
    #expect(String(decoding: off.decode([the]), as: UTF8.self) == " the")
    #expect(on.encode("") == [] && on.encode("", addSpecialTokens: true) == [1])
  }

  @Test("a token with a mark inside it is found, though texts are cut before marks")
  func markInside() throws {
    let tokens = ["<unk>", "▁", "a", "b", "a▁", "a▁b", "▁b", "▁▁"].map { Array($0.utf8) }
    let tokenizer = try Tokenizer(
      TokenizerDescription(
        ggufModel: "llama", pre: nil, tokens: tokens, tokenTypes: [2, 1, 1, 1, 1, 1, 1, 1],
        merges: [], scores: [0, -9, -9, -9, -2, -1, -3, -4],
        specialTokens: SpecialTokens(unknown: 0), addsSpacePrefix: false))
    #expect(tokenizer.encode("a b") == [5])
    #expect(tokenizer.encode("b b") == [3, 6])
    #expect(tokenizer.encode("b  b") == [3, 1, 6])
    #expect(tokenizer.encode("b   ba a b") == [3, 7, 6, 4, 5])
    // Neighbouring characters without a token are one unknown.
    #expect(tokenizer.encode("xyb xa") == [0, 3, 1, 0, 2])
  }

  @Test("a million letters and a million spaces take less than a minute")
  func longWordsAreNotQuadratic() throws {
    for name in TokenizerFixture.textNames {
      let tokenizer = try Tokenizer(TokenizerFixture.ggufDescription(name))
      let duration = ContinuousClock().measure {
        for unit in ["a", " ", "ab", "\n", "é", "<|im_", "鿿", "a ", "▁a"] {
          let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
          #expect(tokenizer.encode(text).count > 10, "\(unit)")
        }
      }
      #expect(duration < .seconds(60))
    }
  }

  @Test("what is wrong with a vocabulary of text is named")
  func refusals() throws {
    let tokens = ["<unk>", "a", "b", "ab"].map { Array($0.utf8) }
    func message(_ change: (inout TokenizerDescription) -> Void) throws -> String {
      var description = try TokenizerDescription(
        ggufModel: "llama", pre: nil, tokens: tokens, tokenTypes: [2, 1, 1, 1], merges: [],
        scores: [0, -1, -2, -3])
      change(&description)
      let error = #expect(throws: TokenizerError.self) { try Tokenizer(description) }
      return try #require(error).description
    }
    #expect(
      try message { $0.model = .scoredPairs([1]) }
        == "list of scores should be 4 numbers up to 1e30, but it is a list of 1; fetch the model again"
    )
    #expect(
      try message { $0.model = .scoredPairs([0, .nan, 0, 0]) }
        == "list of scores should be 4 numbers up to 1e30, but it is of larger ones or of none; "
        + "fetch the model again")
    #expect(
      try message { $0.preTokenization = [.byteLevel()] }
        .hasPrefix("pre_tokenizer is a Sequence with a step after ByteLevel"))
    #expect(
      try message {
        $0.normalization = [.replace(.literal([32]), with: [UInt8](repeating: 65, count: 65))]
      } == "normalizer should be putting UTF-8 of at most 64 bytes, but it is putting 65 bytes; "
        + "fetch the model again")
    #expect(
      try message {
        $0.normalization = [NormalizationStep](repeating: .canonicalComposition, count: 33)
      }.hasPrefix("normalizer should be at most 32 steps"))
    #expect(
      try message {
        $0.model = .unigram([0, 0, 0, 0])
        $0.tokens[3] = [UInt8](repeating: 97, count: 257)
      } == "token 3 of the vocabulary should be at most 256 bytes long, but it is 257 bytes long; "
        + "fetch the model again")
  }

  @Test("steps that make one letter many are an error and no end of memory")
  func growthIsBounded() throws {
    var description = try TokenizerFixture.ggufDescription("gemma")
    let many = [UInt8](repeating: 97, count: 64)
    description.normalization = [NormalizationStep](
      repeating: .replace(.literal([97]), with: many), count: 6)
    let tokenizer = try Tokenizer(description)
    #expect(throws: TokenizerError.patternTooCostly(pattern: "a", offset: 0)) {
      try tokenizer.encode(Array("aaa".utf8))
    }
    #expect(!tokenizer.encode("aaa").isEmpty)
  }
}

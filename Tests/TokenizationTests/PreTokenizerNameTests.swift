import Serialization
import Testing

@testable import Tokenization

@Suite("Names of pre-tokenisers in GGUF") struct PreTokenizerNameTests {
  /// What a GGUF file of the vocabulary of a `tokenizer.json` would say.
  private func gguf(_ name: String, pre: String) throws -> TokenizerDescription {
    let json = try TokenizerFixture(name).tokenizerJSON
    let read = try TokenizerDescription(tokenizerJSON: json, tokenizerConfig: nil)
    var tokens = read.tokens
    var types = [Int32](repeating: 1, count: tokens.count)
    for token in read.addedTokens where token.isSpecial {
      tokens[Int(token.id)] = token.content
      types[Int(token.id)] = 3
    }
    let merges = read.merges.map { tokens[Int($0.left)] + [32] + tokens[Int($0.right)] }
    return try TokenizerDescription(
      ggufModel: "gpt2", pre: pre, tokens: tokens, tokenTypes: types, merges: merges,
      specialTokens: SpecialTokens(beginningOfSequence: 1))
  }

  @Test(
    "each splits and joins as the tokenizer.json it names",
    arguments: [("qwen2", "qwen2 in form C"), ("tekken", "tekken"), ("gpt-2", "prefix space")])
  func equalsVariant(_ pre: String, _ variant: String) throws {
    let lines = try TokenizerFixture.lines("tokenization/variants.jsonl").map { try JSON.parse($0) }
    let step = try #require(lines.first { $0["name"]?.stringValue == variant })
    var json = try #require(try TokenizerFixture("gpt-2").tokenizerJSON.objectValue)
    for key in ["normalizer", "pre_tokenizer"] {
      // GPT-2's own is that of the fixture.
      if pre != "gpt-2", let value = step[key] { json[key] = value }
    }
    if pre == "tekken", var model = json["model"]?.objectValue {
      model["ignore_merges"] = true
      json["model"] = .object(model)
    }
    let described = try TokenizerDescription(tokenizerJSON: .object(json), tokenizerConfig: nil)
    #expect(PreTokenizerName(described)?.rawValue == pre)
    let (named, read) = (try Tokenizer(gguf("gpt-2", pre: pre)), try Tokenizer(described))
    for string in try TokenizerFixture.strings() {
      #expect(named.encode(string) == read.encode(string), "\(string.shown)")
    }
  }

  @Test("tokens of a character put together have the bytes of its parts, the first all of them")
  func offsetsInFormC() throws {
    let tokenizer = try Tokenizer(gguf("gpt-2", pre: "qwen2"))
    // U+1ED1 from o, circumflex and acute: three bytes of five, and no token of their own.
    let spans = tokenizer.encodeWithOffsets("ao\u{302}\u{301}b")
    #expect(spans.flatMap { tokenizer.bytes(of: $0.id) } == Array("a\u{1ED1}b".utf8))
    #expect(spans.map(\.range).filter { $0.contains(2) } == [1..<6])
    #expect(spans.first?.range == 0..<1 && spans.last?.range == 6..<7)
    #expect(spans.count > 3)
    for string in try TokenizerFixture.strings() {
      var end = 0
      for span in tokenizer.encodeWithOffsets(string) {
        #expect(span.range.lowerBound == end, "\(string.shown)")
        end = span.range.upperBound
      }
      #expect(end == string.utf8.count, "\(string.shown)")
    }
  }

  @Test("llama-bpe leaves words that are tokens whole, and begins a text")
  func llama3() throws {
    let fixture = try TokenizerFixture("llama-3")
    let described = try gguf("llama-3", pre: "llama-bpe")
    #expect(PreTokenizerName(described) == .llama3)
    #expect(described.prefix == [1])
    let tokenizer = try Tokenizer(described)
    // Tokens of the user's are not in this GGUF description.
    let added = try fixture.tokenizer().description.addedTokens.filter { !$0.isSpecial }
    for (string, ids) in zip(fixture.strings, fixture.ids) {
      let hasAdded = added.contains { string.utf8.contains($0.content) }
      if !hasAdded { #expect(tokenizer.encode(string) == ids, "\(string.shown)") }
    }
  }
}

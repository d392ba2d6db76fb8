import Serialization
import TestSupport
import Testing
import Tokenization

@testable import ModelFiles

@Suite("A vocabulary in GGUF metadata") struct GGUFVocabularyTests {
  private func description() throws -> TokenizerDescription {
    let json = try JSON.parse(Fixture.bytes("tokenization/unigram-mapped/tokenizer.json"))
    var description = try TokenizerDescription(tokenizerJSON: json, tokenizerConfig: nil)
    description.specialTokens.unknown = description.unknownByteToken
    return description
  }

  private func entries(_ description: TokenizerDescription) throws -> [String: GGUFValue] {
    let entries = try GGUFVocabulary.entries(of: description, embeddingRows: 704, path: "m.gguf")
    return Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value) })
  }

  @Test("of a unigram model has llama.cpp's kind, its character map and what becomes of spaces")
  func unigram() throws {
    let written = try entries(description())
    func value(_ name: String) -> GGUFValue? { written["tokenizer.ggml.\(name)"] }
    #expect(value("model") == .string("t5"))
    #expect(value("remove_extra_whitespaces") == .bool(true))
    #expect(value("add_space_prefix") == .bool(true))
    let reference = try JSON.parse(Fixture.bytes("tokenization/unigram-mapped/gguf.json"))
    let map = reference["precompiled_charsmap"]?.stringValue.flatMap(Base64.decode)
    #expect(value("precompiled_charsmap")?.arrayValue?.integers == map?.map { Int($0) })
    let scores = try #require(value("scores")?.arrayValue?.floats)
    #expect(scores.count == 704)
    #expect(
      Array(scores.prefix(700))
        == reference["scores"]?.arrayValue?.map { Float($0.doubleValue ?? .nan) })
    // The types too, but for the token of unknown characters, which is read back as a special one.
    let types = try #require(value("token_type")?.arrayValue?.integers)
    #expect(Array(types.prefix(700)) == reference["token_type"]?.arrayValue?.map { $0.intValue })
  }

  @Test("is refused where llama.cpp would give other ids")
  func refusals() throws {
    for change: (inout TokenizerDescription) -> Void in [
      { $0.fallsBackToBytes = true }, { $0.normalization.append(.canonicalComposition) },
      { $0.tokens[9] = Array("a▁b".utf8) },
    ] {
      var description = try description()
      change(&description)
      #expect(throws: ModelFileError.self) { try entries(description) }
    }
  }
}

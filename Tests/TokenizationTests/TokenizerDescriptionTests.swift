import Testing
import Tokenization

@Suite("TokenizerDescription from GGUF") struct TokenizerDescriptionTests {
  // <s> </s> a b ab Ġ <u> c
  private let tokens = ["<s>", "</s>", "a", "b", "ab", "Ġ", "<u>", "c"].map { Array($0.utf8) }
  private let types: [Int32] = [3, 1, 1, 1, 1, 1, 4, 1]

  private func description(
    model: String = "gpt2", pre: String? = "smollm", types: [Int32]? = nil,
    merges: [String] = ["a b"], specialTokens: SpecialTokens? = nil
  ) throws -> TokenizerDescription {
    try TokenizerDescription(
      ggufModel: model, pre: pre, tokens: tokens, tokenTypes: types ?? self.types,
      merges: merges.map { Array($0.utf8) },
      specialTokens: specialTokens ?? SpecialTokens(beginningOfSequence: 0, endOfSequence: 1),
      addsBeginningOfSequence: true)
  }

  @Test("types and roles make added tokens, and add_bos_token a prefix")
  func addedTokens() throws {
    let description = try description()
    #expect(description.addedTokens.map(\.id) == [0, 1, 6])
    #expect(description.addedTokens.map(\.isSpecial) == [true, true, false])
    #expect(description.merges == [MergeRule(left: 2, right: 3, result: 4)])
    let tokenizer = try Tokenizer(description)
    #expect(tokenizer.encode("<s>ab ba<u></s>") == [0, 4, 5, 3, 2, 6, 1])
    #expect(tokenizer.encode("c", addSpecialTokens: true) == [0, 7])
    #expect(tokenizer.beginningOfSequence == 0)
    #expect(tokenizer.endOfSequence == 1)
    #expect(tokenizer.encode("xax") == [2])
    #expect(tokenizer.encodeWithOffsets("xabx") == [TokenSpan(id: 4, range: 1..<3)])
    #expect(tokenizer.encodeWithOffsets("axb") == [TokenSpan(id: 4, range: 0..<3)])
    #expect(tokenizer.missingBytes.contains(UInt8(ascii: "x")))
  }

  @Test("of two tokens with one text the later is used")
  func duplicateTokens() throws {
    let tokenizer = try Tokenizer(
      TokenizerDescription(
        ggufModel: "gpt2", pre: "gpt-2", tokens: ["a", "b", "a"].map { Array($0.utf8) },
        tokenTypes: [3, 1, 1], merges: []))
    #expect(tokenizer.encode("ab") == [2, 1])
    #expect(tokenizer.bytes(of: 0) == [UInt8(ascii: "a")])
  }

  @Test("what is wrong or unknown is named")
  func refusals() throws {
    func message(_ body: () throws -> TokenizerDescription) throws -> String {
      let error = #expect(throws: TokenizerError.self) { try Tokenizer(body()) }
      return try #require(error).description
    }
    #expect(
      try message { try description(model: "bert") }
        == "tokenizer.ggml.model is \"bert\", which is not supported; "
        + "use a model with a byte-pair encoding (\"gpt2\" or \"llama\")")
    #expect(
      try message { try description(model: "llama") }
        == "tokenizer.ggml.scores should be a list of 8, but it is a list of 0; "
        + "fetch the model again")
    #expect(
      try message { try description(pre: nil) }
        == "tokenizer.ggml.pre is missing, which is not supported; "
        + "use a model with one of \"gpt-2\", \"smollm\", \"llama-bpe\", \"qwen2\", \"tekken\", "
        + "or a Hugging Face folder")
    #expect(
      try message { try description(types: [1]) }
        == "tokenizer.ggml.token_type should be a list of 8, but it is a list of 1; "
        + "fetch the model again")
    #expect(
      try message { try description(types: [1, 1, 1, 9, 1, 1, 1, 1]) }
        == "tokenizer.ggml.token_type should be a list of types from 1 to 6, "
        + "but it is 9 for token 3; fetch the model again")
    #expect(
      try message { try description(merges: ["a b", "a c"]) }
        == "merge 2 of the tokenizer needs the token \"ac\", which is not in the vocabulary; "
        + "fetch the model again")
    #expect(
      try message { try description(merges: ["ab"]) }
        == "merge 1 of the tokenizer should be two tokens separated by a space, "
        + "but it is \"ab\"; fetch the model again")
    #expect(
      try message { try description(specialTokens: SpecialTokens(endOfSequence: 8)) }
        == "special token is the id 8, but the vocabulary has 8 tokens; fetch the model again")
    var broken = try description()
    broken.merges = [MergeRule(left: 0, right: -1, result: 3)]
    #expect(
      try message { broken }
        == "merge 1 is the id -1, but the vocabulary has 8 tokens; fetch the model again")
    broken = try description()
    broken.tokens[3] = [0xFF]
    #expect(try message { broken }.hasPrefix("token 3 of the vocabulary should be UTF-8"))
    broken = try description()
    broken.addedTokens[0].id = .max
    #expect(try message { broken }.hasPrefix("added token \"<s>\" is the id 2147483647"))
    broken = try description()
    broken.prefix = [8]
    #expect(try message { broken }.contains("is the id 8"))
  }
}

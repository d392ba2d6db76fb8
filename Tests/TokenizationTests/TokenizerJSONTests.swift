import Serialization
import Testing
import Tokenization

@Suite("tokenizer.json") struct TokenizerJSONTests {
  @Test(
    "what is read is written back, member for member", arguments: TokenizerFixture.names)
  func writtenEqualsRead(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    let written = tokenizer.tokenizerJSON()
    for key in ["added_tokens", "normalizer", "pre_tokenizer", "decoder", "version"] {
      // Options of a byte-level decoder have no effect, and differ.
      if key == "decoder", TokenizerFixture.byteLevelNames.contains(name) { continue }
      let read = fixture.tokenizerJSON[key] ?? .null
      #expect(written[key] == read, "\(key)")
    }
    for key in ["vocab", "ignore_merges", "unk_token", "unk_id", "fuse_unk", "type"] {
      #expect(written["model"]?[key] == fixture.tokenizerJSON["model"]?[key], "\(key)")
    }
    if name != "gpt-2" {
      // The fixture of gpt-2 has its merges in the older form, as strings.
      #expect(written["model"]?["merges"] == fixture.tokenizerJSON["model"]?["merges"])
    }
    let again = try Tokenizer(
      tokenizerJSON: JSON.parse(written.serialized(pretty: true)),
      tokenizerConfig: tokenizer.tokenizerConfigJSON())
    #expect(again.description == tokenizer.description)
  }

  /// A tokenizer.json over the tokens `a`, `b`, `ab` and `<x>`.
  private func json(_ change: (inout JSONObject) -> Void = { _ in }) -> JSONValue {
    var json: JSONObject = [
      "added_tokens": [["id": 3, "content": "<x>", "special": true]],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": ["a b"]],
    ]
    change(&json)
    return .object(json)
  }

  @Test("tokenizer_config.json names the roles and frames the text")
  func config() throws {
    let config: JSONValue = [
      "bos_token": ["content": "<x>", "lstrip": false], "eos_token": "ab", "pad_token": "[PAD]",
      "add_bos_token": true, "add_eos_token": false,
      "added_tokens_decoder": ["4": ["content": "<y>", "special": false]],
    ]
    let tokenizer = try Tokenizer(tokenizerJSON: json(), tokenizerConfig: config)
    let roles = tokenizer.description.specialTokens
    #expect(roles == SpecialTokens(beginningOfSequence: 3, endOfSequence: 2))
    #expect(tokenizer.isSpecial(2) && !tokenizer.isSpecial(4))
    #expect(tokenizer.vocabularySize == 5)
    #expect(tokenizer.encode("ba<y>ab", addSpecialTokens: true) == [3, 1, 0, 4, 2])
    let written = tokenizer.tokenizerConfigJSON(chatTemplate: "{{ x }}", maximumLength: 8192)
    #expect(written["bos_token"] == "<x>")
    #expect(written["eos_token"] == "ab")
    #expect(written["pad_token"] == nil)
    #expect(written["chat_template"] == "{{ x }}")
    #expect(written["model_max_length"] == 8192)
  }

  @Test("a word that is a token is that token if ignore_merges says so")
  func ignoreMerges() throws {
    let plain = try Tokenizer(
      tokenizerJSON: json { $0["model"] = ["vocab": ["a": 0, "b": 1, "ab": 2], "merges": []] },
      tokenizerConfig: nil)
    #expect(plain.encode("ab") == [0, 1])
    let whole = try Tokenizer(
      tokenizerJSON: json {
        $0["model"] = ["vocab": ["a": 0, "b": 1, "ab": 2], "merges": [], "ignore_merges": true]
      }, tokenizerConfig: nil)
    #expect(whole.encode("ab") == [2])
    #expect(whole.encode("aba") == [0, 1, 0])
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let key: String
    let value: JSONValue
    let message: String
    var testDescription: String { "\(key): \(value.serialized())" }
  }

  @Test(
    "each component that is not supported or not well-formed is named",
    arguments: [
      Refusal(
        key: "normalizer", value: ["type": "Lowercase"],
        message: "tokenizer.json normalizer is \"Lowercase\", which is not supported; "
          + "use a model with NFC, Prepend and Replace only"),
      Refusal(
        key: "pre_tokenizer", value: ["type": "Metaspace"],
        message: "pre_tokenizer is Metaspace over a byte-level vocabulary, which is not supported; "
          + "use a model whose Metaspace step is the first and whose tokens are text"),
      Refusal(
        key: "pre_tokenizer", value: ["type": "Whitespace"],
        message: "tokenizer.json pre_tokenizer is \"Whitespace\", which is not supported; "
          + "use a model with ByteLevel, Metaspace, Split and Digits only"),
      Refusal(
        key: "pre_tokenizer", value: nil,
        message: "tokenizer.json pre_tokenizer should be there, but it is missing; "
          + "fetch the model again"),
      Refusal(
        key: "pre_tokenizer",
        value: [
          "type": "Sequence", "pretokenizers": [["type": "ByteLevel"], ["type": "Digits"]],
        ],
        message: "pre_tokenizer is a Sequence with a step after ByteLevel, which is not supported; "
          + "use a model whose ByteLevel step is the last"),
      Refusal(
        key: "decoder", value: ["type": "WordPiece"],
        message: "tokenizer.json decoder is \"WordPiece\", which is not supported; "
          + "use a model whose decoder is ByteLevel, or Replace, ByteFallback, Fuse and Strip"),
      Refusal(
        key: "post_processor", value: ["type": "RobertaProcessing"],
        message: "tokenizer.json post_processor is \"RobertaProcessing\", which is not supported; "
          + "use a model with TemplateProcessing, ByteLevel or none"),
      Refusal(
        key: "model", value: ["type": "WordPiece", "vocab": [:], "merges": []],
        message: "tokenizer.json model is \"WordPiece\", which is not supported; "
          + "use a model with a byte-pair encoding or a unigram model"),
      Refusal(
        key: "model", value: ["type": "Unigram", "vocab": [["a"]]],
        message: "tokenizer.json model vocab entry 1 should be a token and its score, "
          + "but it is a list; fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": 0], "merges": ["a b"]],
        message: "merge 1 of the tokenizer needs the token \"b\", which is not in the vocabulary; "
          + "fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": 0, "b": 0], "merges": []],
        message: "tokenizer.json model vocab entry \"b\" should be an id of its own, "
          + "but it is 0, which another token has; fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": 4_000_000_000], "merges": []],
        message: "tokenizer.json model vocab entry \"a\" should be an id from 0 to 65537, "
          + "but it is 4000000000; fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": -1], "merges": []],
        message: "tokenizer.json model vocab entry \"a\" should be an id from 0 to 65537, "
          + "but it is -1; fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": 0], "merges": [["a"]]],
        message: "tokenizer.json model merges entry 1 should be two tokens, but it is a list; "
          + "fetch the model again"),
      Refusal(
        key: "model", value: ["vocab": ["a": 0], "merges": [], "byte_fallback": true],
        message: "tokenizer.json model byte_fallback is on over a byte-level vocabulary, "
          + "which is not supported; use a model with either"),
      Refusal(
        key: "model", value: ["vocab": ["a": 0], "merges": [], "dropout": 0.1],
        message: "tokenizer.json model dropout is 0.1, which is not supported; "
          + "set it to null, so that a text has one encoding"),
      Refusal(
        key: "added_tokens", value: [["id": 7, "content": "a"]],
        message: "tokenizer.json added_tokens entry 1 should be the id 0, "
          + "which the vocabulary gives its content, but it is 7; fetch the model again"),
      Refusal(
        key: "added_tokens", value: [["id": 2_000_000_000, "content": "<y>"]],
        message: "added token \"<y>\" is the id 2000000000, but the vocabulary has 3 tokens; "
          + "fetch the model again"),
      Refusal(
        key: "added_tokens", value: "x",
        message: "tokenizer.json added_tokens should be a list, but it is a string; "
          + "fetch the model again"),
    ])
  func refusals(_ refusal: Refusal) throws {
    let error = #expect(throws: TokenizerError.self) {
      try Tokenizer(tokenizerJSON: json { $0[refusal.key] = refusal.value }, tokenizerConfig: nil)
    }
    #expect(try #require(error).description == refusal.message)
  }

  @Test("sequences nested a thousand deep are an error")
  func deepSequence() throws {
    var step: JSONValue = ["type": "ByteLevel"]
    for _ in 0..<1000 { step = ["type": "Sequence", "pretokenizers": .array([step])] }
    #expect(throws: TokenizerError.self) {
      try Tokenizer(tokenizerJSON: json { $0["pre_tokenizer"] = step }, tokenizerConfig: nil)
    }
    #expect(throws: TokenizerError.self) {
      try Tokenizer(tokenizerJSON: "not an object", tokenizerConfig: nil)
    }
  }
}

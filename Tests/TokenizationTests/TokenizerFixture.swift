import Foundation
import Serialization
import TestSupport
import Tokenization

/// A folder that `scripts/make_tokenizer_fixtures.py` made: strings, and the ids the reference gives them.
struct TokenizerFixture {
  /// The vocabularies in `Tests/Fixtures/tokenization`.
  static let names = ["smollm", "gpt-2", "llama-3", "llama-2", "gemma", "unigram"]
  /// Those of them whose tokens are bytes.
  static let byteLevelNames = ["smollm", "gpt-2", "llama-3"]
  /// Those whose tokens are text, as SentencePiece has them; `make_sentencepiece_fixtures.py` made these.
  static let textNames = ["llama-2", "gemma"]

  let name: String
  let strings: [String]
  let ids: [[Int32]]
  let tokenizerJSON: JSONValue

  init(_ name: String) throws {
    self.name = name
    strings = try Self.strings()
    ids = try Self.lines("tokenization/\(name)/ids.txt").map(Self.unpacked)
    tokenizerJSON = try JSON.parse(Fixture.bytes("tokenization/\(name)/tokenizer.json"))
  }

  func tokenizer() throws -> Tokenizer {
    try Tokenizer(tokenizerJSON: tokenizerJSON, tokenizerConfig: nil)
  }

  /// The tokenizer of the folder's `gguf.json`, made as from the metadata of a GGUF file.
  static func ggufDescription(_ gguf: JSONValue) throws -> TokenizerDescription {
    func strings(_ key: String) -> [[UInt8]] {
      (gguf[key]?.arrayValue ?? []).map { Array(($0.stringValue ?? "").utf8) }
    }
    func id(_ key: String) -> Int32? { gguf["\(key)_token_id"]?.intValue.map { Int32($0) } }
    return try TokenizerDescription(
      ggufModel: gguf["model"]?.stringValue ?? "", pre: gguf["pre"]?.stringValue,
      tokens: strings("tokens"),
      tokenTypes: (gguf["token_type"]?.arrayValue ?? []).map { Int32($0.intValue ?? 0) },
      merges: strings("merges"),
      scores: (gguf["scores"]?.arrayValue ?? []).map { Float($0.doubleValue ?? 0) },
      specialTokens: SpecialTokens(
        beginningOfSequence: id("bos"), endOfSequence: id("eos"), unknown: id("unknown"),
        padding: id("padding")),
      addsSpacePrefix: gguf["add_space_prefix"]?.boolValue)
  }

  static func ggufDescription(_ name: String) throws -> TokenizerDescription {
    try ggufDescription(JSON.parse(Fixture.bytes("tokenization/\(name)/gguf.json")))
  }

  static func strings() throws -> [String] {
    try lines("tokenization/strings.jsonl").map { try JSON.parse($0).stringValue ?? "" }
  }

  static func lines(_ fixture: String) throws -> [String] {
    lines(of: try Fixture.bytes(fixture))
  }

  /// The lines of a file, each ended by a line feed and by nothing else.
  static func lines(of bytes: [UInt8]) -> [String] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// Ids from base64 of little-endian 16-bit numbers, or from a list of larger ones.
  static func unpacked(_ text: String) -> [Int32] {
    if text.hasPrefix("[") {
      return ((try? JSON.parse(text))?.arrayValue ?? []).map { Int32($0.intValue ?? -1) }
    }
    let bytes = [UInt8](Data(base64Encoded: text) ?? Data())
    return stride(from: 0, to: bytes.count, by: 2).map {
      Int32(bytes[$0]) | Int32(bytes[$0 + 1]) << 8
    }
  }
}

extension String {
  /// The start of the string with everything but ASCII escaped, for a failure's message.
  var shown: String {
    unicodeScalars.prefix(60).map { $0.escaped(asASCII: true) }.joined()
  }
}

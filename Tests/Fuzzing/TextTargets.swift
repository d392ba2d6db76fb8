import Configuration
import Serialization
import Tokenization

/// tokenizer.json and the run configuration.
enum TextTargets {
  /// A little of everything that words are made of.
  static let sample: String = {
    let parts = [
      "Hello, world! It's 12,345.67 isn't  they'LL\t\n\n  a_b-c ", "<|im_start|>user\nHi<|im_end|>",
      "Ünïcödé Ǆ ß ﬁ é e\u{301} 日本語のテキスト 한국어 العربية עברית हिन्दी ไทย ٣٤٥ ⅷ½² ",
      "😀👩‍👩‍👧‍👦🏳️‍🌈 \u{200B}\u{FEFF}\u{0}\u{7F}\u{AD}\u{2028}\u{10FFFF}\u{3000} ",
      String(repeating: "a", count: 300), String(repeating: " ", count: 40),
      String(repeating: "ab1 ", count: 30), "\r\n\r\r\n \n", "((((({{{{{[[[[[",
    ]
    return parts.joined()
  }()

  static func makeTokenizerReader() throws -> ([UInt8], String) throws -> Void {
    let config = try JSON.parse(FuzzFile.fixture("modelfiles/tiny/tokenizer_config.json"))
    return { bytes, _ in
      let json = try JSON.parse(bytes)
      try each(
        { use(try Tokenizer(tokenizerJSON: json, tokenizerConfig: nil)) },
        { _ = try Tokenizer(tokenizerJSON: json, tokenizerConfig: config) })
    }
  }

  /// Encodes and decodes with a tokenizer.
  static func use(_ tokenizer: Tokenizer) {
    let bytes = Array(sample.utf8)
    let spans = tokenizer.encodeWithOffsets(sample)
    var end = 0
    for span in spans {
      require(
        span.range.lowerBound >= end && span.range.upperBound <= bytes.count,
        "tokens overlap or lie outside the text")
      end = span.range.upperBound
      require(
        span.id >= 0 && Int(span.id) < tokenizer.vocabularySize, "a token is not in the vocabulary")
    }
    do throws(TokenizerError) {
      let ids = try tokenizer.encode(bytes, addSpecialTokens: true)
      _ = tokenizer.decode(ids, skipSpecialTokens: true).count
    } catch {
      require(!"\(error)".isEmpty, "an error says nothing")
    }
    for id in [-1, 0, tokenizer.vocabularySize - 1, tokenizer.vocabularySize] {
      let id = Int32(truncatingIfNeeded: id)
      _ = (tokenizer.bytes(of: id).count, tokenizer.isSpecial(id))
    }
  }

  /// A configuration that is accepted is the same again once written; short inputs are overrides too.
  static func readYAML(_ bytes: [UInt8], _ folder: String) throws {
    try each(
      { _ = try YAML.parse(bytes) },
      {
        let run = try RunConfiguration(yaml: bytes, name: "run.yaml")
        let text = run.resolvedYAML()
        do throws(ConfigurationError) {
          let again = try RunConfiguration(yaml: Array(text.utf8), name: "resolved.yaml")
          require(again == run, "a configuration is another once written")
        } catch {
          require(false, "a configuration that was written is refused: \(error)\n\(text)")
        }
      },
      {
        guard bytes.count < 512, bytes.contains(UInt8(ascii: "=")) else { return }
        _ = try RunConfiguration(
          yaml: sound, name: "run.yaml", overrides: [String(decoding: bytes, as: UTF8.self)])
      })
  }

  private static let sound = Array(
    "model: {path: m}\ndata: {train: t}\ntraining: {output_dir: o}\n".utf8)
}

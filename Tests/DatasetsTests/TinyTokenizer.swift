import Tokenization

/// A tokenizer of the bytes, two merges and three special tokens, with ChatML's template.
enum TinyTokenizer {
  static let start: Int32 = 256
  static let end: Int32 = 257
  static let beginning: Int32 = 258
  /// The token of `"yn"`, which lies across the border in `"why" + "not"`.
  static let yn: Int32 = 259

  /// - Parameter beginsTexts: Whether plain texts begin with ``beginning``.
  static func make(beginsTexts: Bool = false, endsTexts: Bool = true) throws -> Tokenizer {
    var tokens = (UInt8.min...UInt8.max).map { Array(letter(of: $0).utf8) }
    tokens += ["<|im_start|>", "<|im_end|>", "<s>"].map { Array($0.utf8) }
    tokens.append(Array("yn".utf8))
    var description = TokenizerDescription(
      tokens: tokens,
      merges: [
        MergeRule(
          left: Int32(UInt8(ascii: "y")), right: Int32(UInt8(ascii: "n")), result: yn)
      ],
      addedTokens: (start...beginning).map {
        AddedToken(id: $0, content: tokens[Int($0)], isSpecial: true)
      },
      specialTokens: SpecialTokens(
        beginningOfSequence: beginning, endOfSequence: endsTexts ? end : nil))
    if beginsTexts { description.prefix = [beginning] }
    return try Tokenizer(description)
  }

  static func template(_ source: String = chatML) throws -> ChatTemplate {
    try ChatTemplate(source: source, bosToken: "<s>", eosToken: "<|im_end|>")
  }

  static let chatML = """
    {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] \
    + '<|im_end|>' + '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
    """

  /// The letter of a byte in the byte-level alphabet: itself where it can be seen, else the next from Ā.
  private static func letter(of byte: UInt8) -> String {
    func isSeen(_ byte: UInt8) -> Bool {
      (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
    }
    let before = (0..<Int(byte)).count { !isSeen(UInt8($0)) }
    let scalar = isSeen(byte) ? UInt32(byte) : 0x100 + UInt32(before)
    return Unicode.Scalar(scalar).map { String(Character($0)) } ?? ""
  }
}

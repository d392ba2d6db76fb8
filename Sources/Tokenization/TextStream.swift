import Serialization

/// The text of tokens as they come, in whole characters and as early as those are known.
///
/// All pieces together are the text of ``Tokenizer/decode(_:skipSpecialTokens:)``, with U+FFFD for what is no UTF-8.
/// Each token is looked at once, however long the text becomes.
public struct TextStream: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  /// Whether a space that comes next begins the text.
  private var stripsSpace: Bool
  /// The bytes of a character that is not complete.
  private var pending: [UInt8] = []

  /// Begins a text.
  public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    skipsSpecialTokens = skipSpecialTokens
    stripsSpace = tokenizer.description.stripsLeadingSpace
  }

  /// What is known of the text after `id` and was not before; may be empty.
  public mutating func append(_ id: Int32) -> String {
    if skipsSpecialTokens, tokenizer.isSpecial(id) { return "" }
    var bytes = tokenizer.bytes(of: id)
    if stripsSpace, let first = bytes.first {
      if first == UInt8(ascii: " ") { bytes.removeFirst() }
      stripsSpace = false
    }
    pending += bytes
    let complete = pending.count - incompleteLength
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// What is left at the end of the text.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a character that later ones may complete.
  private var incompleteLength: Int {
    for length in 1...3 where length <= pending.count {
      let byte = pending[pending.count - length]
      if byte & 0xC0 == 0x80 { continue }
      let needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length < needed ? length : 0
    }
    return 0
  }
}

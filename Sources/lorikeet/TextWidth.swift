/// How wide text is on a terminal, where each character takes one column or two.
enum TextWidth {
  /// Columns of a text that has no control characters.
  static func columns(of text: String) -> Int { text.reduce(0) { $0 + columns(of: $1) } }

  /// As much of a text as fits.
  static func prefix(of text: String, columns limit: Int) -> String {
    var left = limit
    return String(
      text.prefix { character in
        left -= columns(of: character)
        return left >= 0
      })
  }

  /// A text of one line that fits, with an ellipsis where some of it had to go.
  static func shortened(_ text: String, columns limit: Int) -> String {
    columns(of: text) <= limit ? text : prefix(of: text, columns: max(0, limit - 1)) + "…"
  }

  /// A character is as wide as its widest scalar: what combines with it adds nothing.
  private static func columns(of character: Character) -> Int {
    character.unicodeScalars.contains { isWide($0.value) } ? 2 : 1
  }

  /// The blocks that Unicode calls wide, in broad strokes: East Asian scripts, full-width forms, emoji.
  ///
  /// - SeeAlso: Unicode Standard Annex #11, "East Asian Width".
  private static func isWide(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
      0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
      true
    default: false
    }
  }
}

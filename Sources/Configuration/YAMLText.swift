/// Writes scalars so that YAML reads them back unchanged, in a block and between brackets.
enum YAMLText {
  /// The shortest text that reads back to `value`, without a fraction of zero.
  static func number(_ value: Double) -> String {
    let text = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// `text` as it stands where YAML takes it so, else in double quotes.
  static func string(_ text: String) -> String {
    let isPlain =
      text.utf8.first.map {
        isWordCharacter($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".")
      }
      ?? false
    let words: Set = ["null", "Null", "NULL"]
    guard isPlain, !words.contains(text),
      text.utf8.allSatisfy({ isWordCharacter($0) || "/.-+@".utf8.contains($0) })
    else { return quoted(text) }
    return text
  }

  /// `text` in double quotes, with everything escaped that YAML would fold, refuse or interpret.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0x0A: result += "\\n"
      case 0x09: result += "\\t"
      case 0x0D: result += "\\r"
      case 0..<0x20, 0x7F..<0xA1, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

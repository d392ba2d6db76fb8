import Serialization

/// Text from a file, made safe to send to a terminal.
///
/// A terminal obeys control characters: an escape sequence in a row of data could clear the screen, retitle the
/// window or paint what is not there. Every character that is not seen is written out instead.
enum VisibleText {
  /// `text` with `\n`, `\t`, `\u{1B}` and the like in place of what cannot be seen.
  static func escaped(_ text: String) -> String { escaped(Array(text.utf8)) }

  /// Bytes as text; those that are not UTF-8 are written as `\xE9`.
  ///
  /// - Parameter breaksLines: whether a newline, once shown, also begins a line.
  static func escaped(_ bytes: [UInt8], breaksLines: Bool = false) -> String {
    var visible = ""
    var rest = bytes[...]
    while !rest.isEmpty {
      let valid = UTF8Validation.firstInvalidOffset(in: Array(rest)) ?? rest.count
      for scalar in String(decoding: rest.prefix(valid), as: UTF8.self).unicodeScalars {
        append(scalar, breaksLines, to: &visible)
      }
      rest = rest.dropFirst(valid)
      if let byte = rest.popFirst() { visible += "\\x" + hexadecimal(UInt32(byte), digits: 2) }
    }
    return visible
  }

  private static func append(
    _ scalar: Unicode.Scalar, _ breaksLines: Bool, to visible: inout String
  ) {
    switch scalar {
    case "\n": visible += breaksLines ? "↵\n" : "\\n"
    case "\t": visible += "\\t"
    case "\r": visible += "\\r"
    default:
      if isHidden(scalar) {
        visible += "\\u{" + hexadecimal(scalar.value, digits: 4) + "}"
      } else {
        visible.unicodeScalars.append(scalar)
      }
    }
  }

  /// Whether a terminal obeys the character, or shows nothing of it.
  ///
  /// Format characters are among them, since some turn the direction of what follows. The joiners that scripts
  /// and emoji are written with are not.
  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    case .format: scalar != "\u{200C}" && scalar != "\u{200D}"
    default: false
    }
  }

  private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}

/// Text as a page holds it.
public enum Markup {
  /// `text` so that a browser shows it and does nothing else with it, between tags and in quoted attributes.
  ///
  /// Control characters, which no HTML or SVG may hold, become U+FFFD.
  public static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: result.unicodeScalars.append("\u{FFFD}")
        default: result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  /// `escaped`, with places to break a long key or path at.
  static func breakable(_ text: String) -> String {
    escaped(text).reduce(into: "") { result, character in
      result.append(character)
      if character == "_" || character == "/" { result += "<wbr>" }
    }
  }

  /// A coordinate with the digits that can be seen.
  static func coordinate(_ value: Double) -> String {
    NumberText.trimmed(NumberText.fixed(value, 1)).replacing(minus: "-")
  }
}

extension String {
  /// SVG knows the ASCII minus alone.
  fileprivate func replacing(minus: Character) -> String {
    String(map { $0 == "−" ? minus : $0 })
  }
}

internal import Serialization

/// What Markdown says of its own structure: headings, which fences of code may not be mistaken for, and front matter.
///
/// - SeeAlso: CommonMark 0.31, sections 4.2 (ATX headings), 4.3 (setext headings) and 4.5 (fenced code blocks).
enum Markdown {
  /// A heading of a text.
  struct Heading: Equatable {
    /// Where its line begins in the text's UTF-8.
    let offset: Int
    /// What it says, as bytes of the text.
    let text: Range<Int>
  }

  /// The headings of a text in order; lines in fences of code are none.
  static func headings(of bytes: [UInt8]) -> [Heading] {
    var headings: [Heading] = []
    var fence: (mark: UInt8, count: Int)?
    var previous: Range<Int>?
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let line = trimmed(start..<end, bytes)
      defer {
        start = end + 1
        previous = line
      }
      guard let first = line.first.map({ bytes[$0] }) else { continue }
      // Four spaces or a tab make code, of fences and headings too.
      let isIndented = line.lowerBound - start > 3 || bytes[start] == UInt8(ascii: "\t")
      let run = line.prefix { bytes[$0] == first }.count
      if let open = fence {
        if first == open.mark, run >= open.count, run == line.count { fence = nil }
        continue
      }
      if isIndented { continue }
      switch first {
      case UInt8(ascii: "`"), UInt8(ascii: "~"):
        if run >= 3 { fence = (first, run) }
      case UInt8(ascii: "#"):
        guard run <= 6 else { continue }
        let rest = line.lowerBound + run
        guard rest == line.upperBound || isBlank(bytes[rest]) else { continue }
        var text = trimmed(rest..<line.upperBound, bytes)
        // Marks that close a heading are no part of it.
        let closing = text.reversed().prefix { bytes[$0] == UInt8(ascii: "#") }.count
        if closing > 0, closing == text.count || isBlank(bytes[text.upperBound - closing - 1]) {
          text = trimmed(text.lowerBound..<text.upperBound - closing, bytes)
        }
        headings.append(Heading(offset: start, text: text))
      case UInt8(ascii: "="), UInt8(ascii: "-"):
        // A line below a text makes it a heading; where that is a list, a table or a quotation, it is a rule.
        guard run == line.count, run >= 3, let above = previous, !above.isEmpty,
          !"-=*+>|#`~<".utf8.contains(bytes[above.lowerBound]),
          headings.last.map({ $0.offset < above.lowerBound && $0.text != above }) ?? true
        else { continue }
        headings.append(Heading(offset: above.lowerBound, text: above))
      default: break
      }
    }
    return headings
  }

  /// What stands between two lines `---` at the beginning of a text, and where the text goes on.
  ///
  /// - Returns: nil where there is none, or where it is no YAML mapping.
  static func frontMatter(of text: String) -> (settings: [String: String], end: Int, lines: Int)? {
    guard text.utf8.starts(with: "---\n".utf8) else { return nil }
    let bytes = Array(text.utf8)
    var (start, lines) = (4, 1)
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      lines += 1
      if bytes[start..<end].elementsEqual("---".utf8) {
        guard let node = try? YAML.parse(Array(bytes[4..<start])),
          case .mapping(let members, _) = node
        else { return nil }
        var settings: [String: String] = [:]
        for member in members {
          if case .scalar(let value, _, _) = member.value { settings[member.key] = value }
        }
        return (settings, min(end + 1, bytes.count), lines)
      }
      start = end + 1
    }
    return nil
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }

  private static func trimmed(_ range: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high, isBlank(bytes[low]) { low += 1 }
    while high > low, isBlank(bytes[high - 1]) { high -= 1 }
    return low..<high
  }
}

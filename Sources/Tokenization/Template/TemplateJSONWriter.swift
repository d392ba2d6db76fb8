/// `tojson`, as Transformers defines it: Python's `json.dumps` with `ensure_ascii` off.
struct TemplateJSONWriter {
  var escapesNonASCII = false
  /// What each level is indented by; `nil` writes everything on one line.
  var indent: TracedString?
  var itemSeparator = TracedString(", ")
  var keySeparator = TracedString(": ")
  var sortsKeys = false
  private var output = TracedStringBuilder()

  /// - Throws: An argument that `json.dumps` does not take.
  init(
    escapesNonASCII: Bool, indent: TemplateValue, separators: TemplateValue, sortsKeys: Bool
  ) throws(TemplateFault) {
    self.escapesNonASCII = escapesNonASCII
    self.sortsKeys = sortsKeys
    switch indent {
    case .null: break
    case .string(let text): self.indent = text
    default:
      guard let width = indent.integer else {
        throw TemplateFault("tojson takes a number or a string as indent, not \(indent.typeName)")
      }
      self.indent = try TracedString(" ").repeated(width)
    }
    if self.indent != nil { itemSeparator = TracedString(",") }
    switch separators {
    case .null: break
    case .list(let list), .tuple(let list):
      guard list.items.count == 2, case .string(let item) = list.items[0],
        case .string(let key) = list.items[1]
      else { throw TemplateFault("tojson takes two strings as separators") }
      itemSeparator = item
      keySeparator = key
    default: throw TemplateFault("tojson takes two strings as separators")
    }
  }

  mutating func text(of value: TemplateValue) throws(TemplateFault) -> TracedString {
    try write(value, level: 0, origin: 0)
    return output.string
  }

  private mutating func write(
    _ value: TemplateValue, level: Int, origin: UInt32
  ) throws(TemplateFault) {
    switch value {
    case .null: try output.append("null", origin: origin)
    case .bool(let value): try output.append(value ? "true" : "false", origin: origin)
    case .integer(let value): try output.append(String(value), origin: origin)
    case .float(let value): try output.append(Self.text(of: value), origin: origin)
    case .string(let text): try write(text, origin: origin)
    case .list(let list), .tuple(let list):
      let origin = list.origin == 0 ? origin : list.origin
      try writeBracketed("[", "]", count: list.items.count, level: level, origin: origin) {
        (writer, index) throws(TemplateFault) in
        try writer.write(list.items[index], level: level + 1, origin: origin)
      }
    case .dictionary(let dictionary):
      let origin = dictionary.origin == 0 ? origin : dictionary.origin
      var entries = dictionary.entries
      if sortsKeys {
        entries = try entries.sortedStably { (a, b) throws(TemplateFault) in
          try a.key.isLess(than: b.key)
        }
      }
      try writeBracketed("{", "}", count: entries.count, level: level, origin: origin) {
        (writer, index) throws(TemplateFault) in
        try writer.writeKey(entries[index].key, origin: origin)
        try writer.output.append(writer.keySeparator.traced(to: origin))
        try writer.write(entries[index].value, level: level + 1, origin: origin)
      }
    default:
      throw TemplateFault("Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private mutating func writeBracketed(
    _ open: String, _ close: String, count: Int, level: Int, origin: UInt32,
    element: (inout TemplateJSONWriter, Int) throws(TemplateFault) -> Void
  ) throws(TemplateFault) {
    try output.append(open, origin: origin)
    for index in 0..<count {
      if index > 0 { try output.append(itemSeparator.traced(to: origin)) }
      try breakLine(level: level + 1, origin: origin)
      try element(&self, index)
    }
    if count > 0 { try breakLine(level: level, origin: origin) }
    try output.append(close, origin: origin)
  }

  private mutating func breakLine(level: Int, origin: UInt32) throws(TemplateFault) {
    guard let indent else { return }
    try output.append("\n", origin: origin)
    for _ in 0..<level { try output.append(indent.traced(to: origin)) }
  }

  private mutating func writeKey(_ key: TemplateValue, origin: UInt32) throws(TemplateFault) {
    switch key {
    case .string(let text): try write(text, origin: origin)
    case .null: try output.append("\"null\"", origin: origin)
    case .bool(let value): try output.append(value ? "\"true\"" : "\"false\"", origin: origin)
    case .integer(let value): try output.append("\"\(value)\"", origin: origin)
    case .float(let value): try output.append("\"\(Self.text(of: value))\"", origin: origin)
    default:
      throw TemplateFault("keys must be str, int, float, bool or None, not \(key.typeName)")
    }
  }

  private static func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return PythonNumbers.text(of: value)
  }

  private mutating func write(_ text: TracedString, origin: UInt32) throws(TemplateFault) {
    try output.append("\"", origin: origin)
    for glyph in text.glyphs {
      switch glyph.scalar {
      case 0x22: try output.append("\\\"", origin: glyph.origin)
      case 0x5C: try output.append("\\\\", origin: glyph.origin)
      case 0x0A: try output.append("\\n", origin: glyph.origin)
      case 0x0D: try output.append("\\r", origin: glyph.origin)
      case 0x09: try output.append("\\t", origin: glyph.origin)
      case 0x0C: try output.append("\\f", origin: glyph.origin)
      case 0x08: try output.append("\\b", origin: glyph.origin)
      case 0..<0x20: try output.append(Self.escape(glyph.scalar), origin: glyph.origin)
      case 0x7F... where escapesNonASCII:
        for unit in UTF16.encode(glyph.unicode) ?? UTF16.encodedReplacementCharacter {
          try output.append(Self.escape(UInt32(unit)), origin: glyph.origin)
        }
      default: try output.append(glyph)
      }
    }
    try output.append("\"", origin: origin)
  }

  private static func escape(_ unit: UInt32) -> String {
    let digits = String(unit, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
  }
}

extension Array {
  /// The elements in order; those of which neither comes first stay in theirs.
  func sortedStably(
    by comesFirst: (Element, Element) throws(TemplateFault) -> Bool
  ) throws(TemplateFault) -> [Element] {
    var source = self
    var width = 1
    while width < count {
      var merged: [Element] = []
      merged.reserveCapacity(count)
      var start = 0
      while start < count {
        let middle = Swift.min(start + width, count)
        let end = Swift.min(start + 2 * width, count)
        var (left, right) = (start, middle)
        while left < middle, right < end {
          if try comesFirst(source[right], source[left]) {
            merged.append(source[right])
            right += 1
          } else {
            merged.append(source[left])
            left += 1
          }
        }
        merged += source[left..<middle]
        merged += source[right..<end]
        start = end
      }
      source = merged
      width *= 2
    }
    return source
  }
}

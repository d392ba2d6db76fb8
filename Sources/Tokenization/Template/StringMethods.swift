/// The methods of Python's `str`.
enum StringMethods {
  static let names: Set<String> = [
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith",
    "replace", "upper", "lower", "title", "capitalize", "swapcase", "casefold", "join", "find",
    "rfind", "index", "rindex", "count", "format", "isdigit", "isdecimal", "isnumeric", "isalpha",
    "isalnum", "isspace", "isupper", "islower", "istitle", "isascii", "isidentifier",
    "isprintable", "partition", "rpartition", "removeprefix", "removesuffix", "center", "ljust",
    "rjust", "zfill",
  ]

  /// Methods that Python has and this interpreter does not.
  static let missing: Set<String> = [
    "encode", "expandtabs", "format_map", "maketrans", "translate",
  ]

  /// Methods of escaped strings that escape nothing, and so do what those of others do.
  private static let harmless: Set<String> = [
    "strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "swapcase", "split",
    "rsplit", "splitlines", "startswith", "endswith", "find", "rfind", "index", "rindex", "count",
    "isdigit", "isalpha", "isspace", "isupper", "islower",
  ]

  /// `text.name(arguments)`.
  static func call(
    _ name: String, on text: TracedString, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TemplateValue {
    if text.isMarkup, !harmless.contains(name) {
      throw .unsupported("'\(name)' of an escaped string")
    }
    switch name {
    case "strip", "lstrip", "rstrip":
      let values = try arguments.bound(to: ["chars"], of: name)
      return .string(
        text.stripped(
          of: try values[0].string("chars"), start: name != "rstrip", end: name != "lstrip"))
    case "split", "rsplit": return try split(name, text, arguments)
    case "splitlines":
      let values = try arguments.bound(to: ["keepends"], of: name)
      return try list(text.splitLines(keepingEnds: values[0].isTrue()))
    case "startswith", "endswith": return try .bool(hasAffix(name, text, arguments))
    case "replace":
      let values = try arguments.bound(to: ["old", "new", "count"], required: 2, of: name)
      return .string(
        try text.replacing(
          values[0].requiredString("old"), with: values[1].requiredString("new"),
          limit: values[2].integer(or: -1, "count")))
    case "join":
      let values = try arguments.bound(to: ["iterable"], required: 1, of: name)
      return .string(try text.joining(values[0]?.elements() ?? []))
    case "find", "rfind", "index", "rindex": return try find(name, text, arguments)
    case "count":
      let values = try arguments.bound(to: ["sub", "start", "end"], required: 1, of: name)
      let (part, _) = try window(text, values)
      let pattern = try values[0].requiredString("sub")
      return .integer(
        pattern.isEmpty ? part.map { $0.count + 1 } ?? 0 : part?.occurrences(of: pattern).count ?? 0
      )
    case "partition", "rpartition":
      let values = try arguments.bound(to: ["sep"], required: 1, of: name)
      return try partition(text, values[0].requiredString("sep"), fromEnd: name == "rpartition")
    case "removeprefix":
      let affix = try arguments.bound(to: ["prefix"], required: 1, of: name)[0]
        .requiredString("prefix")
      return .string(text.hasPrefix(affix) ? text.slice(affix.count..<text.count) : text)
    case "removesuffix":
      let affix = try arguments.bound(to: ["suffix"], required: 1, of: name)[0]
        .requiredString("suffix")
      let end = text.count - affix.count
      return .string(text.hasPrefix(affix, at: end) ? text.slice(0..<end) : text)
    case "center", "ljust", "rjust": return try .string(padded(name, text, arguments))
    case "zfill":
      let width = try arguments.bound(to: ["width"], required: 1, of: name)[0]
        .integer(or: 0, "width")
      return .string(try zeroFilled(text, width: width))
    default:
      try arguments.requireNone(of: name)
      return try withoutArguments(name, text)
    }
  }

  private static func withoutArguments(_ name: String, _ text: TracedString) throws(TemplateFault)
    -> TemplateValue
  {
    func all(_ test: (Unicode.Scalar) -> Bool) -> TemplateValue {
      .bool(!text.isEmpty && text.glyphs.allSatisfy { test($0.unicode) })
    }
    switch name {
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "title": return .string(text.titlecased())
    case "capitalize": return .string(text.capitalized())
    case "swapcase": return .string(text.swappingCase())
    case "casefold":
      guard text.glyphs.allSatisfy({ $0.scalar < 0x80 }) else {
        throw .unsupported("'casefold' of other than ASCII text")
      }
      return .string(text.lowercased())
    case "isdigit":
      return all { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
    case "isdecimal": return all { $0.properties.numericType == .decimal }
    case "isnumeric": return all { $0.properties.numericType != nil }
    case "isalpha": return all(PythonText.isAlphabetic)
    case "isalnum": return all(PythonText.isAlphanumeric)
    case "isspace": return all { PythonText.isSpace($0.value) }
    case "isupper": return .bool(text.isUppercase)
    case "islower": return .bool(text.isLowercase)
    case "istitle":
      let hasCase = text.glyphs.contains { PythonText.isCased($0.unicode) }
      return .bool(hasCase && text.titlecased() == text)
    case "isascii": return .bool(text.glyphs.allSatisfy { $0.scalar < 0x80 })
    case "isprintable": return .bool(text.glyphs.allSatisfy { PythonText.isPrintable($0.unicode) })
    case "isidentifier":
      guard let first = text.glyphs.first?.unicode, first == "_" || first.properties.isXIDStart
      else { return .bool(false) }
      return all { $0.properties.isXIDContinue }
    default: throw .unsupported("the method '\(name)' of a string")
    }
  }

  static func list(_ parts: [TracedString]) throws(TemplateFault) -> TemplateValue {
    .list(try TemplateList(parts.map { .string($0) }))
  }

  private static func split(
    _ name: String, _ text: TracedString, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["sep", "maxsplit"], of: name)
    let count = try values[1].integer(or: -1, "maxsplit")
    let limit = count < 0 ? Int.max : count
    let isFromEnd = name == "rsplit"
    guard let separator = try values[0].string("sep") else {
      return try list(
        isFromEnd ? text.splitAtSpaceFromEnd(limit: limit) : text.splitAtSpace(limit: limit))
    }
    guard !separator.isEmpty else { throw TemplateFault("empty separator") }
    return try list(text.split(at: separator, limit: limit, fromEnd: isFromEnd))
  }

  /// `text[start:end]` and where it starts, or `nil` if the window lies beyond the end.
  private static func window(
    _ text: TracedString, _ values: [TemplateValue?]
  ) throws(TemplateFault) -> (TracedString?, start: Int) {
    func offset(_ value: TemplateValue?, _ fallback: Int, _ name: String) throws(TemplateFault)
      -> Int
    {
      if let value, value.isNull { return fallback }
      let index = try value.integer(or: fallback, name)
      return index < 0 ? max(0, index + text.count) : index
    }
    let start = try offset(values[1], 0, "start")
    let end = min(try offset(values[2], text.count, "end"), text.count)
    guard start <= end else { return (nil, start) }
    return (start == 0 && end == text.count ? text : text.slice(start..<end), start)
  }

  private static func find(
    _ name: String, _ text: TracedString, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["sub", "start", "end"], required: 1, of: name)
    let pattern = try values[0].requiredString("sub")
    let (part, start) = try window(text, values)
    let isLast = name == "rfind" || name == "rindex"
    var found: Int?
    if let part {
      if pattern.isEmpty {
        found = isLast ? part.count : 0
      } else if isLast {
        found = part.occurrences(of: pattern, overlapping: true).last
      } else {
        found = part.occurrences(of: pattern, limit: 1).first
      }
    }
    if let found { return .integer(start + found) }
    if name.hasSuffix("index") { throw TemplateFault("substring not found") }
    return .integer(-1)
  }

  private static func hasAffix(
    _ name: String, _ text: TracedString, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> Bool {
    let values = try arguments.bound(to: ["affix", "start", "end"], required: 1, of: name)
    let (part, _) = try window(text, values)
    var affixes: [TracedString] = []
    if case .tuple(let list) = values[0] {
      for item in list.items { affixes.append(try Optional(item).requiredString("affix")) }
    } else {
      affixes = [try values[0].requiredString("affix")]
    }
    guard let part else { return false }
    return affixes.contains { affix in
      part.hasPrefix(affix, at: name == "startswith" ? 0 : part.count - affix.count)
    }
  }

  private static func partition(
    _ text: TracedString, _ separator: TracedString, fromEnd: Bool
  ) throws(TemplateFault) -> TemplateValue {
    guard !separator.isEmpty else { throw TemplateFault("empty separator") }
    let parts = try text.split(at: separator, limit: 1, fromEnd: fromEnd)
    let empty = TracedString(glyphs: [])
    let result: [TracedString] =
      if parts.count == 2 {
        [
          parts[0], text.slice(parts[0].count..<parts[0].count + separator.count), parts[1],
        ]
      } else {
        fromEnd ? [empty, empty, text] : [text, empty, empty]
      }
    return .tuple(try TemplateList(result.map { .string($0) }))
  }

  private static func padded(
    _ name: String, _ text: TracedString, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TracedString {
    let values = try arguments.bound(to: ["width", "fillchar"], required: 1, of: name)
    let fill = try values[1].string("fillchar") ?? TracedString(" ")
    guard fill.count == 1 else {
      throw TemplateFault("The fill character must be exactly one character long")
    }
    return try text.padded(
      to: values[0].integer(or: 0, "width"), with: fill.glyphs[0],
      name == "center" ? .center : name == "ljust" ? .start : .end)
  }

  private static func zeroFilled(_ text: TracedString, width: Int) throws(TemplateFault)
    -> TracedString
  {
    guard width > text.count else { return text }
    var result = TracedStringBuilder()
    let hasSign = text.glyphs.first.map { $0.scalar == 0x2B || $0.scalar == 0x2D } ?? false
    if hasSign { try result.append(text.glyphs[..<1]) }
    try result.append(Glyph(0x30), count: width - text.count)
    try result.append(text.glyphs[(hasSign ? 1 : 0)...])
    return result.string
  }
}

extension TracedString {
  /// Which side of a padded string the text itself is on.
  enum Alignment {
    case start, center, end
  }

  func padded(to width: Int, with fill: Glyph, _ alignment: Alignment) throws(TemplateFault)
    -> TracedString
  {
    guard width > count else { return self }
    let missing = width - count
    let before =
      switch alignment {
      case .start: 0
      case .end: missing
      // Python puts the odd one on the left if the width is odd.
      case .center: missing / 2 + (missing & width & 1)
      }
    var result = TracedStringBuilder()
    try result.append(fill, count: before)
    try result.append(self)
    try result.append(fill, count: missing - before)
    return TracedString(glyphs: result.glyphs, isMarkup: isMarkup)
  }

  /// `self.join(values)`.
  func joining(_ values: [TemplateValue]) throws(TemplateFault) -> TracedString {
    var result = TracedStringBuilder()
    for (index, value) in values.enumerated() {
      guard case .string(let text) = value else {
        throw TemplateFault(
          "sequence item \(index): expected str instance, \(value.typeName) found")
      }
      if index > 0 { try result.append(self) }
      try result.append(text)
    }
    return result.string
  }

  /// `str.isupper`: something is cased, and nothing is in lower or title case.
  var isUppercase: Bool {
    let hasUpper = glyphs.contains { $0.unicode.properties.isUppercase }
    return hasUpper
      && !glyphs.contains {
        $0.unicode.properties.isLowercase
          || $0.unicode.properties.generalCategory == .titlecaseLetter
      }
  }

  /// `str.islower`.
  var isLowercase: Bool {
    let hasLower = glyphs.contains { $0.unicode.properties.isLowercase }
    return hasLower
      && !glyphs.contains {
        $0.unicode.properties.isUppercase
          || $0.unicode.properties.generalCategory == .titlecaseLetter
      }
  }
}

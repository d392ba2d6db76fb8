/// What Python's `str` knows about characters.
enum PythonText {
  /// `str.isspace` of one code point; also what `\s` matches and `strip` removes.
  static func isSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }

  /// Whether `splitlines` ends a line here.
  static func isLineBreak(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// Whether `\w` matches it.
  static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || isAlphanumeric(scalar)
  }

  /// `str.isalpha` of one code point.
  static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// `str.isalnum` of one code point.
  static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    isAlphabetic(scalar) || scalar.properties.numericType != nil
  }

  /// `str.isprintable` of one code point: whether `repr` writes it as it is.
  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == " " { return true }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }

  /// Whether it has upper and lower case.
  static func isCased(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isCased
  }

  /// `repr` of a string: in single quotes unless only those occur inside.
  static func quoted(_ string: TracedString, into output: inout TracedStringBuilder, origin: UInt32)
    throws(TemplateFault)
  {
    let hasSingle = string.glyphs.contains { $0.scalar == 0x27 }
    let hasDouble = string.glyphs.contains { $0.scalar == 0x22 }
    let quote: UInt32 = hasSingle && !hasDouble ? 0x22 : 0x27
    try output.append(Glyph(quote, origin: origin))
    for glyph in string.glyphs {
      switch glyph.scalar {
      case quote, 0x5C:
        try output.append(Glyph(0x5C, origin: glyph.origin))
        try output.append(glyph)
      case 0x0A: try output.append("\\n", origin: glyph.origin)
      case 0x0D: try output.append("\\r", origin: glyph.origin)
      case 0x09: try output.append("\\t", origin: glyph.origin)
      default:
        if isPrintable(glyph.unicode) {
          try output.append(glyph)
        } else {
          try output.append(PythonEscapes.pythonEscape(glyph.scalar), origin: glyph.origin)
        }
      }
    }
    try output.append(Glyph(quote, origin: origin))
  }

  /// `repr` of a string, for messages.
  static func quoted(_ text: String) -> String {
    var builder = TracedStringBuilder()
    // A message is short; one that is not loses its end.
    do { try quoted(TracedString(String(text.prefix(200))), into: &builder, origin: 0) } catch {}
    return builder.string.text
  }
}

extension TracedString {
  // MARK: Case

  func uppercased() -> TracedString {
    mapped { glyph, _ in glyph.unicode.properties.uppercaseMapping }
  }

  func lowercased() -> TracedString {
    mapped { glyph, index in lowercase(of: glyph, at: index) }
  }

  /// `str.capitalize`: the first character in title case, the rest in lower case.
  func capitalized() -> TracedString {
    mapped { glyph, index in
      index == 0 ? glyph.unicode.properties.titlecaseMapping : lowercase(of: glyph, at: index)
    }
  }

  func swappingCase() -> TracedString {
    mapped { glyph, index in
      let properties = glyph.unicode.properties
      if properties.isUppercase { return lowercase(of: glyph, at: index) }
      return properties.isLowercase ? properties.uppercaseMapping : String(glyph.unicode)
    }
  }

  /// `str.title`: each run of cased characters starts in title case.
  func titlecased() -> TracedString {
    var isInsideWord = false
    return mapped { glyph, index in
      let scalar = glyph.unicode
      defer { isInsideWord = PythonText.isCased(scalar) }
      return isInsideWord
        ? lowercase(of: glyph, at: index) : scalar.properties.titlecaseMapping
    }
  }

  /// Jinja's `title` filter, which breaks words at spaces, hyphens and opening brackets only.
  func titlecasedByJinja() -> TracedString {
    var glyphs: [Glyph] = []
    var start = 0
    func isBreak(_ scalar: UInt32) -> Bool {
      PythonText.isSpace(scalar) || [0x2D, 0x28, 0x7B, 0x5B, 0x3C].contains(scalar)
    }
    while start < count {
      var end = start + 1
      while end < count, isBreak(self.glyphs[end].scalar) == isBreak(self.glyphs[start].scalar) {
        end += 1
      }
      glyphs += TracedString(self.glyphs[start..<start + 1]).uppercased().glyphs
      glyphs += TracedString(self.glyphs[start + 1..<end]).lowercased().glyphs
      start = end
    }
    return TracedString(glyphs: glyphs, isMarkup: isMarkup)
  }

  private func mapped(_ change: (Glyph, Int) -> String) -> TracedString {
    var result: [Glyph] = []
    result.reserveCapacity(count)
    for (index, glyph) in glyphs.enumerated() {
      for scalar in change(glyph, index).unicodeScalars {
        result.append(Glyph(scalar.value, origin: glyph.origin))
      }
    }
    return TracedString(glyphs: result, isMarkup: isMarkup)
  }

  private func lowercase(of glyph: Glyph, at index: Int) -> String {
    guard glyph.scalar == 0x3A3 else { return glyph.unicode.properties.lowercaseMapping }
    // A sigma that ends a word has a form of its own: cased before it, none after it.
    var before = index - 1
    while before >= 0, glyphs[before].unicode.properties.isCaseIgnorable { before -= 1 }
    guard before >= 0, PythonText.isCased(glyphs[before].unicode) else { return "\u{3C3}" }
    var after = index + 1
    while after < count, glyphs[after].unicode.properties.isCaseIgnorable { after += 1 }
    return after < count && PythonText.isCased(glyphs[after].unicode) ? "\u{3C3}" : "\u{3C2}"
  }

  // MARK: Trimming and splitting

  /// Without the characters of `set` (whitespace if `nil`) at the chosen ends.
  func stripped(of set: TracedString?, start: Bool = true, end: Bool = true) -> TracedString {
    let scalars = set.map { Set($0.glyphs.map(\.scalar)) }
    func isStripped(_ scalar: UInt32) -> Bool {
      scalars?.contains(scalar) ?? PythonText.isSpace(scalar)
    }
    var lower = 0
    var upper = count
    if start { while lower < upper, isStripped(glyphs[lower].scalar) { lower += 1 } }
    if end { while upper > lower, isStripped(glyphs[upper - 1].scalar) { upper -= 1 } }
    return slice(lower..<upper)
  }

  func slice(_ range: Range<Int>) -> TracedString {
    TracedString(glyphs: Array(glyphs[range]), isMarkup: isMarkup)
  }

  /// `str.split` at runs of whitespace, at most `limit` times.
  func splitAtSpace(limit: Int) throws(TemplateFault) -> [TracedString] {
    var parts: [TracedString] = []
    var index = 0
    while true {
      while index < count, PythonText.isSpace(glyphs[index].scalar) { index += 1 }
      guard index < count else { return parts }
      if parts.count == limit {
        parts.append(slice(index..<count))
        return parts
      }
      try Self.requireRoom(parts)
      let start = index
      while index < count, !PythonText.isSpace(glyphs[index].scalar) { index += 1 }
      parts.append(slice(start..<index))
    }
  }

  /// `str.rsplit` at runs of whitespace, at most `limit` times.
  func splitAtSpaceFromEnd(limit: Int) throws(TemplateFault) -> [TracedString] {
    var parts: [TracedString] = []
    var index = count
    while true {
      while index > 0, PythonText.isSpace(glyphs[index - 1].scalar) { index -= 1 }
      guard index > 0 else { break }
      if parts.count == limit {
        parts.append(slice(0..<index))
        break
      }
      try Self.requireRoom(parts)
      let end = index
      while index > 0, !PythonText.isSpace(glyphs[index - 1].scalar) { index -= 1 }
      parts.append(slice(index..<end))
    }
    return parts.reversed()
  }

  /// The parts between occurrences of `separator`, from the chosen end at most `limit` of them.
  func split(
    at separator: TracedString, limit: Int, fromEnd: Bool = false
  ) throws(TemplateFault) -> [TracedString] {
    // Seen from the end, occurrences that overlap are others than seen from the start.
    var starts =
      fromEnd
      ? reversed().occurrences(of: separator.reversed()).map { count - $0 - separator.count }
      : occurrences(of: separator)
    if starts.count > limit { starts = Array(starts.prefix(limit)) }
    if fromEnd { starts.reverse() }
    var parts: [TracedString] = []
    var index = 0
    for start in starts {
      try Self.requireRoom(parts)
      parts.append(slice(index..<start))
      index = start + separator.count
    }
    parts.append(slice(index..<count))
    return parts
  }

  func splitLines(keepingEnds: Bool) throws(TemplateFault) -> [TracedString] {
    var lines: [TracedString] = []
    var start = 0
    var index = 0
    while index < count {
      guard PythonText.isLineBreak(glyphs[index].scalar) else {
        index += 1
        continue
      }
      try Self.requireRoom(lines)
      let end = index
      index += 1
      if glyphs[end].scalar == 0x0D, index < count, glyphs[index].scalar == 0x0A { index += 1 }
      lines.append(slice(start..<(keepingEnds ? index : end)))
      start = index
    }
    if start < count { lines.append(slice(start..<count)) }
    return lines
  }

  /// Each part is an array of its own, and takes many times what its characters do.
  private static func requireRoom(_ parts: [TracedString]) throws(TemplateFault) {
    guard parts.count < TemplateLimits.longestList else {
      throw .limit("\(TemplateLimits.longestList) elements in one list")
    }
  }

  func reversed() -> TracedString {
    TracedString(glyphs: glyphs.reversed(), isMarkup: isMarkup)
  }

  // MARK: Searching

  /// Where `pattern`, which is not empty, occurs; occurrences do not overlap unless asked to.
  ///
  /// Knuth, Morris and Pratt's search: a pattern chosen to make it slow costs no more than another.
  func occurrences(
    of pattern: TracedString, limit: Int = .max, overlapping: Bool = false
  ) -> [Int] {
    guard !pattern.isEmpty, pattern.count <= count else { return [] }
    let wanted = pattern.glyphs.map(\.scalar)
    var fallback = [Int](repeating: 0, count: wanted.count)
    var matched = 0
    for index in wanted.indices.dropFirst() {
      while matched > 0, wanted[index] != wanted[matched] { matched = fallback[matched - 1] }
      if wanted[index] == wanted[matched] { matched += 1 }
      fallback[index] = matched
    }
    var starts: [Int] = []
    matched = 0
    for (index, glyph) in glyphs.enumerated() {
      while matched > 0, glyph.scalar != wanted[matched] { matched = fallback[matched - 1] }
      if glyph.scalar == wanted[matched] { matched += 1 }
      guard matched == wanted.count else { continue }
      starts.append(index + 1 - matched)
      if starts.count == limit { break }
      matched = overlapping ? fallback[matched - 1] : 0
    }
    return starts
  }

  func contains(_ pattern: TracedString) -> Bool {
    pattern.isEmpty || !occurrences(of: pattern, limit: 1).isEmpty
  }

  /// `str.replace`: at most `limit` occurrences, all of them if it is negative.
  func replacing(
    _ pattern: TracedString, with replacement: TracedString, limit: Int
  ) throws(TemplateFault) -> TracedString {
    let limit = limit < 0 ? Int.max : limit
    guard limit > 0 else { return self }
    var result = TracedStringBuilder()
    if pattern.isEmpty {
      // Python puts the replacement before every character and at the end.
      for (index, glyph) in glyphs.enumerated() {
        if index < limit { try result.append(replacement) }
        try result.append(glyph)
      }
      if count < limit { try result.append(replacement) }
    } else {
      var index = 0
      for start in occurrences(of: pattern, limit: limit) {
        try result.append(glyphs[index..<start])
        try result.append(replacement)
        index = start + pattern.count
      }
      try result.append(glyphs[index...])
    }
    return result.string
  }
}

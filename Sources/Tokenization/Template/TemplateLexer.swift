/// Splits a template's source into tokens as Jinja does with `trim_blocks` and `lstrip_blocks` on.
///
/// The first newline after a block or comment is dropped, and so is the whitespace between the
/// start of a line and a block or comment; `-` strips whitespace on its side of a tag, `+` keeps
/// it.
///
/// - SeeAlso: Jinja 3.1 documentation, "Whitespace Control".
struct TemplateLexer {
  private let source: [UInt32]
  private var position = 0
  private var line = 1
  /// Whether the last thing read ended in a newline, so that a following tag may be the first on
  /// its line.
  private var isAtLineStart = true
  private var tokens: [TemplateToken] = []

  private init(_ text: String) {
    var source: [UInt32] = []
    var previous: UInt32 = 0
    for scalar in text.unicodeScalars {
      let value = scalar.value
      if value == 0x0A, previous == 0x0D {
        // Second half of a line break that is already there.
      } else {
        source.append(value == 0x0D ? 0x0A : value)
      }
      previous = value
    }
    if source.last == 0x0A { source.removeLast() }
    self.source = source
  }

  static func tokens(of text: String) throws(TemplateError) -> [TemplateToken] {
    var lexer = TemplateLexer(text)
    while lexer.position < lexer.source.count { try lexer.readTextAndTag() }
    lexer.add(.end)
    return lexer.tokens
  }

  // MARK: Outside of tags

  private mutating func readTextAndTag() throws(TemplateError) {
    let start = position
    guard let tag = nextTagStart() else {
      addData(start..<source.count)
      line += newlines(in: start..<source.count)
      position = source.count
      return
    }
    let kind = source[tag + 1]
    let sign = tag + 2 < source.count ? source[tag + 2] : 0
    var textEnd = tag
    if sign == ascii("-") {
      while textEnd > start, PythonText.isSpace(source[textEnd - 1]) { textEnd -= 1 }
    } else if sign != ascii("+"), kind != ascii("{") {
      textEnd = strippedToLineStart(start..<tag)
    }
    addData(start..<textEnd)
    line += newlines(in: start..<tag)
    position = tag + 2
    if sign == ascii("-") || sign == ascii("+") { position += 1 }

    if kind == ascii("#") {
      try readComment()
    } else if kind == ascii("{") {
      add(.variableBegin)
      isAtLineStart = false
      try readTag(isBlock: false)
    } else if let rawStart = endOfRawOpening() {
      advance(to: rawStart)
      try readRaw()
    } else {
      add(.blockBegin)
      isAtLineStart = false
      try readTag(isBlock: true)
    }
  }

  private func nextTagStart() -> Int? {
    var index = position
    while index + 1 < source.count {
      if source[index] == ascii("{") {
        let next = source[index + 1]
        if next == ascii("%") || next == ascii("{") || next == ascii("#") { return index }
      }
      index += 1
    }
    return nil
  }

  /// The end of the text `range` once whitespace between the last newline and a tag is dropped.
  private func strippedToLineStart(_ range: Range<Int>) -> Int {
    var index = range.upperBound
    while index > range.lowerBound, source[index - 1] != 0x0A {
      guard PythonText.isSpace(source[index - 1]) else { return range.upperBound }
      index -= 1
    }
    let isLineStart = index > range.lowerBound || isAtLineStart
    return isLineStart ? index : range.upperBound
  }

  /// The position after `raw %}` if the block just opened is a raw one.
  private func endOfRawOpening() -> Int? {
    var index = skippingSpace(from: position)
    guard matches("raw", at: index) else { return nil }
    index = skippingSpace(from: index + 3)
    if matches("-%}", at: index) { return skippingSpace(from: index + 3) }
    return matches("%}", at: index) ? index + 2 : nil
  }

  private mutating func readRaw() throws(TemplateError) {
    let start = position
    var index = start
    while index < source.count {
      guard matches("{%", at: index) else {
        index += 1
        continue
      }
      let sign = index + 2 < source.count ? source[index + 2] : 0
      let hasSign = sign == ascii("-") || sign == ascii("+")
      let word = skippingSpace(from: index + (hasSign ? 3 : 2))
      let after = skippingSpace(from: word + 6)
      guard matches("endraw", at: word), let end = endOfBlock(at: after) else {
        index += 1
        continue
      }
      var textEnd = index
      if sign == ascii("-") {
        while textEnd > start, PythonText.isSpace(source[textEnd - 1]) { textEnd -= 1 }
      } else if sign != ascii("+") {
        textEnd = strippedToLineStart(start..<index)
      }
      addData(start..<textEnd)
      advance(to: end)
      return
    }
    throw .syntax(line: line, message: "a raw block is not closed by {% endraw %}")
  }

  private mutating func readComment() throws(TemplateError) {
    var index = position
    while index < source.count {
      if matches("+#}", at: index) { return advance(to: index + 3) }
      if matches("-#}", at: index) { return advance(to: skippingSpace(from: index + 3)) }
      if matches("#}", at: index) {
        let end = index + 2
        return advance(to: end < source.count && source[end] == 0x0A ? end + 1 : end)
      }
      index += 1
    }
    throw .syntax(line: line, message: "a comment is not closed by #}")
  }

  /// The position after a block's closing `%}` at `index`, with the newline it takes along.
  private func endOfBlock(at index: Int) -> Int? {
    if matches("+%}", at: index) { return index + 3 }
    if matches("-%}", at: index) { return skippingSpace(from: index + 3) }
    guard matches("%}", at: index) else { return nil }
    let end = index + 2
    return end < source.count && source[end] == 0x0A ? end + 1 : end
  }

  private func endOfVariable(at index: Int) -> Int? {
    if matches("-}}", at: index) { return skippingSpace(from: index + 3) }
    return matches("}}", at: index) ? index + 2 : nil
  }

  // MARK: Inside of tags

  private mutating func readTag(isBlock: Bool) throws(TemplateError) {
    var open: [UInt32] = []
    while true {
      if open.isEmpty,
        let end = isBlock ? endOfBlock(at: position) : endOfVariable(at: position)
      {
        add(isBlock ? .blockEnd : .variableEnd)
        return advance(to: end)
      }
      guard position < source.count else {
        // The parser reports what it was still waiting for.
        return
      }
      let scalar = source[position]
      if PythonText.isSpace(scalar) {
        advance(to: skippingSpace(from: position))
      } else if isDigit(scalar) {
        try readNumber()
      } else if isNamePart(scalar) {
        readName()
      } else if scalar == ascii("'") || scalar == ascii("\"") {
        try readString(quote: scalar)
      } else {
        try readSymbol(&open)
      }
    }
  }

  private mutating func readSymbol(_ open: inout [UInt32]) throws(TemplateError) {
    let symbols = [
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
      "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ]
    guard let symbol = symbols.first(where: { matches($0, at: position) }) else {
      let found = String(Glyph(source[position]).unicode)
      throw .syntax(line: line, message: "unexpected character '\(found)'")
    }
    switch symbol {
    case "{": open.append(ascii("}"))
    case "(": open.append(ascii(")"))
    case "[": open.append(ascii("]"))
    case "}", ")", "]":
      guard open.popLast() == source[position] else {
        throw .syntax(line: line, message: "unexpected '\(symbol)'")
      }
    default: break
    }
    add(.symbol(symbol))
    advance(to: position + symbol.utf8.count)
  }

  private mutating func readName() {
    var end = position
    while end < source.count, isNamePart(source[end]) { end += 1 }
    add(.name(text(position..<end)))
    advance(to: end)
  }

  private mutating func readNumber() throws(TemplateError) {
    let start = position
    if source[start] == ascii("0"), start + 1 < source.count,
      let radix = [0x62: 2, 0x6F: 8, 0x78: 16][source[start + 1] | 0x20]
    {
      var end = start + 2
      while end < source.count, source[end] == ascii("_") || isDigit(source[end], radix) {
        end += 1
      }
      let digits = text(start + 2..<end).filter { $0 != "_" }
      guard let value = Int(digits, radix: radix) else {
        throw .syntax(
          line: line, message: "'\(text(start..<end))' is not a number that fits 64 bits")
      }
      add(.integer(value))
      return advance(to: end)
    }
    var end = digitsEnd(from: start)
    var isFloat = false
    let isAfterDot = start > 0 && source[start - 1] == ascii(".")
    if !isAfterDot {
      if end + 1 < source.count, source[end] == ascii("."), isDigit(source[end + 1]) {
        end = digitsEnd(from: end + 1)
        isFloat = true
      }
      if end < source.count, source[end] | 0x20 == ascii("e") {
        var exponent = end + 1
        if exponent < source.count, source[exponent] == ascii("+") || source[exponent] == ascii("-")
        {
          exponent += 1
        }
        if exponent < source.count, isDigit(source[exponent]) {
          end = digitsEnd(from: exponent)
          isFloat = true
        }
      }
    }
    if !isFloat, source[start] == ascii("0") {
      // A decimal number does not start with 0: `01` is the two tokens 0 and 1.
      end = start + 1
      while end < source.count, source[end] == ascii("0") { end += 1 }
    }
    let digits = text(start..<end).filter { $0 != "_" }
    if isFloat {
      add(.float(Double(digits) ?? .infinity))
    } else if let value = Int(digits) {
      add(.integer(value))
    } else {
      throw .syntax(line: line, message: "'\(digits)' does not fit 64 bits")
    }
    advance(to: end)
  }

  private func digitsEnd(from start: Int) -> Int {
    var end = start
    while end < source.count {
      let isSeparator =
        source[end] == ascii("_") && end + 1 < source.count && isDigit(source[end + 1])
      guard isSeparator || isDigit(source[end]) else { break }
      end += 1
    }
    return end
  }

  private mutating func readString(quote: UInt32) throws(TemplateError) {
    var end = position + 1
    while end < source.count, source[end] != quote { end += source[end] == ascii("\\") ? 2 : 1 }
    guard end < source.count else {
      throw .syntax(line: line, message: "a string is not closed")
    }
    let unescaped: String
    do throws(TemplateFault) {
      unescaped = try PythonEscapes.unescaped(source[position + 1..<end])
    } catch {
      throw .syntax(line: line, message: error.message)
    }
    add(.string(unescaped))
    advance(to: end + 1)
  }

  // MARK: Characters

  private mutating func add(_ kind: TemplateToken.Kind) {
    tokens.append(TemplateToken(kind: kind, line: line))
  }

  private mutating func addData(_ range: Range<Int>) {
    if !range.isEmpty { add(.data(text(range))) }
  }

  private mutating func advance(to end: Int) {
    line += newlines(in: position..<end)
    if end > position { isAtLineStart = source[end - 1] == 0x0A }
    position = end
  }

  private func newlines(in range: Range<Int>) -> Int {
    source[range].count { $0 == 0x0A }
  }

  private func text(_ range: Range<Int>) -> String {
    var scalars = String.UnicodeScalarView()
    for value in source[range] { scalars.append(Glyph(value).unicode) }
    return String(scalars)
  }

  private func skippingSpace(from start: Int) -> Int {
    var index = start
    while index < source.count, PythonText.isSpace(source[index]) { index += 1 }
    return index
  }

  private func matches(_ text: String, at index: Int) -> Bool {
    var index = index
    for scalar in text.unicodeScalars {
      guard index < source.count, source[index] == scalar.value else { return false }
      index += 1
    }
    return true
  }

  private func isDigit(_ scalar: UInt32, _ radix: Int = 10) -> Bool {
    guard scalar < 0x80 else { return false }
    return Character(Glyph(scalar).unicode).hexDigitValue.map { $0 < radix } ?? false
  }

  private func isNamePart(_ scalar: UInt32) -> Bool {
    scalar == ascii("_") || Glyph(scalar).unicode.properties.isXIDContinue
  }

  private func ascii(_ scalar: Unicode.Scalar) -> UInt32 { scalar.value }
}

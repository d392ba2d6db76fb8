/// A recursive-descent parser over bytes known to be UTF-8.
///
/// Recursion is bounded by ``JSON/maximumDepth``. Every read is checked against the end.
struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { index = 3 }
  }

  mutating func document() throws(JSONFault) -> JSONValue {
    skipSpace()
    guard index < bytes.count else { throw fault("expected a value, found an empty text") }
    let value = try value()
    skipSpace()
    guard index == bytes.count else {
      throw unexpected("the end of the text after the value")
    }
    return value
  }

  // MARK: Structure

  private mutating func value() throws(JSONFault) -> JSONValue {
    guard index < bytes.count else { throw unexpected("a value") }
    switch bytes[index] {
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "'"): throw fault("expected a value, found \"'\"; strings take double quotes")
    default: throw unexpected("a value")
    }
  }

  private mutating func object() throws(JSONFault) -> JSONObject {
    try enter()
    defer { depth &-= 1 }
    var object = JSONObject()
    skipSpace()
    if take(UInt8(ascii: "}")) { return object }
    while true {
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
        throw unexpected("a key in double quotes")
      }
      let keyOffset = index
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else {
        throw unexpectedAfterKey(key)
      }
      skipSpace()
      guard object.insert(key, try value()) else {
        throw duplicate(key, at: keyOffset)
      }
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
        continue
      }
      guard take(UInt8(ascii: "}")) else {
        throw unexpected("',' or '}' in an object")
      }
      return object
    }
  }

  private mutating func array() throws(JSONFault) -> [JSONValue] {
    try enter()
    defer { depth &-= 1 }
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
        continue
      }
      guard take(UInt8(ascii: "]")) else {
        throw unexpected("',' or ']' in an array")
      }
      return elements
    }
  }

  private mutating func enter() throws(JSONFault) {
    guard depth < JSON.maximumDepth else {
      throw tooDeep()
    }
    depth &+= 1
    index &+= 1
  }

  @inline(never)
  private mutating func literal(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONFault) -> JSONValue {
    let expected = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard bytes[index...].starts(with: expected) else {
      throw unexpected("a value")
    }
    index &+= expected.count
    return value
  }

  // MARK: Strings

  @inline(never)
  private mutating func string() throws(JSONFault) -> String {
    let opening = index
    index &+= 1
    let start = index
    skipPlainCharacters()
    guard index < bytes.count else { throw unterminated(opening) }
    if bytes[index] == UInt8(ascii: "\"") {
      defer { index &+= 1 }
      return text(start, index)
    }
    // An escape: from here on the bytes are collected.
    var collected = [UInt8](bytes[start..<index])
    while true {
      guard index < bytes.count else { throw unterminated(opening) }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index &+= 1
        return String(decoding: collected, as: UTF8.self)
      case UInt8(ascii: "\\"):
        try escape(into: &collected)
      case 0..<0x20:
        throw fault(
          "a string holds the control character 0x\(JSON.hexadecimal(bytes[index])); write it as an escape"
        )
      default:
        let run = index
        skipPlainCharacters()
        collected.append(contentsOf: bytes[run..<index])
      }
    }
  }

  /// Moves to the next quote, backslash or control character.
  private mutating func skipPlainCharacters() {
    var position = index
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      position &+= 1
    }
    index = position
  }

  private func text(_ start: Int, _ end: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)
  }

  private func unterminated(_ opening: Int) -> JSONFault {
    JSONFault(message: "a string starts here and never ends", offset: opening)
  }

  private mutating func escape(into collected: inout [UInt8]) throws(JSONFault) {
    let start = index
    guard index &+ 1 < bytes.count else {
      throw fault("an escape is cut off by the end of the text")
    }
    let letter = bytes[index &+ 1]
    index &+= 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): collected.append(letter)
    case UInt8(ascii: "b"): collected.append(0x08)
    case UInt8(ascii: "f"): collected.append(0x0C)
    case UInt8(ascii: "n"): collected.append(0x0A)
    case UInt8(ascii: "r"): collected.append(0x0D)
    case UInt8(ascii: "t"): collected.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try unicodeEscape(from: start)
      collected.append(contentsOf: String(scalar).utf8)
    default:
      throw JSONFault(
        message: "unknown escape '\\\(Self.printed(letter))'; a backslash is written as '\\\\'",
        offset: start)
    }
  }

  /// The scalar of `\uXXXX` or of a surrogate pair `\uXXXX\uXXXX` that starts at `start`.
  private mutating func unicodeEscape(from start: Int) throws(JSONFault) -> Unicode.Scalar {
    let first = try fourHexadecimalDigits(from: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, index &+ 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index &+ 1] == UInt8(ascii: "u")
    {
      let secondStart = index
      index &+= 2
      let second = try fourHexadecimalDigits(from: secondStart)
      if (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    throw JSONFault(
      message: "the escape is half of a surrogate pair and stands for no character", offset: start)
  }

  private mutating func fourHexadecimalDigits(from start: Int) throws(JSONFault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = index < bytes.count ? bytes[index] : 0
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONFault(message: "'\\u' takes four hexadecimal digits", offset: start)
      }
      value = value << 4 | UInt32(digit)
      index &+= 1
    }
    return value
  }

  // MARK: Numbers

  @inline(never)
  private mutating func number() throws(JSONFault) -> JSONValue {
    let start = index
    let isNegative = take(UInt8(ascii: "-"))
    let integerStart = index
    var magnitude: UInt64 = 0
    var fits = true
    while let digit = digit() {
      let (scaled, first) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, second) = scaled.addingReportingOverflow(UInt64(digit))
      magnitude = sum
      if first || second { fits = false }
      index &+= 1
    }
    guard index > integerStart else { throw unexpected("a digit after '-'") }
    if bytes[integerStart] == UInt8(ascii: "0"), index &- integerStart > 1 {
      throw JSONFault(message: "a number may not start with 0", offset: start)
    }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      try digits("'.'")
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits("the exponent's 'e'")
    }
    if isInteger, fits {
      if isNegative, magnitude <= Int.min.magnitude {
        return .integer(Int(truncatingIfNeeded: 0 &- magnitude))
      }
      if !isNegative, let value = Int(exactly: magnitude) { return .integer(value) }
    }
    guard let value = Double(text(start, index)), value.isFinite else {
      throw JSONFault(message: "the number does not fit 64-bit floating point", offset: start)
    }
    return .number(value)
  }

  private func digit() -> UInt8? {
    guard index < bytes.count else { return nil }
    let value = bytes[index] &- UInt8(ascii: "0")
    return value < 10 ? value : nil
  }

  private mutating func digits(_ place: String) throws(JSONFault) {
    guard digit() != nil else { throw unexpected("a digit after \(place)") }
    while digit() != nil { index &+= 1 }
  }

  // MARK: Characters

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index &+= 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index &+= 1
    return true
  }

  // Out of line: interpolated inside the recursion, messages would double its stack frames.
  @inline(never)
  private func unexpected(_ expectation: String) -> JSONFault {
    fault("expected \(expectation), found \(found())")
  }

  @inline(never)
  private func unexpectedAfterKey(_ key: String) -> JSONFault {
    unexpected("':' after the key \(quoted(key))")
  }

  @inline(never)
  private func duplicate(_ key: String, at offset: Int) -> JSONFault {
    JSONFault(message: "the key \(quoted(key)) occurs twice", offset: offset)
  }

  @inline(never)
  private func tooDeep() -> JSONFault {
    fault("arrays and objects nest more than \(JSON.maximumDepth) deep")
  }

  @inline(never)
  private func fault(_ message: String) -> JSONFault {
    JSONFault(message: message, offset: index)
  }

  /// What stands at the cursor, for an error message.
  private func found() -> String {
    guard index < bytes.count else { return "the end of the text" }
    let word = bytes[index...].prefix(24).prefix { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    if word.count > 1 { return "\"\(String(decoding: word, as: UTF8.self))\"" }
    if bytes[index] < 0x80 { return "'\(Self.printed(bytes[index]))'" }
    return "'\(String(decoding: bytes[index...].prefix(4), as: UTF8.self).prefix(1))'"
  }

  private static func printed(_ byte: UInt8) -> String {
    switch byte {
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0x09: "\\t"
    case 0x20..<0x7F: String(Unicode.Scalar(byte))
    default: "\\x\(JSON.hexadecimal(byte))"
    }
  }

  /// A key as an error message shows it: escaped, and cut where it would fill the screen.
  private func quoted(_ key: String) -> String {
    let shown = key.unicodeScalars.count > 60 ? String(key.unicodeScalars.prefix(60)) + "…" : key
    return JSONValue.string(shown).serialized()
  }
}

/// Translates a pattern of `tokenizer.json` into PCRE2's dialect.
///
/// The reference compiles patterns with Oniguruma's Ruby syntax. Where the two dialects give one spelling
/// two meanings, the translation says it in a way that PCRE2 reads as meant; where that cannot be done, the
/// pattern is refused. What differs:
///
/// - `\s` includes U+180E in PCRE2, `\w` has fewer marks, `\d` and `\h` mean other things;
/// - `\p{Han}` asks for the script in Oniguruma and for the script extension in PCRE2;
/// - `x{2}+` is possessive in PCRE2 and a repeated repetition in Ruby, `x{2}?` lazy and optional;
/// - `[a[b]]` and `[a&&b]` are set operations in Ruby;
/// - `\p{L}` and `\p{N}` depend on the library's Unicode version, so what an old PCRE2 lacks is added. The other
///   categories are as the installed PCRE2 has them.
///
/// - SeeAlso: Oniguruma 6.9, `doc/RE`; pcre2pattern(3).
struct RubyPattern {
  private let source: String
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var output = ""

  /// The pattern in PCRE2's dialect, as UTF-8.
  ///
  /// - Throws: ``TokenizerError/unsupported(component:found:remedy:)`` for a construct without equal.
  static func translated(_ source: String) throws(TokenizerError) -> [UInt8] {
    var translation = RubyPattern(source)
    while translation.index < translation.scalars.count { try translation.element() }
    return Array(translation.output.utf8)
  }

  private init(_ source: String) {
    self.source = source
    scalars = Array(source.unicodeScalars)
  }

  // The property White_Space, and its complement.
  private static let space =
    #"\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"#
  private static let notSpace =
    #"\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}"#
    + #"\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF}"#
  // Alphabetic, marks, decimal numbers, connectors; the ranges are the alphabetic symbols.
  private static let word =
    #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}"#
    + #"\x{1F170}-\x{1F189}"#
  private static let generalCategories: Set<String> = [
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn",
    "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm",
    "So", "Z", "Zl", "Zp", "Zs", "Any",
  ]

  private func refused(_ construct: String) -> TokenizerError {
    .unsupported(
      component: "pattern \"\(source)\"", found: "using \(construct) at character \(index)",
      remedy: "write the pattern without it")
  }

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    index + offset < scalars.count ? scalars[index + offset] : nil
  }

  private mutating func element() throws(TokenizerError) {
    switch scalars[index] {
    case "\\": try escape(inClass: false)
    case "[": try characterClass()
    case "(": try group()
    case "{": try interval()
    default: copy()
    }
  }

  private mutating func copy(_ count: Int = 1) {
    for _ in 0..<count where index < scalars.count {
      output.unicodeScalars.append(scalars[index])
      index += 1
    }
  }

  private mutating func group() throws(TokenizerError) {
    guard peek(1) == "?" else { return copy() }
    let rest = scalars[(index + 2)...].prefix(3).map(String.init).joined()
    for opening in ["i:", "-i:", "<=", "<!", ":", "=", "!", ">"] where rest.hasPrefix(opening) {
      return copy(2 + opening.unicodeScalars.count)
    }
    throw refused("a group \"(?\(rest.prefix(2))\"")
  }

  /// `{n}`, `{n,}`, `{n,m}`, `{,m}`; anything else after a brace is the brace itself.
  private mutating func interval() throws(TokenizerError) {
    func isDigit(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ("0"..."9") ~= $0 } ?? false }
    var end = 1
    while isDigit(peek(end)) { end += 1 }
    let isExact = end > 1 && peek(end) == "}"
    let hasMinimum = end > 1
    if peek(end) == "," {
      end += 1
      let maximum = end
      while isDigit(peek(end)) { end += 1 }
      if !hasMinimum, end == maximum {
        output += #"\{"#
        index += 1
        return
      }
    }
    guard end > 1, peek(end) == "}" else {
      output += #"\{"#
      index += 1
      return
    }
    if !hasMinimum {
      output += "{0"
      index += 1
      end -= 1
    }
    copy(end + 1)
    if peek() == "+" { throw refused("a \"+\" after a counted repetition") }
    if isExact, peek() == "?" { throw refused("a \"?\" after a counted repetition") }
  }

  private mutating func characterClass() throws(TokenizerError) {
    copy()
    if peek() == "^" { copy() }
    if peek() == "]" {
      output += #"\]"#
      index += 1
    }
    while let scalar = peek(), scalar != "]" {
      switch scalar {
      case "\\": try escape(inClass: true)
      case "[": throw refused("\"[\" within a class")
      case "&" where peek(1) == "&": throw refused("\"&&\"")
      default: copy()
      }
    }
    guard peek() == "]" else { throw refused("a class without its end") }
    copy()
  }

  private mutating func escape(inClass: Bool) throws(TokenizerError) {
    guard let letter = peek(1) else { throw refused("a backslash at the end") }
    switch letter {
    case "s": try set(Self.space, inClass)
    case "S": try set(inClass ? Self.notSpace : "^" + Self.space, inClass)
    case "w": try set(Self.word, inClass)
    case "W" where !inClass: try set("^" + Self.word, inClass)
    case "d": try set(#"\p{Nd}"#, inClass)
    case "D": try set(#"\P{Nd}"#, inClass)
    case "p", "P": try property(inClass)
    case "v":
      output += #"\x{B}"#
      index += 2
    case "u":
      let digits = scalars[(index + 2)...].prefix(4)
      guard digits.count == 4, digits.allSatisfy(\.properties.isASCIIHexDigit) else {
        throw refused("an incomplete \"\\u\"")
      }
      output += #"\x{"# + digits.map(String.init).joined() + "}"
      index += 6
    case "x": try codePoint()
    case "t", "n", "r", "f", "a", "e": copy(2)
    case "A", "z", "Z": if inClass { throw refused("\"\\\(letter)\"") } else { copy(2) }
    case "0"..."9", "a"..."z", "A"..."Z": throw refused("\"\\\(letter)\"")
    default: copy(2)
    }
  }

  /// `\x{2028}` and `\x20`; above 7F the latter is half a character.
  private mutating func codePoint() throws(TokenizerError) {
    if peek(2) == "{", let end = scalars[index...].firstIndex(of: "}") {
      return copy(end + 1 - index)
    }
    guard let first = peek(2), let second = peek(3), first.properties.isASCIIHexDigit,
      second.properties.isASCIIHexDigit, ("0"..."7") ~= first
    else { throw refused("a byte by number") }
    copy(4)
  }

  /// `\p{…}`: a general category, else a script.
  private mutating func property(_ inClass: Bool) throws(TokenizerError) {
    let isComplement = peek(1) == "P"
    guard peek(2) == "{", let end = scalars[index...].firstIndex(of: "}") else {
      throw refused("\"\\p\" without braces")
    }
    var name = scalars[(index + 3)..<end].map(String.init).joined()
    var isNegated = isComplement
    if name.hasPrefix("^") {
      name.removeFirst()
      isNegated.toggle()
    }
    if !Self.generalCategories.contains(name) { name = "sc:" + name }
    let length = end + 1 - index
    let later = name == "L" ? ScalarClass.laterLetters : name == "N" ? ScalarClass.laterNumbers : ""
    if isNegated, !inClass {
      return try set(#"^\p{"# + name + "}" + later, inClass, length: length)
    }
    let text = (isNegated ? #"\P{"# : #"\p{"#) + name + "}" + (isNegated ? "" : later)
    try set(text, inClass, length: length)
  }

  /// Puts a set of characters for the `length` characters of an escape.
  private mutating func set(
    _ members: String, _ inClass: Bool, length: Int = 2
  ) throws(TokenizerError) {
    guard inClass else {
      output += "[" + members + "]"
      index += length
      return
    }
    // Written out, a set must not become the end or the start of a range.
    if index > 0, scalars[index - 1] == "-", index > 1, scalars[index - 2] != "[",
      scalars[index - 2] != "^", scalars[index - 2] != "\\"
    {
      throw refused("a range that ends in a set")
    }
    output += members
    index += length
    if peek() == "-", peek(1) != "]" {
      output += #"\-"#
      index += 1
    }
  }
}

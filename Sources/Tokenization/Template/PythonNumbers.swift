#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers written and read as Python does.
enum PythonNumbers {
  /// `repr` of a float: the shortest digits that read back as the same value.
  static func text(of value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    // Swift's description has the same digits; only where the exponent begins differs.
    var digits = ""
    var exponent = 0
    var pointOffset: Int?
    let mantissaAndExponent = abs(value).description.lowercased().split(separator: "e")
    for character in mantissaAndExponent[0] {
      if character == "." { pointOffset = digits.utf8.count } else { digits.append(character) }
    }
    if mantissaAndExponent.count == 2 { exponent = Int(mantissaAndExponent[1]) ?? 0 }
    var point = (pointOffset ?? digits.utf8.count) + exponent
    while digits.hasPrefix("0") {
      digits.removeFirst()
      point -= 1
    }
    while digits.utf8.count > 1, digits.hasSuffix("0") { digits.removeLast() }
    return (value < 0 ? "-" : "") + laidOut(digits, point: point)
  }

  /// `digits` with the decimal point after `point` of them, with an exponent if that is far away.
  private static func laidOut(_ digits: String, point: Int) -> String {
    let count = digits.utf8.count
    if point > 16 || point < -3 {
      let exponent = point - 1
      let size = String(abs(exponent))
      let rest = digits.dropFirst()
      return "\(digits.prefix(1))\(rest.isEmpty ? "" : ".")\(rest)e\(exponent < 0 ? "-" : "+")"
        + (size.utf8.count < 2 ? "0" : "") + size
    }
    if point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
    if point >= count { return digits + String(repeating: "0", count: point - count) + ".0" }
    return digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// `value` in C's format `e`, `f` or `g` with `precision` digits, exactly rounded.
  static func text(
    of value: Double, format: Unicode.Scalar, precision: Int, alternate: Bool = false
  ) -> String {
    guard value.isFinite else {
      let name = value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
      return format.properties.isUppercase ? name.uppercased() : name
    }
    // A double has at most 1,074 digits after its point; the rest are zeros that nobody reads.
    let precision = min(max(precision, 0), 1100)
    var buffer = [CChar](repeating: 0, count: precision + 400)
    let count = withVaList([Int32(precision), value]) {
      vsnprintf(&buffer, buffer.count, "%\(alternate ? "#" : "").*\(format)", $0)
    }
    return String(
      decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// `round(value, digits)`: to the nearest, halves to the even neighbour.
  static func rounded(_ value: Double, digits: Int) -> Double {
    guard value.isFinite else { return value }
    if digits > 323 { return value }
    if digits >= 0 {
      return Double(text(of: value, format: "f", precision: digits)) ?? value
    }
    guard digits > -309 else { return value.sign == .minus ? -0.0 : 0 }
    let unit = pow(10, Double(-digits))
    return (value / unit).rounded(.toNearestOrEven) * unit
  }

  /// `int(text, base)`, or `nil` where Python raises an error.
  static func integer(_ string: TracedString, base: Int) -> Int? {
    var text = Substring(string.stripped(of: nil).text)
    var isNegative = false
    if text.hasPrefix("-") || text.hasPrefix("+") { isNegative = text.removeFirst() == "-" }
    var radix = base
    let prefixes: [(Int, String)] = [(2, "0b"), (8, "0o"), (16, "0x")]
    for (value, prefix) in prefixes where base == value || base == 0 {
      if text.lowercased().hasPrefix(prefix) {
        text = text.dropFirst(2)
        if text.hasPrefix("_") { text = text.dropFirst() }
        radix = value
      }
    }
    if radix == 0 { radix = 10 }
    guard (2...36).contains(radix), !text.isEmpty, !text.hasPrefix("_"), !text.hasSuffix("_"),
      !text.contains("__"), !text.hasPrefix("+"), !text.hasPrefix("-")
    else { return nil }
    let digits = ascii(text.filter { $0 != "_" })
    return Int((isNegative ? "-" : "") + digits, radix: radix)
  }

  /// `float(text)`, or `nil` where Python raises an error.
  static func float(_ string: TracedString) -> Double? {
    let text = ascii(string.stripped(of: nil).text[...])
    let word = text.lowercased().drop { $0 == "-" || $0 == "+" }
    if ["inf", "infinity", "nan"].contains(word) {
      let value = word == "nan" ? Double.nan : .infinity
      return text.hasPrefix("-") ? -value : value
    }
    guard let first = word.first, first.isASCII, first.isNumber || first == ".",
      !text.contains("x"), !text.contains("X")
    else { return nil }
    // Underscores may only stand between digits.
    let bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() where byte == 0x5F {
      guard index > 0, index + 1 < bytes.count, (0x30...0x39).contains(bytes[index - 1]),
        (0x30...0x39).contains(bytes[index + 1])
      else { return nil }
    }
    let plain = text.filter { $0 != "_" }
    // `1.` and `.5` are numbers to Python.
    if plain.hasSuffix(".") { return Double(plain + "0") }
    return Double(plain.replacingPointBeforeExponent())
  }

  /// Decimal digits of other scripts count as digits.
  private static func ascii(_ text: Substring) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if !scalar.isASCII, scalar.properties.numericType == .decimal,
        let value = scalar.properties.numericValue,
        let digit = Unicode.Scalar(0x30 + UInt32(value))
      {
        result.append(digit)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }
}

extension String {
  /// `1.e5` as `1.0e5`, the only form Swift reads.
  fileprivate func replacingPointBeforeExponent() -> String {
    var result = ""
    var previous: Character?
    for character in self {
      if previous == ".", character == "e" || character == "E" { result.append("0") }
      result.append(character)
      previous = character
    }
    return result
  }
}

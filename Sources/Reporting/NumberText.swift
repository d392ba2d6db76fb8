#if canImport(Glibc)
  import Glibc
#endif

/// Numbers as people read them.
enum NumberText {
  /// What stands in place of a number that is not there.
  static let missing = "–"

  /// With so many digits after the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return missing }
    var buffer = [CChar](repeating: 0, count: 400)
    let length = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.\(digits)f", $0) }
    let text = String(
      decoding: buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // A rounded −0.001 is no negative number.
    let isZero = text.utf8.allSatisfy { "-0.".utf8.contains($0) }
    return text.hasPrefix("-") ? isZero ? String(text.dropFirst()) : "−\(text.dropFirst())" : text
  }

  /// With so many significant digits, as a power of ten where zeros would be counted.
  static func significant(_ value: Double, _ digits: Int = 3) -> String {
    guard value.isFinite else { return missing }
    guard value != 0 else { return "0" }
    let exponent = self.exponent(of: value)
    if exponent < -3 || exponent > 6 {
      let mantissa = trimmed(fixed(value / pow(10, Double(exponent)), digits - 1))
      return "\(mantissa)\u{202F}×\u{202F}10\(superscript(exponent))"
    }
    return exponent >= 3
      ? grouped(value.rounded()) : fixed(value, max(0, digits - 1 - exponent))
  }

  /// A whole number with its digits in threes.
  static func grouped(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return value.isFinite ? significant(value) : missing }
    return grouped(Int(value.rounded()))
  }

  /// A whole number with its digits in threes.
  static func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "−" : "") + String(text.reversed())
  }

  /// Seconds in the largest two units.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return missing }
    if seconds < 9.95 { return "\(fixed(seconds, 1)) s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
  }

  /// Decimal megabytes or gigabytes, as `training.max_memory` is written.
  static func bytes(_ count: Int) -> String {
    count < 10_000_000_000
      ? "\(grouped((Double(count) / 1e6).rounded(.up))) MB" : "\(fixed(Double(count) / 1e9, 1)) GB"
  }

  /// A share in per cent.
  static func percent(_ share: Double) -> String {
    share.isFinite ? "\(fixed(100 * share, 1)) %" : missing
  }

  /// A relative change in per cent, with its sign.
  static func change(_ share: Double) -> String {
    (share.isFinite && share > 0 ? "+" : "") + percent(share)
  }

  /// The whole `e` for which `value` is d.ddd · 10^e.
  static func exponent(of value: Double) -> Int {
    guard value != 0, value.isFinite else { return 0 }
    // The logarithm alone may be just below a whole number for a power of ten.
    return Int((log10(abs(value)) + 1e-12).rounded(.down))
  }

  /// Without zeros at the end of a fraction.
  static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = text
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  /// A whole number as an exponent is written.
  static func superscript(_ value: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (value < 0 ? "⁻" : "")
      + String(String(value.magnitude).compactMap(\.wholeNumberValue).map { digits[$0] })
  }
}

extension JSONValue {
  /// This value as JSON text, written as Python's `json.dumps(value, ensure_ascii=False)` writes it.
  ///
  /// Members keep their order, text beyond ASCII is not escaped, numbers have the fewest digits that read
  /// back to the same value. A `Double` that JSON cannot express (NaN, an infinity) becomes `null`.
  ///
  /// - Parameter pretty: Whether to break lines and indent by two spaces, as `indent=2` does.
  public func serialized(pretty: Bool = false) -> String {
    var writer = JSONWriter(isPretty: pretty)
    writer.write(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

struct JSONWriter {
  let isPretty: Bool
  var bytes: [UInt8] = []
  private var depth = 0

  init(isPretty: Bool) {
    self.isPretty = isPretty
  }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .number(let value): append(Self.text(of: value))
    case .string(let value): write(value)
    case .array(let elements):
      enclose("[", elements, "]") { writer, element in writer.write(element) }
    case .object(let object):
      enclose("{", object.members, "}") { writer, member in
        writer.write(member.key)
        writer.append(": ")
        writer.write(member.value)
      }
    }
  }

  private mutating func enclose<Element>(
    _ opening: String, _ elements: [Element], _ closing: String,
    _ writeElement: (inout JSONWriter, Element) -> Void
  ) {
    append(opening)
    if !elements.isEmpty {
      depth += 1
      for (position, element) in elements.enumerated() {
        if position > 0 { append(isPretty ? "," : ", ") }
        breakLine()
        writeElement(&self, element)
      }
      depth -= 1
      breakLine()
    }
    append(closing)
  }

  private mutating func breakLine() {
    guard isPretty else { return }
    bytes.append(0x0A)
    for _ in 0..<(2 * depth) { bytes.append(0x20) }
  }

  private mutating func write(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0x08: append("\\b")
      case 0x0C: append("\\f")
      case 0..<0x20: append("\\u00\(JSON.hexadecimal(byte).lowercased())")
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// The shortest text that reads back to `value`, laid out as Python's `repr` does.
  ///
  /// Swift and Python agree except from 1e16 to 2^54, where Swift does not yet use an exponent.
  static func text(of value: Double) -> String {
    guard value.isFinite else { return "null" }
    let text = value.description
    guard value.magnitude >= 1e16, !text.contains("e") else { return text }
    // Here `text` is 17 digits and ".0".
    let sign = value < 0 ? "-" : ""
    let digits = value.magnitude.description.prefix { $0 != "." }
    var mantissa = String(digits.prefix(1)) + "." + digits.dropFirst()
    while mantissa.hasSuffix("0") { mantissa.removeLast() }
    if mantissa.hasSuffix(".") { mantissa.removeLast() }
    return "\(sign)\(mantissa)e+\(digits.count - 1)"
  }
}

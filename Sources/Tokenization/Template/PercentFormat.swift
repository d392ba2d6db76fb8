/// Python's `format % values`.
struct PercentFormat {
  private let format: [Glyph]
  private let arguments: TemplateValue
  private var position = 0
  private var used = 0
  private var usesKeys = false
  private var output = TracedStringBuilder()

  static func format(_ format: TracedString, _ arguments: TemplateValue) throws(TemplateFault)
    -> TracedString
  {
    if format.isMarkup { throw .unsupported("'%' on an escaped string") }
    var formatter = PercentFormat(format: format.glyphs, arguments: arguments)
    try formatter.run()
    return formatter.output.string
  }

  private init(format: [Glyph], arguments: TemplateValue) {
    self.format = format
    self.arguments = arguments
  }

  private mutating func run() throws(TemplateFault) {
    while position < format.count {
      let glyph = format[position]
      position += 1
      if glyph.scalar == 0x25 {
        try conversion(origin: glyph.origin)
      } else {
        try output.append(glyph)
      }
    }
    let isUsedUp: Bool
    switch arguments {
    case .tuple(let list): isUsedUp = used == list.items.count
    case .dictionary, .list, .range, .undefined: isUsedUp = true
    default: isUsedUp = used > 0 || usesKeys
    }
    if !isUsedUp { throw TemplateFault("not all arguments converted during string formatting") }
  }

  private mutating func conversion(origin: UInt32) throws(TemplateFault) {
    var spec = NumberLayout()
    var value: TemplateValue?
    if peek("(") {
      position += 1
      var key: [Glyph] = []
      var depth = 1
      while position < format.count {
        let glyph = format[position]
        position += 1
        depth += glyph.scalar == 0x28 ? 1 : glyph.scalar == 0x29 ? -1 : 0
        if depth == 0 { break }
        key.append(glyph)
      }
      guard depth == 0 else { throw TemplateFault("incomplete format key") }
      guard case .dictionary(let dictionary) = arguments else {
        throw TemplateFault("format requires a mapping")
      }
      usesKeys = true
      guard let found = dictionary[TracedString(glyphs: key)] else {
        throw TemplateFault("no value for the format key '\(TracedString(glyphs: key).text)'")
      }
      value = found
    }
    while position < format.count {
      let flag = format[position].unicode
      if flag == "-" {
        spec.align = "<"
      } else if flag == "+" {
        spec.sign = "+"
      } else if flag == " " {
        if spec.sign != "+" { spec.sign = " " }
      } else if flag == "#" {
        spec.isAlternate = true
      } else if flag == "0" {
        spec.isZeroPadded = true
      } else {
        break
      }
      position += 1
    }
    spec.width = try number() ?? 0
    if spec.width < 0 {
      // Only `*` can say so.
      spec.align = "<"
      spec.width.negate()
    }
    if peek(".") {
      position += 1
      spec.precision = max(0, try number() ?? 0)
    }
    while peek("h") || peek("l") || peek("L") { position += 1 }
    guard position < format.count else { throw TemplateFault("incomplete format") }
    let type = format[position]
    position += 1
    if type.scalar == 0x25 {
      try output.append(type)
      return
    }
    let argument = if let value { value } else { try nextArgument() }
    try output.append(try converted(argument, type.unicode, spec, origin: origin))
  }

  private func converted(
    _ argument: TemplateValue, _ type: Unicode.Scalar, _ spec: NumberLayout, origin: UInt32
  ) throws(TemplateFault) -> TracedString {
    switch type {
    case "s", "r", "a":
      var text = type == "s" ? try argument.printed() : try argument.represented()
      if type == "a" { throw .unsupported("the conversion %a") }
      if let precision = spec.precision, precision < text.count { text = text.slice(0..<precision) }
      return try spec.padded(text, defaultAlign: ">", fill: " ")
    case "c":
      if case .string(let text) = argument, text.count == 1 {
        return try spec.padded(text, defaultAlign: ">", fill: " ")
      }
      guard let code = argument.integer, let scalar = UInt32(exactly: code),
        Unicode.Scalar(scalar) != nil
      else { throw TemplateFault("%c requires int or char") }
      return try spec.padded(
        TracedString(glyphs: [Glyph(scalar, origin: origin)]), defaultAlign: ">", fill: " ")
    case "d", "i", "u", "x", "X", "o":
      var value = argument.integer
      if value == nil, case .float(let number) = argument, "diu".unicodeScalars.contains(type) {
        value = Int(exactly: number.rounded(.towardZero))
      }
      guard let value else {
        throw TemplateFault("%\(type) format: a number is required, not \(argument.typeName)")
      }
      return try spec.text(ofInteger: value, type: type, origin: origin)
    case "e", "E", "f", "F", "g", "G":
      if case .undefined(let reason) = argument { throw reason.fault }
      guard let value = argument.number else {
        throw TemplateFault("must be real number, not \(argument.typeName)")
      }
      return try spec.text(ofFloat: value, type: type, origin: origin)
    default:
      throw TemplateFault("unsupported format character '\(type)'")
    }
  }

  private func peek(_ scalar: Unicode.Scalar) -> Bool {
    position < format.count && format[position].scalar == scalar.value
  }

  private mutating func number() throws(TemplateFault) -> Int? {
    if peek("*") {
      position += 1
      guard let value = try nextArgument().integer else { throw TemplateFault("* wants int") }
      return min(max(value, -1 << 40), 1 << 40)
    }
    var value: Int?
    while position < format.count, (0x30...0x39).contains(format[position].scalar) {
      value = min((value ?? 0) * 10 + Int(format[position].scalar - 0x30), 1 << 40)
      position += 1
    }
    return value
  }

  private mutating func nextArgument() throws(TemplateFault) -> TemplateValue {
    defer { used += 1 }
    if case .tuple(let list) = arguments {
      guard used < list.items.count else {
        throw TemplateFault("not enough arguments for format string")
      }
      return list.items[used]
    }
    guard used == 0 else { throw TemplateFault("not enough arguments for format string") }
    return arguments
  }
}

/// Sign, width and digits of a formatted value.
struct NumberLayout {
  var fill: Glyph?
  var align: Unicode.Scalar?
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var isZeroPadded = false
  var width = 0
  var precision: Int?
  /// What separates thousands.
  var grouping: Unicode.Scalar?

  func text(ofInteger value: Int, type: Unicode.Scalar, origin: UInt32) throws(TemplateFault)
    -> TracedString
  {
    let (radix, prefix) =
      switch type {
      case "x", "X": (16, "0x")
      case "o": (8, "0o")
      case "b": (2, "0b")
      default: (10, "")
      }
    var digits = String(value.magnitude, radix: radix)
    if let precision, precision > digits.utf8.count {
      guard precision < 1 << 20 else { throw .limit("\(1 << 20) digits of a number") }
      digits = String(repeating: "0", count: precision - digits.utf8.count) + digits
    }
    if let grouping { digits = Self.grouped(digits, by: grouping, every: radix == 10 ? 3 : 4) }
    var lead = value < 0 ? "-" : sign == "-" ? "" : String(sign)
    if isAlternate { lead += prefix }
    return try number(lead, digits, isUppercase: type == "X", origin: origin)
  }

  func text(ofFloat value: Double, type: Unicode.Scalar, origin: UInt32) throws(TemplateFault)
    -> TracedString
  {
    var digits = PythonNumbers.text(
      of: value.magnitude, format: type, precision: precision ?? 6, alternate: isAlternate)
    if let grouping {
      let whole = digits.prefix { $0.isNumber }
      digits = Self.grouped(String(whole), by: grouping, every: 3) + digits.dropFirst(whole.count)
    }
    let lead = value.sign == .minus && !value.isNaN ? "-" : sign == "-" ? "" : String(sign)
    return try number(lead, digits, isUppercase: false, origin: origin)
  }

  private func number(
    _ lead: String, _ digits: String, isUppercase: Bool, origin: UInt32
  ) throws(TemplateFault) -> TracedString {
    var builder = TracedStringBuilder()
    let text = isUppercase ? (lead + digits).uppercased() : lead + digits
    if isZeroPadded, align == nil, text.utf8.count < width {
      try builder.append(isUppercase ? lead.uppercased() : lead, origin: origin)
      try builder.append(Glyph(0x30, origin: origin), count: width - text.utf8.count)
      try builder.append(isUppercase ? digits.uppercased() : digits, origin: origin)
      return builder.string
    }
    try builder.append(text, origin: origin)
    return try padded(builder.string, defaultAlign: ">", fill: " ")
  }

  /// `text` filled up to the width.
  func padded(
    _ text: TracedString, defaultAlign: Unicode.Scalar, fill defaultFill: Unicode.Scalar
  ) throws(TemplateFault) -> TracedString {
    guard width > text.count else { return text }
    let missing = width - text.count
    let fill = self.fill ?? Glyph(defaultFill.value)
    let before =
      switch align ?? defaultAlign {
      case "<": 0
      case "^": missing / 2
      default: missing
      }
    var builder = TracedStringBuilder()
    try builder.append(fill, count: before)
    try builder.append(text)
    try builder.append(fill, count: missing - before)
    return builder.string
  }

  private static func grouped(_ digits: String, by separator: Unicode.Scalar, every size: Int)
    -> String
  {
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % size == 0 { result.unicodeScalars.append(separator) }
      result.append(digit)
    }
    return result
  }
}

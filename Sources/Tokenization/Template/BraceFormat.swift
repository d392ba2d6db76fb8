/// Python's `str.format`, with the fields that the sandbox lets it reach.
struct BraceFormat {
  private let format: [Glyph]
  private let arguments: TemplateArguments
  /// Looks up an attribute (`true`) or an element of a value.
  private let member:
    (TemplateValue, TracedString, _ isAttribute: Bool) throws(TemplateFault) -> TemplateValue
  private var position = 0
  private var automatic = 0
  private var usesNumbers = false
  private var output = TracedStringBuilder()

  static func format(
    _ format: TracedString, _ arguments: TemplateArguments,
    member: @escaping (TemplateValue, TracedString, Bool) throws(TemplateFault) -> TemplateValue
  ) throws(TemplateFault) -> TracedString {
    if format.isMarkup { throw .unsupported("'format' of an escaped string") }
    var formatter = BraceFormat(format: format.glyphs, arguments: arguments, member: member)
    try formatter.run()
    return formatter.output.string
  }

  private init(
    format: [Glyph], arguments: TemplateArguments,
    member: @escaping (TemplateValue, TracedString, Bool) throws(TemplateFault) -> TemplateValue
  ) {
    self.format = format
    self.arguments = arguments
    self.member = member
  }

  private mutating func run() throws(TemplateFault) {
    while position < format.count {
      let glyph = format[position]
      position += 1
      let isDoubled = position < format.count && format[position].scalar == glyph.scalar
      switch glyph.scalar {
      case 0x7B where isDoubled, 0x7D where isDoubled:
        position += 1
        try output.append(glyph)
      case 0x7B: try field(origin: glyph.origin)
      case 0x7D: throw TemplateFault("Single '}' encountered in format string")
      default: try output.append(glyph)
      }
    }
  }

  private mutating func field(origin: UInt32) throws(TemplateFault) {
    let name = take { $0 != "!" && $0 != ":" && $0 != "}" && $0 != "{" }
    var conversion: Unicode.Scalar?
    if peek == "!" {
      position += 1
      conversion = peek
      position += 1
    }
    var spec: [Glyph] = []
    if peek == ":" {
      position += 1
      spec = take { $0 != "}" && $0 != "{" }
    }
    if peek == "{" { throw .unsupported("a field inside of a field of 'format'") }
    guard peek == "}" else { throw TemplateFault("expected '}' before end of string") }
    position += 1
    var value = try self.value(named: name)
    switch conversion {
    case nil: break
    case "s": value = .string(try value.printed())
    case "r": value = .string(try value.represented())
    default: throw TemplateFault("Unknown conversion specifier in a format string")
    }
    try output.append(try formatted(value, spec, origin: origin))
  }

  private mutating func value(named name: [Glyph]) throws(TemplateFault) -> TemplateValue {
    var index = 0
    while index < name.count, name[index].unicode != ".", name[index].unicode != "[" { index += 1 }
    let head = TracedString(name[..<index])
    var value: TemplateValue
    if head.isEmpty ? usesNumbers : Int(head.text) != nil && automatic > 0 {
      throw TemplateFault("a format string numbers its fields either all or not at all")
    }
    if head.isEmpty {
      value = try positional(automatic)
      automatic += 1
    } else if let number = Int(head.text) {
      usesNumbers = true
      value = try positional(number)
    } else {
      guard let found = arguments.named.first(where: { $0.name == head.text }) else {
        throw TemplateFault("no argument for the format field '\(head.text)'")
      }
      value = found.value
    }
    while index < name.count {
      let isAttribute = name[index].unicode == "."
      let start = index + 1
      index = start
      if isAttribute {
        while index < name.count, name[index].unicode != ".", name[index].unicode != "[" {
          index += 1
        }
        value = try member(value, TracedString(name[start..<index]), true)
      } else {
        while index < name.count, name[index].unicode != "]" { index += 1 }
        value = try member(value, TracedString(name[start..<index]), false)
        index += 1
      }
    }
    return value
  }

  private func positional(_ index: Int) throws(TemplateFault) -> TemplateValue {
    guard arguments.positional.indices.contains(index) else {
      throw TemplateFault("Replacement index \(index) out of range for positional args tuple")
    }
    return arguments.positional[index]
  }

  /// `format(value, spec)`.
  private func formatted(
    _ value: TemplateValue, _ spec: [Glyph], origin: UInt32
  ) throws(TemplateFault) -> TracedString {
    guard !spec.isEmpty else { return try value.printed() }
    var layout = NumberLayout()
    var index = 0
    func at(_ index: Int) -> Unicode.Scalar? { index < spec.count ? spec[index].unicode : nil }
    func isAlignment(_ scalar: Unicode.Scalar?) -> Bool {
      scalar == "<" || scalar == ">" || scalar == "^" || scalar == "="
    }
    if isAlignment(at(1)) {
      layout.fill = spec[0]
      layout.align = at(1)
      index = 2
    } else if isAlignment(at(0)) {
      layout.align = at(0)
      index = 1
    }
    if let sign = at(index), sign == "+" || sign == "-" || sign == " " {
      layout.sign = sign
      index += 1
    }
    if at(index) == "#" {
      layout.isAlternate = true
      index += 1
    }
    if at(index) == "0" {
      layout.isZeroPadded = true
      index += 1
    }
    func number() -> Int? {
      var value: Int?
      while let digit = at(index), ("0"..."9").contains(digit) {
        value = min((value ?? 0) * 10 + Int(digit.value - 0x30), 1 << 40)
        index += 1
      }
      return value
    }
    layout.width = number() ?? 0
    if let grouping = at(index), grouping == "," || grouping == "_" {
      layout.grouping = grouping
      index += 1
    }
    if at(index) == "." {
      index += 1
      layout.precision = number()
    }
    let type = at(index)
    if type != nil { index += 1 }
    guard index == spec.count else { throw TemplateFault("Invalid format specifier") }
    if layout.align == "=" { throw .unsupported("the alignment '=' of 'format'") }
    return try formatted(value, layout, type, origin: origin)
  }

  private func formatted(
    _ value: TemplateValue, _ layout: NumberLayout, _ type: Unicode.Scalar?, origin: UInt32
  ) throws(TemplateFault) -> TracedString {
    switch (value, type) {
    case (.string(let text), nil), (.string(let text), "s"):
      let cut = layout.precision.map { text.slice(0..<min($0, text.count)) } ?? text
      return try layout.padded(cut, defaultAlign: "<", fill: layout.isZeroPadded ? "0" : " ")
    case (.integer(let number), nil), (.integer(let number), "d"), (.integer(let number), "x"),
      (.integer(let number), "X"), (.integer(let number), "o"), (.integer(let number), "b"):
      return try layout.text(ofInteger: number, type: type ?? "d", origin: origin)
    case (.integer, "e"), (.integer, "E"), (.integer, "f"), (.integer, "F"), (.integer, "g"),
      (.integer, "G"), (.float, "e"), (.float, "E"), (.float, "f"), (.float, "F"), (.float, "g"),
      (.float, "G"):
      return try layout.text(ofFloat: value.number ?? 0, type: type ?? "f", origin: origin)
    case (.integer, "%"), (.float, "%"):
      var percent = layout
      percent.width = max(0, layout.width - 1)
      let text = try percent.text(ofFloat: (value.number ?? 0) * 100, type: "f", origin: origin)
      return try text.adding(TracedString("%", origin: origin))
    default:
      if type == nil, layout.precision == nil, layout.grouping == nil {
        if case .float = value {
          return try layout.padded(try value.printed(), defaultAlign: ">", fill: " ")
        }
      }
      throw .unsupported("this format specifier for a \(value.typeName)")
    }
  }

  private var peek: Unicode.Scalar? { position < format.count ? format[position].unicode : nil }

  private mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> [Glyph] {
    var taken: [Glyph] = []
    while let scalar = peek, isWanted(scalar) {
      taken.append(format[position])
      position += 1
    }
    return taken
  }
}

/// What stands behind `|`: a function of a value.
enum TemplateFilter: String {
  case abs, attr, batch, capitalize, center, count, d, dictsort, e, escape, first, float
  case forceescape, format, groupby, indent, int, items, join, last, length, list, lower, map, max
  case min, reject, rejectattr, replace, reverse, round, safe, select, selectattr, slice, sort
  case string, sum, title, tojson, trim, truncate, unique, upper, wordcount
  case `default`

  static func unknown(_ name: String) -> TemplateFault {
    .unsupported("the filter '\(name)'")
  }

  /// About how long it takes to apply this filter to `value`, before any result is made.
  func cost(of value: TemplateValue) -> Int {
    switch self {
    case .count, .length, .d, .default, .attr, .map, .select, .reject, .selectattr, .rejectattr: 1
    case .first, .last:
      switch value {
      case .dictionary, .view: TemplateValue.weightOfElement * (value.length ?? 0)
      default: 1
      }
    case .batch, .dictsort, .groupby, .items, .join, .list, .max, .min, .reverse, .slice, .sort,
      .sum, .unique:
      TemplateValue.weightOfElement * (value.length ?? 0)
    default: value.weight
    }
  }
}

extension TemplateInterpreter {
  /// `value | filter(arguments)`.
  func apply(
    _ filter: TemplateFilter, to value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TemplateValue {
    let name = "the filter '\(filter.rawValue)'"
    switch filter {
    case .map, .select, .reject, .selectattr, .rejectattr:
      return try lazily(filter, value, arguments)
    case .batch, .dictsort, .first, .groupby, .items, .join, .last, .list, .max, .min, .reverse,
      .slice, .sort, .sum, .unique:
      return try applyToSequence(filter, value, arguments, name)
    case .abs, .float, .int, .round: return try applyToNumber(filter, value, arguments, name)
    case .d, .default:
      let values = try arguments.bound(to: ["default_value", "boolean"], of: name)
      let isMissing = value.isUndefined || values[1].isTrue() && !value.isTrue
      return isMissing ? values[0] ?? .text("") : value
    case .count, .length:
      try arguments.requireNone(of: name)
      guard let length = value.length else {
        if case .loop(let loop) = value { return try loop.attribute("length") ?? .null }
        throw TemplateFault("object of type '\(value.typeName)' has no len()")
      }
      return .integer(length)
    case .wordcount:
      try arguments.requireNone(of: name)
      var count = 0
      var isInside = false
      for glyph in try value.printed().glyphs {
        let isPart = PythonText.isWordPart(glyph.unicode)
        if isPart, !isInside { count += 1 }
        isInside = isPart
      }
      return .integer(count)
    case .attr:
      let key = try arguments.bound(to: ["name"], required: 1, of: name)[0].requiredString("name")
      let text = key.text
      return try value.attribute(text) ?? .undefined(.attribute(text, typeName: value.typeName))
    case .truncate: return try truncated(value, arguments, name)
    case .tojson:
      let values = try arguments.bound(
        to: ["ensure_ascii", "indent", "separators", "sort_keys"], of: name)
      var writer = try TemplateJSONWriter(
        escapesNonASCII: values[0].isTrue(), indent: values[1] ?? .null,
        separators: values[2] ?? .null, sortsKeys: values[3].isTrue())
      return .string(try writer.text(of: value))
    default: return .string(try applyToText(filter, value, arguments, name))
    }
  }

  private func applyToText(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TracedString {
    switch filter {
    case .format:
      guard arguments.named.isEmpty || arguments.positional.isEmpty else {
        throw TemplateFault("can't handle positional and keyword arguments at the same time")
      }
      var values = TemplateValue.tuple(try TemplateList(arguments.positional))
      if !arguments.named.isEmpty {
        values = .dictionary(
          try TemplateDictionary(arguments.named.map { (.text($0.name), $0.value) }))
      }
      return try PercentFormat.format(try value.printed(), values)
    case .replace:
      let values = try arguments.bound(to: ["old", "new", "count"], required: 2, of: name)
      var text = try value.printed()
      text.isMarkup = false
      let isUnlimited = values[2]?.isNull ?? true
      return try text.replacing(
        values[0]?.printed() ?? TracedString(""), with: values[1]?.printed() ?? TracedString(""),
        limit: isUnlimited ? -1 : values[2].integer(or: -1, "count"))
    case .trim:
      let values = try arguments.bound(to: ["chars"], of: name)
      return try value.printed().stripped(of: values[0].string("chars"))
    case .center:
      let values = try arguments.bound(to: ["width"], of: name)
      return try value.printed().padded(
        to: values[0].integer(or: 80, "width"), with: Glyph(0x20), .center)
    case .indent: return try indented(value, arguments, name)
    default: break
    }
    try arguments.requireNone(of: name)
    var text = try value.printed()
    switch filter {
    case .capitalize: return text.capitalized()
    case .title: return text.titlecasedByJinja()
    case .lower: return text.lowercased()
    case .upper: return text.uppercased()
    case .e, .escape: return text.isMarkup ? text : try text.escapedForHTML()
    case .forceescape: return try text.escapedForHTML()
    case .safe:
      text.isMarkup = true
      return text
    default: return text
    }
  }

  private func indented(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TracedString {
    let values = try arguments.bound(to: ["width", "first", "blank"], of: name)
    if case .undefined(let reason) = value { throw reason.fault }
    guard case .string(var text) = value else {
      throw TemplateFault("\(name) takes a string, not a \(value.typeName)")
    }
    let indent: TracedString
    if case .string(let given)? = values[0] {
      indent = given
    } else {
      indent = try TracedString(" ").repeated(try values[0].integer(or: 4, "width"))
    }
    let isMarkup = text.isMarkup
    text.isMarkup = false
    let lines = try text.adding(TracedString("\n")).splitLines(keepingEnds: false)
    var result = TracedStringBuilder()
    if values[1].isTrue() { try result.append(indent) }
    for (index, line) in lines.enumerated() {
      if index > 0 {
        try result.append("\n")
        if values[2].isTrue() || !line.isEmpty { try result.append(indent) }
      }
      try result.append(line)
    }
    return TracedString(glyphs: result.glyphs, isMarkup: isMarkup)
  }

  private func truncated(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["length", "killwords", "end", "leeway"], of: name)
    let length = try values[0].integer(or: 255, "length")
    let end = try values[2].string("end") ?? TracedString("...")
    let isLeewayNull = values[3]?.isNull ?? true
    let leeway = isLeewayNull ? 5 : try values[3].integer(or: 5, "leeway")
    guard length >= end.count, leeway >= 0 else {
      throw TemplateFault("\(name) takes a length of at least \(end.count)")
    }
    guard let count = value.length else {
      throw TemplateFault("object of type '\(value.typeName)' has no len()")
    }
    // What is short enough stays what it is, even if it is no text.
    if count - leeway <= length { return value }
    guard case .string(let text) = value else {
      throw TemplateFault("\(name) takes a string, not a \(value.typeName)")
    }
    var kept = text.slice(0..<length - end.count)
    if !values[1].isTrue() {
      kept = try kept.split(at: TracedString(" "), limit: 1, fromEnd: true)[0]
    }
    return .string(try kept.adding(end))
  }

  private func applyToNumber(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    if case .undefined(let reason) = value {
      if filter == .abs { throw TemplateFault("bad operand type for abs(): 'Undefined'") }
      throw reason.fault
    }
    switch filter {
    case .abs:
      try arguments.requireNone(of: name)
      if case .float(let number) = value { return .float(Swift.abs(number)) }
      guard let number = value.integer else {
        throw TemplateFault("bad operand type for abs(): '\(value.typeName)'")
      }
      return number < 0
        ? try TemplateOperator.subtract.apply(.integer(0), value) : .integer(number)
    case .float:
      let values = try arguments.bound(to: ["default"], of: name)
      if case .string(let text) = value {
        return PythonNumbers.float(text).map { .float($0) } ?? values[0] ?? .float(0)
      }
      return value.number.map { .float($0) } ?? values[0] ?? .float(0)
    case .int:
      let values = try arguments.bound(to: ["default", "base"], of: name)
      let base = try values[1].integer(or: 10, "base")
      return try integer(value, base: base) ?? values[0] ?? .integer(0)
    default: return try rounded(value, arguments, name)
    }
  }

  private func integer(_ value: TemplateValue, base: Int) throws(TemplateFault) -> TemplateValue? {
    let number: Double
    switch value {
    case .string(let text):
      if let value = PythonNumbers.integer(text, base: base) { return .integer(value) }
      guard let value = PythonNumbers.float(text), value.isFinite else { return nil }
      number = value
    case .float(let value):
      if value.isInfinite { throw TemplateFault("cannot convert float infinity to integer") }
      number = value
    default: return value.integer.map { .integer($0) }
    }
    if number.isNaN { return nil }
    guard let whole = Int(exactly: number.rounded(.towardZero)) else {
      throw .unsupported("an integer that does not fit 64 bits")
    }
    return .integer(whole)
  }

  private func rounded(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["precision", "method"], of: name)
    let digits = try values[0].integer(or: 0, "precision")
    let method = try values[1].string("method")?.text ?? "common"
    guard let number = value.number else {
      throw TemplateFault("type \(value.typeName) doesn't define __round__ method")
    }
    switch method {
    case "common":
      guard let whole = value.integer else {
        return .float(PythonNumbers.rounded(number, digits: digits))
      }
      if digits >= 0 { return .integer(whole) }
      return .integer(Int(exactly: PythonNumbers.rounded(number, digits: digits)) ?? whole)
    case "ceil", "floor":
      let unit = try TemplateOperator.power.apply(.integer(10), .integer(digits))
      let scaled = try TemplateOperator.multiply.apply(value, unit).number ?? number
      guard scaled.isFinite else { throw TemplateFault("cannot convert float to integer") }
      let whole = scaled.rounded(method == "ceil" ? .up : .down)
      return try TemplateOperator.divide.apply(.float(whole), unit)
    default: throw TemplateFault("method must be common, ceil or floor")
    }
  }
}

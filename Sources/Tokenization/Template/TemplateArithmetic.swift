#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Python's arithmetic.
extension TemplateOperator {
  func apply(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateFault) -> TemplateValue {
    if case .undefined(let reason) = left { throw reason.fault }
    if self == .remainder, case .string(let format) = left {
      return .string(try PercentFormat.format(format, right))
    }
    if case .undefined(let reason) = right { throw reason.fault }
    switch (self, left, right) {
    case (.add, .string(let a), .string(let b)): return .string(try a.adding(b))
    case (.add, .list(let a), .list(let b)):
      return .list(try TemplateList(a.items + b.items))
    case (.add, .tuple(let a), .tuple(let b)):
      return .tuple(try TemplateList(a.items + b.items))
    case (.multiply, .string(let text), let times), (.multiply, let times, .string(let text)):
      if let times = times.integer { return .string(try text.repeated(times)) }
    case (.multiply, .list(let list), let times), (.multiply, let times, .list(let list)):
      if let times = times.integer { return .list(try list.repeated(times)) }
    case (.multiply, .tuple(let list), let times), (.multiply, let times, .tuple(let list)):
      if let times = times.integer { return .tuple(try list.repeated(times)) }
    default: break
    }
    if let a = left.integer, let b = right.integer { return try integers(a, b) }
    if let a = left.number, let b = right.number { return .float(try floats(a, b)) }
    if self == .add, case .string = left {
      throw TemplateFault("can only concatenate str (not \"\(right.typeName)\") to str")
    }
    throw TemplateFault(
      "unsupported operand type(s) for \(rawValue): '\(left.typeName)' and '\(right.typeName)'")
  }

  private func integers(_ a: Int, _ b: Int) throws(TemplateFault) -> TemplateValue {
    let result: (partialValue: Int, overflow: Bool)
    switch self {
    case .add: result = a.addingReportingOverflow(b)
    case .subtract: result = a.subtractingReportingOverflow(b)
    case .multiply: result = a.multipliedReportingOverflow(by: b)
    case .divide:
      guard b != 0 else { throw TemplateFault("division by zero") }
      return .float(Double(a) / Double(b))
    case .floorDivide:
      guard b != 0 else { throw TemplateFault("integer division or modulo by zero") }
      let quotient = a.dividedReportingOverflow(by: b)
      let isBelow = !quotient.overflow && a % b != 0 && (a < 0) != (b < 0)
      result = (isBelow ? quotient.partialValue - 1 : quotient.partialValue, quotient.overflow)
    case .remainder:
      guard b != 0 else { throw TemplateFault("integer division or modulo by zero") }
      let rest = b == -1 ? 0 : a % b
      result = (rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest, false)
    case .power:
      if b < 0 {
        guard a != 0 else { throw TemplateFault("0.0 cannot be raised to a negative power") }
        return .float(pow(Double(a), Double(b)))
      }
      result = power(a, b)
    }
    guard !result.overflow else {
      throw .unsupported("an integer that does not fit 64 bits")
    }
    return .integer(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) -> (partialValue: Int, overflow: Bool) {
    if base == 0 || base == 1 { return (exponent == 0 ? 1 : base, false) }
    if base == -1 { return (exponent % 2 == 0 ? 1 : -1, false) }
    guard exponent < 64 else { return (0, true) }
    var result = 1
    for _ in 0..<exponent {
      let product = result.multipliedReportingOverflow(by: base)
      if product.overflow { return product }
      result = product.partialValue
    }
    return (result, false)
  }

  private func floats(_ a: Double, _ b: Double) throws(TemplateFault) -> Double {
    switch self {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide, .floorDivide, .remainder:
      guard b != 0 else {
        throw TemplateFault(
          self == .divide ? "float division by zero" : "float floor division by zero")
      }
      if self == .divide { return a / b }
      var rest = fmod(a, b)
      if rest != 0, (rest < 0) != (b < 0) { rest += b }
      if self == .remainder { return rest == 0 ? Double(signOf: b, magnitudeOf: 0) : rest }
      let quotient = ((a - rest) / b).rounded(.toNearestOrEven)
      return quotient
    case .power:
      if a == 0, b < 0 { throw TemplateFault("0.0 cannot be raised to a negative power") }
      if a < 0, b != b.rounded() { throw .unsupported("a complex number") }
      let result = pow(a, b)
      if result.isInfinite, a.isFinite, b.isFinite { throw TemplateFault("Result too large") }
      return result
    }
  }
}

extension TracedString {
  /// `self + other`; what is added to markup is escaped for HTML.
  func adding(_ other: TracedString) throws(TemplateFault) -> TracedString {
    var result = TracedStringBuilder()
    if isMarkup != other.isMarkup {
      try result.append(isMarkup ? self : try escapedForHTML())
      try result.append(other.isMarkup ? other : try other.escapedForHTML())
    } else {
      try result.append(self)
      try result.append(other)
    }
    return TracedString(glyphs: result.glyphs, isMarkup: isMarkup || other.isMarkup)
  }

  func repeated(_ times: Int) throws(TemplateFault) -> TracedString {
    guard times > 0, !isEmpty else { return TracedString(glyphs: [], isMarkup: isMarkup) }
    guard times <= TemplateLimits.longestString / count else {
      throw .limit("\(TemplateLimits.longestString) characters in one string")
    }
    var glyphs: [Glyph] = []
    glyphs.reserveCapacity(count * times)
    for _ in 0..<times { glyphs += self.glyphs }
    return TracedString(glyphs: glyphs, isMarkup: isMarkup)
  }

  /// `&`, `<`, `>` and quotes as HTML entities, as markupsafe writes them.
  func escapedForHTML() throws(TemplateFault) -> TracedString {
    var result = TracedStringBuilder()
    for glyph in glyphs {
      switch glyph.scalar {
      case 0x26: try result.append("&amp;", origin: glyph.origin)
      case 0x3C: try result.append("&lt;", origin: glyph.origin)
      case 0x3E: try result.append("&gt;", origin: glyph.origin)
      case 0x22: try result.append("&#34;", origin: glyph.origin)
      case 0x27: try result.append("&#39;", origin: glyph.origin)
      default: try result.append(glyph)
      }
    }
    return TracedString(glyphs: result.glyphs, isMarkup: true)
  }
}

extension TemplateList {
  func repeated(_ times: Int) throws(TemplateFault) -> TemplateList {
    guard times > 0, !items.isEmpty else { return try TemplateList([]) }
    guard times <= TemplateLimits.longestList / items.count else {
      throw .limit("\(TemplateLimits.longestList) elements in one list")
    }
    var result: [TemplateValue] = []
    for _ in 0..<times { result += items }
    return try TemplateList(result)
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Python's comparisons.
extension TemplateValue {
  /// The number this is to arithmetic, where `True` is 1.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? {
    if case .float(let value) = self { value } else { integer.map(Double.init) }
  }

  /// `self == other`.
  func equals(_ other: TemplateValue) -> Bool {
    switch (self, other) {
    case (.undefined, .undefined), (.null, .null): return true
    case (.string(let a), .string(let b)): return a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return a === b
        || a.items.count == b.items.count
          && zip(a.items, b.items).allSatisfy { $0.equals($1) }
    case (.dictionary(let a), .dictionary(let b)): return a === b || a.equals(b)
    case (.view(let a), .view(let b)):
      switch (a.part, b.part) {
      case (.keys, .keys):
        return a.dictionary.count == b.dictionary.count
          && a.dictionary.entries.allSatisfy { entry in
            (try? TemplateKey(entry.key)).flatMap { b.dictionary[$0] } != nil
          }
      case (.items, .items): return a.dictionary.equals(b.dictionary)
      default: return false
      }
    case (.range(let a), .range(let b)):
      return a.count == b.count && (a.count == 0 || a.start == b.start)
        && (a.count < 2 || a.step == b.step)
    case (.float(let a), .float(let b)): return a == b
    case (.namespace, _), (.iterator, _), (.loop, _), (.cycler, _), (.joiner, _), (.function, _):
      return isSame(as: other)
    default:
      if let a = integer, let b = other.integer { return a == b }
      if case .float(let a) = self, let b = other.integer { return Int(exactly: a) == b }
      if let a = integer, case .float(let b) = other { return Int(exactly: b) == a }
      return false
    }
  }

  /// `self is other`, as far as values have an identity of their own.
  func isSame(as other: TemplateValue) -> Bool {
    switch (self, other) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
    case (.dictionary(let a), .dictionary(let b)): a === b
    case (.namespace(let a), .namespace(let b)): a === b
    case (.iterator(let a), .iterator(let b)): a === b
    case (.loop(let a), .loop(let b)): a === b
    case (.cycler(let a), .cycler(let b)): a === b
    case (.joiner(let a), .joiner(let b)): a === b
    case (.function(.macro(let a)), .function(.macro(let b))): a === b
    default: false
    }
  }

  /// `self < other`; `comparison` is what the message calls it.
  func isLess(
    than other: TemplateValue, _ comparison: TemplateComparison = .less
  ) throws(TemplateFault) -> Bool {
    switch (self, other) {
    case (.undefined(let reason), _), (_, .undefined(let reason)): throw reason.fault
    case (.string(let a), .string(let b)): return a < b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (first, second) in zip(a.items, b.items) where !first.equals(second) {
        return try first.isLess(than: second, comparison)
      }
      return a.items.count < b.items.count
    default:
      if let a = integer, let b = other.integer { return a < b }
      guard let a = number, let b = other.number else {
        throw TemplateFault(
          "'\(comparison.rawValue)' not supported between instances of '\(typeName)' and "
            + "'\(other.typeName)'")
      }
      return a < b
    }
  }

  func compares(_ comparison: TemplateComparison, to other: TemplateValue) throws(TemplateFault)
    -> Bool
  {
    switch comparison {
    case .equal: equals(other)
    case .notEqual: !equals(other)
    case .less: try isLess(than: other, comparison)
    case .greater: try other.isLess(than: self, comparison)
    case .lessOrEqual: try isLessOrEqual(to: other, comparison)
    case .greaterOrEqual: try other.isLessOrEqual(to: self, comparison)
    case .isIn: try other.contains(self)
    case .isNotIn: try !other.contains(self)
    }
  }

  private func isLessOrEqual(
    to other: TemplateValue, _ comparison: TemplateComparison
  ) throws(TemplateFault) -> Bool {
    // Not the opposite of "greater": nothing compares with a NaN.
    let isLess = try isLess(than: other, comparison)
    return isLess || equals(other)
  }

  /// `element in self`.
  func contains(_ element: TemplateValue) throws(TemplateFault) -> Bool {
    switch self {
    case .string(let text):
      guard case .string(let part) = element else {
        throw TemplateFault(
          "'in <string>' requires string as left operand, not \(element.typeName)")
      }
      return text.contains(part)
    case .list(let list), .tuple(let list): return list.items.contains { $0.equals(element) }
    case .dictionary(let dictionary): return dictionary[try TemplateKey(element)] != nil
    case .view(let view) where view.part == .keys:
      return view.dictionary[try TemplateKey(element)] != nil
    case .range(let range):
      guard let value = element.integer ?? element.number.flatMap(Int.init(exactly:)) else {
        return false
      }
      guard range.count > 0 else { return false }
      let (distance, overflows) = value.subtractingReportingOverflow(range.start)
      guard !overflows, distance % range.step == 0 else { return false }
      return (0..<range.count).contains(distance / range.step)
    default:
      let iterator = try makeIterator()
      while let value = try iterator.next() {
        if value.equals(element) { return true }
      }
      return false
    }
  }

  /// The values that a loop over this one goes through.
  func makeIterator() throws(TemplateFault) -> TemplateIterator {
    switch self {
    case .iterator(let iterator): return iterator
    case .undefined:
      return try TemplateIterator("generator", over: nil) { () throws(TemplateFault) in nil }
    case .string(let text):
      var index = 0
      return try TemplateIterator("str_iterator", over: nil) { () throws(TemplateFault) in
        guard index < text.count else { return nil }
        index += 1
        return .string(text.slice(index - 1..<index))
      }
    case .list(let list), .tuple(let list):
      return try .elements(list.items, "list_iterator", of: self)
    case .dictionary(let dictionary):
      return try .elements(dictionary.entries.map(\.key), "dict_keyiterator", of: self)
    case .view(let view): return try .elements(try view.items(), "dict_itemiterator", of: self)
    case .range(let range):
      var index = 0
      return try TemplateIterator("range_iterator", over: nil) { () throws(TemplateFault) in
        guard index < range.count else { return nil }
        index += 1
        return .integer(range[index - 1])
      }
    default: throw TemplateFault("'\(typeName)' object is not iterable")
    }
  }

  /// All values of ``makeIterator()``.
  func elements() throws(TemplateFault) -> [TemplateValue] {
    switch self {
    case .list(let list), .tuple(let list): return list.items
    case .dictionary(let dictionary): return dictionary.entries.map(\.key)
    case .view(let view): return try view.items()
    default:
      let iterator = try makeIterator()
      var values: [TemplateValue] = []
      while let value = try iterator.next() {
        guard values.count < TemplateLimits.longestList else {
          throw .limit("\(TemplateLimits.longestList) elements in one list")
        }
        values.append(value)
      }
      return values
    }
  }

  /// `len(self)`, or `nil` if it has none.
  var length: Int? {
    switch self {
    case .undefined: 0
    case .string(let text): text.count
    case .list(let list), .tuple(let list): list.items.count
    case .dictionary(let dictionary): dictionary.count
    case .view(let view): view.dictionary.count
    case .range(let range): range.count
    default: nil
    }
  }
}

extension TemplateDictionary {
  func equals(_ other: TemplateDictionary) -> Bool {
    guard count == other.count else { return false }
    return entries.allSatisfy { entry in
      guard let key = try? TemplateKey(entry.key), let value = other[key] else { return false }
      return entry.value.equals(value)
    }
  }
}

extension TemplateIterator {
  /// Goes through `values`, which are those of `source`.
  static func elements(
    _ values: [TemplateValue], _ name: String, of source: TemplateValue
  ) throws(TemplateFault) -> TemplateIterator {
    var index = 0
    return try TemplateIterator(name, over: source) { () throws(TemplateFault) in
      guard index < values.count else { return nil }
      index += 1
      return values[index - 1]
    }
  }
}

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
        throw TemplateFault(self == .divide ? "float division by zero" : "float floor division by zero")
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

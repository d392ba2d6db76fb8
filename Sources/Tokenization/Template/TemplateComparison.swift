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
      // The least integer has no opposite, so dividing it by -1 overflows.
      let (place, isTooFar) = distance.dividedReportingOverflow(by: range.step)
      guard !overflows, !isTooFar, place &* range.step == distance else { return false }
      return (0..<range.count).contains(place)
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
        // The characters of an escaped string are plain ones.
        return .string(TracedString(text.glyphs[index - 1..<index]))
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

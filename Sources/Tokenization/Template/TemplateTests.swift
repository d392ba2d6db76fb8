/// What stands behind `is`: a question about a value.
enum TemplateTest: String {
  case defined, undefined, none, boolean, integer, float, number, string, mapping, sequence
  case iterable, callable, odd, even, divisibleby, lower, upper, sameas, escaped, filter, test
  case isTrue = "true"
  case isFalse = "false"
  case isIn = "in"
  case eq, equalto, ne, lt, lessthan, le, gt, greaterthan, ge
  case equalSign = "=="
  case notEqualSign = "!="
  case lessSign = "<"
  case lessOrEqualSign = "<="
  case greaterSign = ">"
  case greaterOrEqualSign = ">="

  static func unknown(_ name: String) -> TemplateFault {
    TemplateFault("there is no test named '\(name)'", kind: .unsupported)
  }

  private var comparison: TemplateComparison? {
    switch self {
    case .eq, .equalto, .equalSign: .equal
    case .ne, .notEqualSign: .notEqual
    case .lt, .lessthan, .lessSign: .less
    case .le, .lessOrEqualSign: .lessOrEqual
    case .gt, .greaterthan, .greaterSign: .greater
    case .ge, .greaterOrEqualSign: .greaterOrEqual
    case .isIn: .isIn
    default: nil
    }
  }

  /// Whether the answer takes a look at all of the value, not only at its kind.
  var readsValue: Bool {
    comparison != nil || [.lower, .upper, .filter, .test, .odd, .even, .divisibleby].contains(self)
  }

  /// Whether `value` passes.
  func passes(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateFault) -> Bool
  {
    let name = "the test '\(rawValue)'"
    if comparison != nil || self == .sameas || self == .divisibleby {
      let values = try arguments.bound(to: ["other"], required: 1, of: name)
      return try passes(value, comparedTo: values[0] ?? .null)
    }
    try arguments.requireNone(of: name)
    switch self {
    case .defined: return !value.isUndefined
    case .undefined: return value.isUndefined
    case .none: return value.isNull
    case .boolean:
      guard case .bool = value else { return false }
      return true
    case .isTrue:
      guard case .bool(true) = value else { return false }
      return true
    case .isFalse:
      guard case .bool(false) = value else { return false }
      return true
    case .integer:
      guard case .integer = value else { return false }
      return true
    case .float:
      guard case .float = value else { return false }
      return true
    case .number: return value.number != nil
    case .string:
      guard case .string = value else { return false }
      return true
    case .mapping:
      guard case .dictionary = value else { return false }
      return true
    case .sequence:
      switch value {
      // Jinja's undefined has a length, zero, and so counts as a sequence.
      case .undefined, .string, .list, .tuple, .dictionary, .range: return true
      default: return false
      }
    case .iterable:
      switch value {
      case .undefined, .string, .list, .tuple, .dictionary, .view, .range, .iterator, .loop:
        return true
      default: return false
      }
    case .callable:
      switch value {
      case .function, .joiner, .loop, .undefined: return true
      default: return false
      }
    case .odd, .even:
      let rest = try TemplateOperator.remainder.apply(value, .integer(2))
      return rest.equals(.integer(self == .odd ? 1 : 0))
    case .lower: return try value.printed().isLowercase
    case .upper: return try value.printed().isUppercase
    case .escaped:
      if case .string(let text) = value { return text.isMarkup }
      return false
    case .filter, .test:
      guard case .string(let text) = value else { return false }
      return self == .filter
        ? TemplateFilter(rawValue: text.text) != nil : TemplateTest(rawValue: text.text) != nil
    default: return false
    }
  }

  private func passes(
    _ value: TemplateValue, comparedTo other: TemplateValue
  ) throws(TemplateFault) -> Bool {
    if let comparison { return try value.compares(comparison, to: other) }
    if self == .sameas { return value.isSame(as: other) }
    return try TemplateOperator.remainder.apply(value, other).equals(.integer(0))
  }
}

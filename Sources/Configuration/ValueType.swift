import Serialization

/// A value that does not fit its key.
struct ValueFault: Error {
  /// What was expected at `position`, if narrower than what the key expects.
  var expected: String?
  let found: String
  let position: TextPosition

  init(_ node: YAMLNode) {
    self.found = Self.describe(node)
    self.position = node.position
  }

  init(found: String, at position: TextPosition) {
    self.found = found
    self.position = position
  }

  /// What stands in a file, as an error message shows it.
  static func describe(_ node: YAMLNode) -> String {
    switch node {
    case .sequence: return "a list"
    case .mapping: return "keys with values"
    case .scalar(let text, _, _):
      if node.isNull { return "null" }
      if Double(text) != nil { return text }
      let isLong = text.unicodeScalars.count > 60
      return YAMLText.quoted(isLong ? String(text.unicodeScalars.prefix(60)) + "…" : text)
    }
  }
}

/// How a value of one type is read from YAML, written to it, and described.
///
/// The schema decides what a scalar is: `1e-5` under a number's key is a number, quoted or not.
struct ValueType<Value: Sendable & Equatable>: Sendable {
  /// What fits, bound included, in words that follow "expected".
  let expectation: String
  let read: @Sendable (YAMLNode) throws(ValueFault) -> Value
  let text: @Sendable (Value) -> String

  /// Reads a part of a larger value: what was expected is then this type, not the whole.
  func readElement(_ node: YAMLNode) throws(ValueFault) -> Value {
    do throws(ValueFault) {
      return try read(node)
    } catch {
      var fault = error
      fault.expected = fault.expected ?? expectation
      throw fault
    }
  }
}

extension ValueType where Value == Bool {
  static let boolean = ValueType(expectation: "true or false") { node throws(ValueFault) in
    // YAML 1.1's words.
    switch node.plainText?.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default: throw ValueFault(node)
    }
  } text: {
    $0 ? "true" : "false"
  }
}

extension ValueType where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> ValueType {
    ValueType(expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
      node throws(ValueFault) in
      guard let value = node.plainText.flatMap({ Int($0) }), range.contains(value) else {
        throw ValueFault(node)
      }
      return value
    } text: {
      String($0)
    }
  }
}

extension ValueType where Value == UInt64 {
  static let seed = ValueType(expectation: "a whole number from 0 to \(UInt64.max)") {
    node throws(ValueFault) in
    guard let value = node.plainText.flatMap({ UInt64($0) }) else { throw ValueFault(node) }
    return value
  } text: {
    String($0)
  }
}

extension ValueType where Value == Double {
  static func number(above bound: Double) -> ValueType {
    number("a number above \(YAMLText.number(bound))") { $0 > bound }
  }

  static func number(atLeast bound: Double) -> ValueType {
    number("a number of at least \(YAMLText.number(bound))") { $0 >= bound }
  }

  static func number(_ range: Range<Double>) -> ValueType {
    let low = YAMLText.number(range.lowerBound)
    let high = YAMLText.number(range.upperBound)
    return number("a number of at least \(low) and below \(high)") { range.contains($0) }
  }

  static func number(
    _ expectation: String, where isInBounds: @escaping @Sendable (Double) -> Bool
  ) -> ValueType {
    ValueType(expectation: expectation) { node throws(ValueFault) in
      // `Double` alone would read "nan", "infinity" and hexadecimal.
      guard let text = node.plainText,
        text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
        let value = Double(text), value.isFinite, isInBounds(value)
      else { throw ValueFault(node) }
      return value
    } text: {
      YAMLText.number($0)
    }
  }
}

extension ValueType where Value == String {
  /// Text that is not empty, such as a path.
  static func text(_ expectation: String) -> ValueType {
    ValueType(expectation: expectation) { node throws(ValueFault) in
      guard let text = node.plainText, !node.isNull, !text.isEmpty, !text.utf8.contains(0) else {
        throw ValueFault(node)
      }
      return text
    } text: {
      YAMLText.string($0)
    }
  }
}

extension ValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the cases by raw value, or by an alias that is read and not written.
  static func choice(aliases: [String: Value] = [:]) -> ValueType {
    let names = Value.allCases.map(\.rawValue)
    let isSingle = names.count == 1
    let listed = names.dropLast().joined(separator: ", ") + (isSingle ? "" : " or ")
    return ValueType(expectation: listed + (names.last ?? "")) { node throws(ValueFault) in
      guard let text = node.plainText, let value = Value(rawValue: text) ?? aliases[text] else {
        throw ValueFault(node)
      }
      return value
    } text: {
      $0.rawValue
    }
  }
}

extension ValueType {
  /// `type`'s value or `null`.
  static func optional<Wrapped>(_ type: ValueType<Wrapped>) -> ValueType where Value == Wrapped? {
    ValueType(expectation: type.expectation + ", or null") { node throws(ValueFault) in
      node.isNull ? nil : try type.read(node)
    } text: {
      $0.map(type.text) ?? "null"
    }
  }

  /// One value or a list of them; `null` is the empty list where that is allowed.
  static func list<Element>(
    _ type: ValueType<Element>, _ expectation: String, mayBeEmpty: Bool
  ) -> ValueType where Value == [Element] {
    ValueType(expectation: expectation) { node throws(ValueFault) in
      if mayBeEmpty, node.isNull { return [] }
      guard case .sequence(let nodes, _) = node else { return [try type.read(node)] }
      guard mayBeEmpty || !nodes.isEmpty else {
        throw ValueFault(found: "an empty list", at: node.position)
      }
      var elements: [Element] = []
      for element in nodes { elements.append(try type.readElement(element)) }
      return elements
    } text: {
      "[" + $0.map(type.text).joined(separator: ", ") + "]"
    }
  }
}

extension YAMLNode {
  /// A scalar's text, quoted or not; `nil` for anything else.
  var plainText: String? {
    if case .scalar(let text, _, _) = self { text } else { nil }
  }
}

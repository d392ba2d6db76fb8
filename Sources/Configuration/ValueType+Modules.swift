import Serialization

extension ValueType where Value == RunConfiguration.ModuleSelection {
  /// A list of module names, or a regular expression; `all-linear` where that makes sense.
  static func modules(allowsAllLinear: Bool) -> ValueType {
    let name = ValueType<String>.text("a module's name")
    let expectation =
      "a list of module names\(allowsAllLinear ? ", all-linear," : "") or a regular expression"
    return ValueType(expectation: expectation) { node throws(ValueFault) in
      switch node {
      case .sequence(let nodes, _):
        guard !nodes.isEmpty else { throw ValueFault(found: "an empty list", at: node.position) }
        var names: [String] = []
        for node in nodes { names.append(try name.readElement(node)) }
        return .names(names)
      case .scalar("all-linear", _, _) where allowsAllLinear:
        return .allLinear
      case .scalar(let text, _, _):
        guard !text.isEmpty, !node.isNull else { throw ValueFault(node) }
        return .pattern(text)
      case .mapping:
        throw ValueFault(node)
      }
    } text: {
      switch $0 {
      case .allLinear: "all-linear"
      case .names(let names): "[" + names.map(name.text).joined(separator: ", ") + "]"
      case .pattern(let pattern): YAMLText.string(pattern)
      }
    }
  }
}

extension ValueType {
  /// Patterns with a value each, in the order written.
  static func patterns<Element>(
    of type: ValueType<Element>
  ) -> ValueType where Value == [RunConfiguration.ModuleOverride<Element>] {
    ValueType(expectation: "patterns, each with \(type.expectation)") { node throws(ValueFault) in
      if node.isNull { return [] }
      guard case .mapping(let members, _) = node else { throw ValueFault(node) }
      var overrides: [RunConfiguration.ModuleOverride<Element>] = []
      for member in members {
        overrides.append(.init(pattern: member.key, value: try type.readElement(member.value)))
      }
      return overrides
    } text: {
      "{"
        + $0.map { "\(YAMLText.quoted($0.pattern)): \(type.text($0.value))" }
        .joined(separator: ", ") + "}"
    }
  }
}

/// Expressions.
extension TemplateInterpreter {
  /// The value of `expression`.
  func evaluate(_ expression: TemplateExpression) throws(TemplateFault) -> TemplateValue {
    try evaluate(expression, onBlock: nil, caller: nil)
  }

  /// - Parameters:
  ///   - block: What the body of a filter block wrote, for the innermost filter.
  ///   - caller: The call block's body, for the call it belongs to.
  func evaluate(
    _ expression: TemplateExpression, onBlock block: TemplateValue? = nil,
    caller: TemplateMacro? = nil
  ) throws(TemplateFault) -> TemplateValue {
    // Not restored on an error, so that the error is reported where it happened.
    let outerLine = line
    line = expression.line
    let value = try step { () throws(TemplateFault) -> TemplateValue in
      switch expression.kind {
      case .constant(let value): value
      case .literal(let literal): try self.value(of: literal)
      case .name(let symbol): lookUp(symbol)
      case .attribute(let base, let name, let key):
        try evaluate(base).member(name, key: key)
      case .item(let base, let key): try item(try evaluate(base), try evaluate(key))
      case .slice(let base, let start, let stop, let step):
        try slice(base, start, stop, step)
      case .call(let function, let arguments): try call(function, arguments, caller: caller)
      case .filter(let base, let syntax): try filter(base, syntax, onBlock: block)
      case .test(let base, let test, let name, let arguments):
        try .bool(passes(base, test, name, arguments))
      case .not(let operand): .bool(!(try evaluate(operand).isTrue))
      case .signed(let operand, let isNegative): try signed(operand, isNegative)
      case .and(let left, let right): try either(left, right, stopsAt: false)
      case .or(let left, let right): try either(left, right, stopsAt: true)
      case .arithmetic(let left, let operation, let right):
        try arithmetic(left, operation, right)
      case .concatenation(let parts): try concatenate(parts)
      case .comparison(let first, let others): .bool(try compare(first, others))
      case .conditional(let test, let then, let otherwise):
        try conditional(test, then, otherwise)
      case .list(let elements): .list(try TemplateList(try values(of: elements)))
      case .tuple(let elements): .tuple(try TemplateList(try values(of: elements)))
      case .dictionary(let members): .dictionary(try dictionary(members))
      }
    }
    line = outerLine
    return value
  }

  private func values(of expressions: [TemplateExpression]) throws(TemplateFault)
    -> [TemplateValue]
  {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    try charge(TemplateValue.weightOfElement * values.count)
    return values
  }

  private func item(_ base: TemplateValue, _ key: TemplateValue) throws(TemplateFault)
    -> TemplateValue
  {
    // It is hashed, or quoted where nothing is found.
    try charge(key.weight)
    return try base.item(key)
  }

  private func lookUp(_ symbol: TemplateSymbol) -> TemplateValue {
    if let value = scope.value(of: symbol) { return value }
    let name = template.names[symbol]
    if let global = TemplateGlobal(rawValue: name) { return .function(.global(global)) }
    return .undefined(.name(name))
  }

  private func slice(
    _ base: TemplateExpression, _ start: TemplateExpression?, _ stop: TemplateExpression?,
    _ step: TemplateExpression?
  ) throws(TemplateFault) -> TemplateValue {
    let base = try evaluate(base)
    let start = try start.map { (bound) throws(TemplateFault) in try evaluate(bound) }
    let stop = try stop.map { (bound) throws(TemplateFault) in try evaluate(bound) }
    let step = try step.map { (bound) throws(TemplateFault) in try evaluate(bound) }
    let result = try base.slice(start, stop, step)
    try charge(result.storage)
    return result
  }

  private func signed(_ operand: TemplateExpression, _ isNegative: Bool) throws(TemplateFault)
    -> TemplateValue
  {
    let value = try evaluate(operand)
    if case .undefined(let reason) = value { throw reason.fault }
    if case .float(let number) = value { return .float(isNegative ? -number : number) }
    guard let number = value.integer else {
      let sign = isNegative ? "-" : "+"
      throw TemplateFault("bad operand type for unary \(sign): '\(value.typeName)'")
    }
    return isNegative
      ? try TemplateOperator.subtract.apply(.integer(0), value) : .integer(number)
  }

  private func either(
    _ left: TemplateExpression, _ right: TemplateExpression, stopsAt truth: Bool
  ) throws(TemplateFault) -> TemplateValue {
    let value = try evaluate(left)
    return value.isTrue == truth ? value : try evaluate(right)
  }

  private func arithmetic(
    _ left: TemplateExpression, _ operation: TemplateOperator, _ right: TemplateExpression
  ) throws(TemplateFault) -> TemplateValue {
    let (left, right) = (try evaluate(left), try evaluate(right))
    if operation == .remainder, case .string(let format) = left { try charge(format.count) }
    let result = try operation.apply(left, right)
    try charge(result.storage)
    return result
  }

  private func concatenate(_ parts: [TemplateExpression]) throws(TemplateFault) -> TemplateValue {
    var result = TracedStringBuilder()
    for part in parts { try result.append(try evaluate(part).printed()) }
    try charge(result.glyphs.count)
    return .string(result.string)
  }

  private func compare(
    _ first: TemplateExpression, _ others: [(TemplateComparison, TemplateExpression)]
  ) throws(TemplateFault) -> Bool {
    var left = try evaluate(first)
    for (comparison, expression) in others {
      let right = try evaluate(expression)
      try charge(Self.cost(of: comparison, left, right))
      guard try left.compares(comparison, to: right) else { return false }
      left = right
    }
    return true
  }

  /// About how long a comparison may take.
  private static func cost(
    of comparison: TemplateComparison, _ left: TemplateValue, _ right: TemplateValue
  ) -> Int {
    switch (comparison, right) {
    // What is sought is hashed or calculated with; the rest is not looked at.
    case (.isIn, .dictionary), (.isNotIn, .dictionary), (.isIn, .range), (.isNotIn, .range):
      left.weight
    default: left.weight + right.weight
    }
  }

  private func conditional(
    _ test: TemplateExpression, _ then: TemplateExpression, _ otherwise: TemplateExpression?
  ) throws(TemplateFault) -> TemplateValue {
    if try evaluate(test).isTrue { return try evaluate(then) }
    if let otherwise { return try evaluate(otherwise) }
    return .undefined(
      .hint(
        "the inline if-expression on line \(test.line) evaluated to false and no else section was "
          + "defined."))
  }

  private func dictionary(
    _ members: [(key: TemplateExpression, value: TemplateExpression)]
  ) throws(TemplateFault) -> TemplateDictionary {
    let result = TemplateDictionary()
    for (key, value) in members {
      let (key, value) = (try evaluate(key), try evaluate(value))
      try charge(key.weight + TemplateValue.weightOfMember)
      try result.set(key, value)
    }
    return result
  }

  // MARK: Calls

  func arguments(_ syntax: TemplateCallSyntax) throws(TemplateFault) -> TemplateArguments {
    var arguments = TemplateArguments(positional: try values(of: syntax.positional))
    for (name, value) in syntax.named { arguments.named.append((name, try evaluate(value))) }
    if let spread = syntax.spread {
      let values = try evaluate(spread)
      try charge(TemplateValue.weightOfElement * (values.length ?? 0))
      arguments.positional += try values.elements()
    }
    if let spread = syntax.namedSpread {
      guard case .dictionary(let dictionary) = try evaluate(spread) else {
        throw TemplateFault("the argument after ** must be a mapping")
      }
      for (key, value) in dictionary.entries {
        guard case .string(let name) = key else { throw TemplateFault("keywords must be strings") }
        let text = name.text
        // Each name is compared with those before it.
        try charge(name.count + arguments.named.count)
        if arguments.named.contains(where: { $0.name == text }) {
          throw TemplateFault("got multiple values for keyword argument '\(text)'")
        }
        arguments.named.append((text, value))
      }
    }
    return arguments
  }

  private func call(
    _ function: TemplateExpression, _ syntax: TemplateCallSyntax, caller: TemplateMacro?
  ) throws(TemplateFault) -> TemplateValue {
    let function = try evaluate(function)
    var arguments = try self.arguments(syntax)
    if let caller {
      guard case .function(.macro) = function else {
        throw .unsupported("a call block for anything but a macro")
      }
      arguments.named.append(("caller", .function(.macro(caller))))
    }
    let result = try call(function, arguments)
    try charge(result.storage)
    return result
  }

  private func call(_ function: TemplateValue, _ arguments: TemplateArguments) throws(TemplateFault)
    -> TemplateValue
  {
    switch function {
    case .function(.global(let global)):
      try charge(arguments.positional.first?.weight ?? 0)
      return try global.call(arguments, date: date)
    case .function(.macro(let macro)): return .string(try call(macro, arguments))
    case .function(.method(let receiver, "format")):
      guard case .string(let format) = receiver else { break }
      return .string(
        try BraceFormat.format(format, arguments) {
          (value, key, isAttribute) throws(TemplateFault) in
          if isAttribute { return try value.member(key.text, key: key) }
          return try value.item(Int(key.text).map { .integer($0) } ?? .string(key))
        })
    case .function(.method(let receiver, let name)):
      // No method of a dictionary looks at all of it.
      if case .dictionary = receiver {} else { try charge(receiver.weight) }
      try charge(arguments.positional.first?.weight ?? 0)
      return try receiver.call(name, arguments)
    case .function(.loopMethod(let loop, "cycle")):
      guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw TemplateFault("no items for cycling given")
      }
      return arguments.positional[loop.index % arguments.positional.count]
    case .function(.loopMethod(let loop, _)):
      guard arguments.named.isEmpty else {
        throw TemplateFault("changed takes no keyword arguments")
      }
      for value in arguments.positional { try charge(value.weight) }
      return .bool(loop.changed(arguments.positional))
    case .joiner(let joiner):
      defer { joiner.isUsed = true }
      return .string(joiner.isUsed ? joiner.separator : TracedString(glyphs: []))
    case .loop: throw .unsupported("a recursive loop")
    case .undefined(let reason): throw reason.fault
    default: break
    }
    throw TemplateFault("'\(function.typeName)' object is not callable")
  }

  /// What a macro writes when called with `arguments`.
  private func call(_ macro: TemplateMacro, _ arguments: TemplateArguments) throws(TemplateFault)
    -> TracedString
  {
    guard let definition = macro.scope else {
      throw .unsupported("a macro called outside of where it is defined")
    }
    let syntax = macro.syntax
    let inner = TemplateScope(parent: definition)
    var named = arguments.named
    func take(_ name: String) -> TemplateValue? {
      guard let index = named.firstIndex(where: { $0.name == name }) else { return nil }
      return named.remove(at: index).value
    }
    return try rendering(arguments) { () throws(TemplateFault) in
      let firstDefault = syntax.parameters.count - syntax.defaults.count
      for (index, parameter) in syntax.parameters.enumerated() {
        if index < arguments.positional.count {
          inner.set(parameter.symbol, arguments.positional[index])
        } else if let value = take(parameter.name) {
          inner.set(parameter.symbol, value)
        } else if index >= firstDefault {
          let value = try inScope(inner) { () throws(TemplateFault) in
            try evaluate(syntax.defaults[index - firstDefault])
          }
          inner.set(parameter.symbol, value)
        } else {
          inner.set(
            parameter.symbol,
            .undefined(.hint("parameter '\(parameter.name)' was not provided")))
        }
      }
      let isCallerNamed = syntax.parameters.contains { $0.symbol == WellKnownSymbol.caller }
      if syntax.takesCaller, !isCallerNamed {
        inner.set(
          WellKnownSymbol.caller, take("caller") ?? .undefined(.hint("No caller defined")))
      }
      if syntax.takesKwargs {
        let rest = TemplateDictionary()
        for (name, value) in named { try rest.set(.text(name), value) }
        inner.set(WellKnownSymbol.kwargs, .dictionary(rest))
      } else if let (name, _) = named.first {
        throw TemplateFault("macro '\(syntax.name)' takes no keyword argument '\(name)'")
      }
      let extra = arguments.positional.dropFirst(syntax.parameters.count)
      if syntax.takesVarargs {
        inner.set(WellKnownSymbol.varargs, .tuple(try TemplateList(Array(extra))))
      } else if !extra.isEmpty {
        throw TemplateFault(
          "macro '\(syntax.name)' takes not more than \(syntax.parameters.count) argument(s)")
      }
      return try captured(macro: macro, in: inner)
    }
  }

  // MARK: Filters and tests

  private func filter(
    _ base: TemplateExpression?, _ syntax: TemplateFilterSyntax, onBlock block: TemplateValue?
  ) throws(TemplateFault) -> TemplateValue {
    let value =
      if let base { try evaluate(base, onBlock: block) } else { block ?? .text("") }
    guard let filter = syntax.filter else { throw TemplateFilter.unknown(syntax.name) }
    let arguments = try self.arguments(syntax.arguments)
    try charge(filter.cost(of: value))
    let result = try apply(filter, to: value, arguments)
    try charge(result.storage)
    return result
  }

  private func passes(
    _ base: TemplateExpression, _ test: TemplateTest?, _ name: String, _ syntax: TemplateCallSyntax
  ) throws(TemplateFault) -> Bool {
    let value = try evaluate(base)
    guard let test else { throw TemplateTest.unknown(name) }
    let arguments = try self.arguments(syntax)
    return try passes(value, test, arguments)
  }

  func passes(
    _ value: TemplateValue, _ test: TemplateTest, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> Bool {
    if test.readsValue { try charge(value.weight + (arguments.positional.first?.weight ?? 0)) }
    return try test.passes(value, arguments)
  }
}

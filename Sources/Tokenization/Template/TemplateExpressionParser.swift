/// Expressions, from the loosest binding operator to the tightest.
extension TemplateParser {
  mutating func expression(withConditional: Bool = true) throws(TemplateError)
    -> TemplateExpression
  {
    try nested { (p) throws(TemplateError) in
      withConditional ? try p.conditional() : try p.disjunction()
    }
  }

  /// Expressions separated by commas, which make a tuple, or a single one.
  mutating func tuple(
    withConditional: Bool = true, endingAt end: String? = nil, isParenthesised: Bool = false
  ) throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var elements: [TemplateExpression] = []
    var isTuple = false
    while true {
      if !elements.isEmpty { try expect(symbol: ",") }
      if isTupleEnd(end) { break }
      elements.append(try expression(withConditional: withConditional))
      guard current.isSymbol(",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = elements.first { return only }
      if !isParenthesised { throw unexpected("an expression") }
    }
    return try make(.tuple(elements), line, over: elements)
  }

  private func isTupleEnd(_ end: String?) -> Bool {
    if let end, current.isName(end) { return true }
    return current.kind == .variableEnd || current.kind == .blockEnd || current.isSymbol(")")
  }

  func make(
    _ kind: TemplateExpression.Kind, _ line: Int, over children: [TemplateExpression?]
  ) throws(TemplateError) -> TemplateExpression {
    let expression = TemplateExpression(kind, line: line, over: children)
    guard expression.depth <= Self.greatestDepth else {
      throw .limitExceeded(line: line, limit: "\(Self.greatestDepth) operations in one expression")
    }
    return expression
  }

  private mutating func conditional() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    // That this is the value of a conditional, which may be skipped, shows only after it.
    let outerUnknown = firstUnknown
    firstUnknown = nil
    defer { firstUnknown = outerUnknown }
    var value = try lenient { (p) throws(TemplateError) in try p.disjunction() }
    var isConditional = false
    while skip(name: "if") {
      isConditional = true
      let then = value
      value = try lenient { (p) throws(TemplateError) in try p.conditionalRest(then: then, line) }
    }
    if !isConditional, !isLenient, let firstUnknown { throw firstUnknown }
    return value
  }

  private mutating func conditionalRest(
    then value: TemplateExpression, _ line: Int
  ) throws(TemplateError) -> TemplateExpression {
    let test = try disjunction()
    var otherwise: TemplateExpression?
    if skip(name: "else") {
      otherwise = try nested { (p) throws(TemplateError) in try p.conditional() }
    }
    return try make(
      .conditional(test, then: value, otherwise: otherwise), line, over: [test, value, otherwise])
  }

  private mutating func disjunction() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var left = try conjunction()
    while skip(name: "or") {
      let right = try conjunction()
      left = try make(.or(left, right), line, over: [left, right])
    }
    return left
  }

  private mutating func conjunction() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var left = try negation()
    while skip(name: "and") {
      let right = try negation()
      left = try make(.and(left, right), line, over: [left, right])
    }
    return left
  }

  private mutating func negation() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    guard skip(name: "not") else { return try comparison() }
    let operand = try nested { (p) throws(TemplateError) in try p.negation() }
    return try make(.not(operand), line, over: [operand])
  }

  private mutating func comparison() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    let first = try sum()
    var others: [(TemplateComparison, TemplateExpression)] = []
    while true {
      if case .symbol(let symbol) = current.kind,
        let comparison = TemplateComparison(rawValue: symbol)
      {
        next()
        others.append((comparison, try sum()))
      } else if skip(name: "in") {
        others.append((.isIn, try sum()))
      } else if current.isName("not"), following.isName("in") {
        next()
        next()
        others.append((.isNotIn, try sum()))
      } else {
        break
      }
    }
    if others.isEmpty { return first }
    return try make(.comparison(first, others), line, over: [first] + others.map { $0.1 })
  }

  private mutating func sum() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var left = try concatenation()
    while let operation = skipOperator(.add, .subtract) {
      let right = try concatenation()
      left = try make(.arithmetic(left, operation, right), line, over: [left, right])
    }
    return left
  }

  private mutating func concatenation() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var parts = [try product()]
    while skip(symbol: "~") { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try make(.concatenation(parts), line, over: parts)
  }

  private mutating func product() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var left = try power()
    while let operation = skipOperator(.multiply, .divide, .floorDivide, .remainder) {
      let right = try power()
      left = try make(.arithmetic(left, operation, right), line, over: [left, right])
    }
    return left
  }

  private mutating func power() throws(TemplateError) -> TemplateExpression {
    let line = current.line
    var left = try unary()
    while skip(symbol: "**") {
      let right = try unary()
      left = try make(.arithmetic(left, .power, right), line, over: [left, right])
    }
    return left
  }

  private mutating func skipOperator(_ operations: TemplateOperator...) -> TemplateOperator? {
    guard case .symbol(let symbol) = current.kind,
      let operation = TemplateOperator(rawValue: symbol),
      operations.contains(operation)
    else { return nil }
    next()
    return operation
  }

  private mutating func unary(withFilters: Bool = true) throws(TemplateError) -> TemplateExpression
  {
    let line = current.line
    var value: TemplateExpression
    if current.isSymbol("-") || current.isSymbol("+") {
      let isNegative = next().isSymbol("-")
      let operand = try nested { (p) throws(TemplateError) in try p.unary(withFilters: false) }
      value = try make(.signed(operand, isNegative: isNegative), line, over: [operand])
    } else {
      value = try primary()
    }
    value = try postfix(of: value)
    return withFilters ? try filtersAndTests(of: value) : value
  }

  mutating func primary() throws(TemplateError) -> TemplateExpression {
    let token = current
    switch token.kind {
    case .name(let name):
      next()
      switch name {
      case "true", "True": return try make(.constant(.bool(true)), token.line, over: [])
      case "false", "False": return try make(.constant(.bool(false)), token.line, over: [])
      case "none", "None": return try make(.constant(.null), token.line, over: [])
      default:
        let symbol = self.symbol(name)
        readSymbols.insert(symbol)
        return try make(.name(symbol), token.line, over: [])
      }
    case .string:
      var text = ""
      while case .string(let part) = current.kind {
        text.unicodeScalars.append(contentsOf: part.unicodeScalars)
        next()
      }
      return try make(.literal(literal(text)), token.line, over: [])
    case .integer(let value):
      next()
      return try make(.constant(.integer(value)), token.line, over: [])
    case .float(let value):
      next()
      return try make(.constant(.float(value)), token.line, over: [])
    case .symbol("("):
      next()
      let value = try tuple(isParenthesised: true)
      try expect(symbol: ")")
      return value
    case .symbol("["):
      next()
      var elements: [TemplateExpression] = []
      while !current.isSymbol("]") {
        if !elements.isEmpty { try expect(symbol: ",") }
        if current.isSymbol("]") { break }
        elements.append(try expression())
      }
      try expect(symbol: "]")
      return try make(.list(elements), token.line, over: elements)
    case .symbol("{"):
      next()
      return try dictionary(token.line)
    default:
      throw .syntax(line: token.line, message: "unexpected \(token.description)")
    }
  }

  private mutating func dictionary(_ line: Int) throws(TemplateError) -> TemplateExpression {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !current.isSymbol("}") {
      if !members.isEmpty { try expect(symbol: ",") }
      if current.isSymbol("}") { break }
      let key = try expression()
      try expect(symbol: ":")
      members.append((key, try expression()))
    }
    try expect(symbol: "}")
    return try make(
      .dictionary(members), line, over: members.flatMap { [$0.key, $0.value] })
  }

  mutating func postfix(of value: TemplateExpression) throws(TemplateError)
    -> TemplateExpression
  {
    var value = value
    while true {
      if current.isSymbol(".") || current.isSymbol("[") {
        value = try member(of: value)
      } else if current.isSymbol("(") {
        value = try call(of: value)
      } else {
        return value
      }
    }
  }

  mutating func call(of value: TemplateExpression) throws(TemplateError)
    -> TemplateExpression
  {
    let line = current.line
    let arguments = try callArguments()
    return try make(.call(value, arguments), line, over: [value] + arguments.children)
  }

  private mutating func member(of value: TemplateExpression) throws(TemplateError)
    -> TemplateExpression
  {
    let token = next()
    if token.isSymbol(".") {
      switch current.kind {
      case .name(let name):
        next()
        return try make(
          .attribute(value, name: name, key: TracedString(name)), token.line, over: [value])
      case .integer(let index):
        let line = next().line
        let index = try make(.constant(.integer(index)), line, over: [])
        return try make(.item(value, index), token.line, over: [value, index])
      default:
        throw unexpected("a name or number")
      }
    }
    if current.isSymbol(":") { return try slice(of: value, start: nil, token.line) }
    let index = try expression()
    if current.isSymbol(":") { return try slice(of: value, start: index, token.line) }
    guard current.isSymbol(",") else {
      try expect(symbol: "]")
      return try make(.item(value, index), token.line, over: [value, index])
    }
    var elements = [index]
    while skip(symbol: ",") { elements.append(try expression()) }
    try expect(symbol: "]")
    let key = try make(.tuple(elements), token.line, over: elements)
    return try make(.item(value, key), token.line, over: [value, key])
  }

  private mutating func slice(
    of value: TemplateExpression, start: TemplateExpression?, _ line: Int
  ) throws(TemplateError) -> TemplateExpression {
    try expect(symbol: ":")
    var stop: TemplateExpression?
    var step: TemplateExpression?
    if !current.isSymbol(":"), !current.isSymbol("]") { stop = try expression() }
    if skip(symbol: ":"), !current.isSymbol("]") { step = try expression() }
    if current.isSymbol(",") {
      throw .unsupported(line: line, construct: "a slice of several dimensions")
    }
    try expect(symbol: "]")
    return try make(
      .slice(value, start: start, stop: stop, step: step), line, over: [value, start, stop, step])
  }
}

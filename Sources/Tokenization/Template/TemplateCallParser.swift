/// Calls, filters and tests.
extension TemplateParser {
  mutating func callArguments() throws(TemplateError) -> TemplateCallSyntax {
    let line = current.line
    try expect(symbol: "(")
    var arguments = TemplateCallSyntax()
    func require(_ condition: Bool) throws(TemplateError) {
      if !condition {
        throw .syntax(line: line, message: "the arguments of a call are out of order")
      }
    }
    var isFirst = true
    while !current.isSymbol(")") {
      if !isFirst {
        try expect(symbol: ",")
        if current.isSymbol(")") { break }
      }
      isFirst = false
      if skip(symbol: "*") {
        try require(arguments.spread == nil && arguments.namedSpread == nil)
        arguments.spread = try expression()
      } else if skip(symbol: "**") {
        try require(arguments.namedSpread == nil)
        arguments.namedSpread = try expression()
      } else if case .name(let name) = current.kind, following.isSymbol("=") {
        try require(arguments.namedSpread == nil)
        next()
        next()
        try require(!arguments.named.contains { $0.name == name })
        arguments.named.append((name, try expression()))
      } else {
        try require(
          arguments.spread == nil && arguments.namedSpread == nil && arguments.named.isEmpty)
        arguments.positional.append(try expression())
      }
    }
    try expect(symbol: ")")
    return arguments
  }

  mutating func filtersAndTests(of value: TemplateExpression) throws(TemplateError)
    -> TemplateExpression
  {
    var value = value
    while true {
      if current.isSymbol("|") {
        value = try filter(of: value, startsInline: false)
      } else if current.isName("is") {
        value = try test(of: value)
      } else if current.isSymbol("(") {
        value = try call(of: value)
      } else {
        return value
      }
    }
  }

  /// One or more filters; the first has no `|` before it if it `startsInline`, as in a filter
  /// block.
  mutating func filter(of value: TemplateExpression?, startsInline: Bool) throws(TemplateError)
    -> TemplateExpression
  {
    var value = value
    var isFirst = startsInline
    while true {
      if !isFirst {
        guard current.isSymbol("|") else { break }
        next()
      }
      isFirst = false
      let line = current.line
      let name = try dottedName()
      let arguments = current.isSymbol("(") ? try callArguments() : TemplateCallSyntax()
      let filter = TemplateFilter(rawValue: name)
      let syntax = TemplateFilterSyntax(filter: filter, name: name, arguments: arguments)
      let expression = try make(.filter(value, syntax), line, over: [value] + arguments.children)
      if filter == nil { try report(TemplateFilter.unknown(name).error(line: line)) }
      value = expression
    }
    guard let value else { throw unexpected("a filter") }
    return value
  }

  private mutating func test(of value: TemplateExpression) throws(TemplateError)
    -> TemplateExpression
  {
    let line = next().line
    let isNegated = skip(name: "not")
    let name = try dottedName()
    var arguments = TemplateCallSyntax()
    if current.isSymbol("(") {
      arguments = try callArguments()
    } else if startsTestArgument {
      if current.isName("is") {
        throw .syntax(line: line, message: "tests cannot be chained with 'is'")
      }
      let argument = try nested { (p) throws(TemplateError) in try p.postfix(of: p.primary()) }
      arguments.positional = [argument]
    }
    let test = TemplateTest(rawValue: name)
    let expression = try make(
      .test(value, test, name: name, arguments), line, over: [value] + arguments.children)
    if test == nil { try report(TemplateTest.unknown(name).error(line: line)) }
    return isNegated ? try make(.not(expression), line, over: [expression]) : expression
  }

  private var startsTestArgument: Bool {
    switch current.kind {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .string, .integer, .float: true
    case .symbol(let symbol): symbol == "[" || symbol == "{"
    default: false
    }
  }

  /// Throws `error`, or leaves that to the time it is reached.
  private mutating func report(_ error: TemplateError) throws(TemplateError) {
    guard isLenient else { throw error }
    if firstUnknown == nil { firstUnknown = error }
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try expectName()
    while skip(symbol: ".") { name += "." + (try expectName()) }
    return name
  }
}

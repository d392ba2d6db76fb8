/// Macros, call blocks, and what can be assigned to.
extension TemplateParser {
  mutating func macro() throws(TemplateError) -> TemplateStatement.Kind {
    let name = try expectName()
    guard current.isSymbol("(") else { throw unexpected("'('") }
    let macro = try macroSyntax(name: name, end: "endmacro") { _ throws(TemplateError) in }
    return .macro(macro, symbol(name))
  }

  mutating func callBlock() throws(TemplateError) -> TemplateStatement.Kind {
    let line = current.line
    var call: TemplateExpression?
    let caller = try macroSyntax(name: "caller", end: "endcall") { (p) throws(TemplateError) in
      let expression = try p.expression()
      guard case .call = expression.kind else {
        throw TemplateError.syntax(line: line, message: "a call block needs a call")
      }
      call = expression
    }
    guard let call else { throw .syntax(line: line, message: "a call block needs a call") }
    return .callBlock(call, caller)
  }

  /// Parameters (if there are any), what `afterSignature` reads, and a body.
  private mutating func macroSyntax(
    name: String, end: String,
    afterSignature: (inout TemplateParser) throws(TemplateError) -> Void
  ) throws(TemplateError) -> TemplateMacroSyntax {
    var parameters: [(symbol: TemplateSymbol, name: String)] = []
    var defaults: [TemplateExpression] = []
    if skip(symbol: "(") {
      while !current.isSymbol(")") {
        if !parameters.isEmpty { try expect(symbol: ",") }
        let line = current.line
        let parameter = try expectName()
        if skip(symbol: "=") {
          defaults.append(try expression())
        } else if !defaults.isEmpty {
          throw .syntax(line: line, message: "a parameter without default follows one with default")
        }
        parameters.append((symbol(parameter), parameter))
      }
      try expect(symbol: ")")
    }
    try afterSignature(&self)
    let outerReads = readSymbols
    readSymbols = []
    let body = try scoped(inLoop: false) { (p) throws(TemplateError) in
      try p.wholeBody(until: end)
    }
    let macro = TemplateMacroSyntax(
      name: name, parameters: parameters, defaults: defaults, body: body, names: readSymbols)
    readSymbols.formUnion(outerReads)
    return macro
  }

  // MARK: Targets

  /// What a `set`, `with` or `for` assigns to.
  mutating func target(
    withAttributes: Bool = false, endingAt end: String? = nil, inLoop: Bool = false
  ) throws(TemplateError) -> TemplateTarget {
    let first = try simpleTarget(withAttributes, inLoop)
    guard current.isSymbol(",") else { return first }
    var targets = [first]
    while skip(symbol: ",") {
      if let end, current.isName(end) { break }
      if current.isSymbol("=") || current.kind == .blockEnd || current.isSymbol(")") { break }
      targets.append(try simpleTarget(withAttributes, inLoop))
    }
    return .tuple(targets)
  }

  private mutating func simpleTarget(
    _ withAttributes: Bool, _ inLoop: Bool
  ) throws(TemplateError) -> TemplateTarget {
    if skip(symbol: "(") {
      let target = try nested { (p) throws(TemplateError) in
        try p.target(withAttributes: withAttributes, inLoop: inLoop)
      }
      try expect(symbol: ")")
      return target
    }
    let line = current.line
    let name = try expectName()
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw .syntax(line: line, message: "cannot assign to '\(name)'")
    }
    if name == "loop", inLoop || loopDepth > 0 {
      throw .syntax(line: line, message: "cannot assign to 'loop' inside of a loop")
    }
    guard withAttributes, skip(symbol: ".") else { return .name(symbol(name)) }
    readSymbols.insert(symbol(name))
    return .attribute(of: symbol(name), name: try expectName())
  }
}

/// Reads a template's tokens into statements, by Jinja's grammar.
///
/// - SeeAlso: Jinja 3.1, `jinja2/parser.py`, whose productions this follows one by one.
struct TemplateParser {
  /// How deep expressions and statements may nest; both are walked recursively.
  static let greatestDepth = 120

  var tokens: [TemplateToken]
  var position = 0
  /// How many productions are under way.
  var nesting = 0

  private(set) var names = WellKnownSymbol.names
  private(set) var symbols: [String: TemplateSymbol] = [:]
  private var literalCount: Int32 = 0
  private var marksGenerations = false
  /// The symbols read since the innermost macro began.
  var readSymbols: Set<TemplateSymbol> = []
  var loopDepth = 0
  /// Whether an unknown filter or test only counts when it is reached, as in the body of an `if`.
  var isLenient = false
  /// The first unknown filter or test that leniency let pass in the expression being read.
  var firstUnknown: TemplateError?
  /// The innermost block that is open, for messages.
  private var openTags: [(name: String, line: Int)] = []

  private init(_ tokens: [TemplateToken]) {
    self.tokens = tokens
    for (symbol, name) in names.enumerated() { symbols[name] = symbol }
  }

  /// Reads `source`.
  static func parse(_ source: String) throws(TemplateError) -> ParsedTemplate {
    var parser = TemplateParser(try TemplateLexer.tokens(of: source))
    let body = try parser.statements(until: [])
    return ParsedTemplate(
      body: body, names: parser.names, symbols: parser.symbols,
      marksGenerations: parser.marksGenerations)
  }

  // MARK: Tokens

  var current: TemplateToken { tokens[position] }
  var following: TemplateToken { tokens[min(position + 1, tokens.count - 1)] }

  @discardableResult
  mutating func next() -> TemplateToken {
    let token = current
    if position + 1 < tokens.count { position += 1 }
    return token
  }

  mutating func skip(symbol: String) -> Bool {
    guard current.isSymbol(symbol) else { return false }
    next()
    return true
  }

  mutating func skip(name: String) -> Bool {
    guard current.isName(name) else { return false }
    next()
    return true
  }

  mutating func expect(symbol: String) throws(TemplateError) {
    guard skip(symbol: symbol) else { throw unexpected("'\(symbol)'") }
  }

  mutating func expect(name: String) throws(TemplateError) {
    guard skip(name: name) else { throw unexpected("'\(name)'") }
  }

  mutating func expectName() throws(TemplateError) -> String {
    guard case .name(let name) = current.kind else { throw unexpected("a name") }
    next()
    return name
  }

  mutating func expectBlockEnd() throws(TemplateError) {
    guard current.kind == .blockEnd else { throw unexpected("end of statement block") }
    next()
  }

  func unexpected(_ wanted: String) -> TemplateError {
    .syntax(line: current.line, message: "expected \(wanted), found \(current.description)")
  }

  mutating func symbol(_ name: String) -> TemplateSymbol {
    if let symbol = symbols[name] { return symbol }
    names.append(name)
    symbols[name] = names.count - 1
    return names.count - 1
  }

  mutating func literal(_ text: String) -> TemplateLiteral {
    literalCount += 1
    return TemplateLiteral(string: TracedString(text), identifier: literalCount)
  }

  /// Runs `production` one level deeper, or refuses to.
  mutating func nested<Result>(
    _ production: (inout TemplateParser) throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    guard nesting < Self.greatestDepth else {
      throw .limitExceeded(line: current.line, limit: "\(Self.greatestDepth) levels of nesting")
    }
    nesting += 1
    defer { nesting -= 1 }
    return try production(&self)
  }

  // MARK: Statements

  /// Statements up to one of the tags `ends`, whose name becomes the current token.
  private mutating func statements(until ends: [String]) throws(TemplateError)
    -> [TemplateStatement]
  {
    var result: [TemplateStatement] = []
    while true {
      let token = current
      switch token.kind {
      case .data(let text):
        next()
        result.append(TemplateStatement(kind: .text(literal(text)), line: token.line))
      case .variableBegin:
        next()
        let value = try tuple()
        guard current.kind == .variableEnd else { throw unexpected("end of print statement") }
        next()
        result.append(TemplateStatement(kind: .output(value), line: token.line))
      case .blockBegin:
        next()
        if case .name(let name) = current.kind, ends.contains(name) { return result }
        result += try nested { (parser) throws(TemplateError) in try parser.statement() }
        try expectBlockEnd()
      case .end:
        guard ends.isEmpty else {
          let open = openTags.last.map { "'\($0.name)' of line \($0.line)" } ?? "a block"
          throw .syntax(
            line: token.line,
            message:
              "the template ends before \(open) is closed by '\(ends.joined(separator: "' or '"))'")
        }
        return result
      default:
        throw unexpected("text or a tag")
      }
    }
  }

  /// The rest of an opening tag, then the body up to one of `ends`.
  mutating func body(until ends: String...) throws(TemplateError) -> [TemplateStatement] {
    _ = skip(symbol: ":")
    try expectBlockEnd()
    return try statements(until: ends)
  }

  /// A body whose end tag is taken too.
  mutating func wholeBody(until end: String) throws(TemplateError) -> [TemplateStatement] {
    let result = try body(until: end)
    next()
    return result
  }

  private mutating func statement() throws(TemplateError) -> [TemplateStatement] {
    let line = current.line
    let tag = try expectName()
    openTags.append((tag, line))
    defer { openTags.removeLast() }
    func one(_ kind: TemplateStatement.Kind) -> [TemplateStatement] {
      [TemplateStatement(kind: kind, line: line)]
    }
    switch tag {
    case "for": return one(try loop())
    case "if": return one(try branches())
    case "set": return one(try assignment())
    case "macro": return one(try macro())
    case "call": return one(try callBlock())
    case "print": return try printed(line)
    case "with": return one(try with())
    case "filter":
      let filter = try self.filter(of: nil, startsInline: true)
      return one(
        .filterBlock(
          filter,
          try scoped { (p) throws(TemplateError) in
            try p.wholeBody(until: "endfilter")
          }))
    case "generation":
      marksGenerations = true
      return one(
        .generation(
          try scoped { (p) throws(TemplateError) in
            try p.wholeBody(until: "endgeneration")
          }))
    case "break", "continue":
      guard loopDepth > 0 else {
        throw .syntax(line: line, message: "'\(tag)' stands outside of a loop")
      }
      return one(tag == "break" ? .leave : .next)
    case "block", "extends", "include", "import", "from", "autoescape":
      throw .unsupported(line: line, construct: "the tag '\(tag)'")
    default:
      throw .syntax(line: line, message: "unknown tag '\(tag)'")
    }
  }

  /// Runs `production` as the body of something other than an `if`.
  mutating func scoped<Result>(
    inLoop: Bool? = nil, _ production: (inout TemplateParser) throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    let outer = (isLenient, loopDepth)
    isLenient = false
    if let inLoop { loopDepth = inLoop ? loopDepth + 1 : 0 }
    defer { (isLenient, loopDepth) = outer }
    return try production(&self)
  }

  /// Runs `production` as a part that may never be reached.
  mutating func lenient<Result>(
    _ production: (inout TemplateParser) throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    let outer = isLenient
    isLenient = true
    defer { isLenient = outer }
    return try production(&self)
  }

  private mutating func loop() throws(TemplateError) -> TemplateStatement.Kind {
    let line = current.line
    let target = try self.target(endingAt: "in", inLoop: true)
    try expect(name: "in")
    let items = try tuple(withConditional: false, endingAt: "recursive")
    var condition: TemplateExpression?
    if skip(name: "if") { condition = try expression() }
    if current.isName("recursive") {
      throw .unsupported(line: line, construct: "a recursive loop")
    }
    let body = try scoped(inLoop: true) { (p) throws(TemplateError) in
      try p.body(until: "endfor", "else")
    }
    var otherwise: [TemplateStatement] = []
    if next().isName("else") {
      otherwise = try scoped { (p) throws(TemplateError) in try p.wholeBody(until: "endfor") }
    }
    return .loop(
      TemplateLoopSyntax(
        target: target, items: items, condition: condition, body: body, otherwise: otherwise))
  }

  private mutating func branches() throws(TemplateError) -> TemplateStatement.Kind {
    try lenient { (p) throws(TemplateError) in
      var branches: [(test: TemplateExpression, body: [TemplateStatement])] = []
      while true {
        let test = try p.tuple(withConditional: false)
        branches.append((test, try p.body(until: "elif", "else", "endif")))
        let end = p.next()
        if end.isName("elif") { continue }
        let otherwise = end.isName("else") ? try p.wholeBody(until: "endif") : []
        return .branches(branches, otherwise)
      }
    }
  }

  private mutating func assignment() throws(TemplateError) -> TemplateStatement.Kind {
    let target = try self.target(withAttributes: true)
    if skip(symbol: "=") { return .set(target, try tuple()) }
    let filter = current.isSymbol("|") ? try self.filter(of: nil, startsInline: false) : nil
    return .setBlock(
      target, filter: filter,
      try scoped { (p) throws(TemplateError) in
        try p.wholeBody(until: "endset")
      })
  }

  private mutating func with() throws(TemplateError) -> TemplateStatement.Kind {
    var values: [(target: TemplateTarget, value: TemplateExpression)] = []
    while current.kind != .blockEnd {
      if !values.isEmpty { try expect(symbol: ",") }
      let target = try self.target()
      try expect(symbol: "=")
      values.append((target, try expression()))
    }
    return .with(
      values,
      try scoped { (p) throws(TemplateError) in
        try p.wholeBody(until: "endwith")
      })
  }

  private mutating func printed(_ line: Int) throws(TemplateError) -> [TemplateStatement] {
    var result: [TemplateStatement] = []
    while current.kind != .blockEnd {
      if !result.isEmpty { try expect(symbol: ",") }
      result.append(TemplateStatement(kind: .output(try expression()), line: line))
    }
    return result
  }
}

/// Renders a parsed template: statements here, expressions and filters in extensions.
///
/// One interpreter renders once. It knows no more of the world than the values it is given, and
/// stops at the limits it is given.
final class TemplateInterpreter {
  let template: ParsedTemplate
  let limits: TemplateLimits
  let date: TemplateDate?
  /// Whether origins are kept, to tell afterwards who wrote what.
  let traces: Bool

  /// The line of what is being evaluated.
  var line = 1
  var scope: TemplateScope
  private(set) var origins = OriginTable()
  private var output: [Glyph] = []
  private var depth = 0
  private(set) var steps = 0
  private(set) var work = 0

  /// The message being rendered, counted from 1, or 0.
  private var turn: Int32 = 0
  /// Whether a variable set to a message makes that the one being rendered.
  private var adoptsTurns = false
  private var generationCount: Int32 = 0

  /// How a statement ended.
  private enum Flow {
    case onward, leave, next
  }

  init(_ template: ParsedTemplate, limits: TemplateLimits, date: TemplateDate?, traces: Bool) {
    self.template = template
    self.limits = limits
    self.date = date
    self.traces = traces
    scope = TemplateScope(parent: nil)
  }

  /// Gives the variable `name` its value, if the template mentions it.
  func define(_ name: String, _ value: TemplateValue) {
    if let symbol = template.symbols[name] { scope.set(symbol, value) }
  }

  /// The number of an origin, 0 where origins are not kept.
  func number(of origin: Origin) -> UInt32 {
    traces ? origins.number(of: origin) : 0
  }

  /// Renders the template.
  func render() throws(TemplateError) -> [Glyph] {
    do throws(TemplateFault) {
      _ = try run(template.body)
    } catch {
      throw error.error(line: line)
    }
    return output
  }

  // MARK: Limits

  func charge(_ amount: Int) throws(TemplateFault) {
    work += amount
    if work > limits.stringWork {
      throw .limit("\(limits.stringWork) characters worked on")
    }
  }

  /// Counts a step, one level deeper for the time of `evaluation`.
  func step<Result>(
    _ evaluation: () throws(TemplateFault) -> Result
  ) throws(TemplateFault) -> Result {
    steps += 1
    guard steps <= limits.steps else { throw .limit("\(limits.steps) steps") }
    guard depth < limits.depth else { throw .limit("\(limits.depth) levels of evaluation") }
    depth += 1
    defer { depth -= 1 }
    return try evaluation()
  }

  // MARK: Output

  func emit(_ string: TracedString) throws(TemplateFault) {
    try charge(string.count)
    guard string.count <= limits.outputBytes - output.count else {
      throw .limit("\(limits.outputBytes) bytes of output")
    }
    guard traces, turn != 0 else {
      output += string.glyphs
      return
    }
    let turn = turn
    origins.append(string.glyphs[...], to: &output) { origin in
      if origin.written == 0 { origin.written = turn }
    }
  }

  /// What `body` writes, instead of writing it.
  func captured(_ body: () throws(TemplateFault) -> Void) throws(TemplateFault) -> TracedString {
    let outer = output
    output = []
    // The outer output comes back however the body ends, so an error leaves nothing half-written.
    defer { output = outer }
    try body()
    return TracedString(glyphs: output)
  }

  private func traced(_ literal: TemplateLiteral) throws(TemplateFault) -> TracedString {
    guard traces else { return literal.string }
    try charge(literal.string.count)
    return literal.string.traced(
      to: origins.number(of: Origin(literal: literal.identifier, made: turn)))
  }

  /// A string constant, marked as the template's own.
  func value(of literal: TemplateLiteral) throws(TemplateFault) -> TemplateValue {
    .string(try traced(literal))
  }

  // MARK: Statements

  private func run(_ statements: [TemplateStatement]) throws(TemplateFault) -> Flow {
    for statement in statements {
      line = statement.line
      let flow = try step { () throws(TemplateFault) in try run(statement) }
      if flow != .onward { return flow }
    }
    return .onward
  }

  private func run(_ statement: TemplateStatement) throws(TemplateFault) -> Flow {
    switch statement.kind {
    case .text(let literal): try emit(try traced(literal))
    case .output(let expression): try emit(try evaluate(expression).printed())
    case .branches(let branches, let otherwise):
      for (test, body) in branches where try evaluate(test).isTrue { return try run(body) }
      return try run(otherwise)
    case .loop(let loop): try run(loop)
    case .set(let target, let expression): try assign(try evaluate(expression), to: target)
    case .setBlock(let target, let filter, let body):
      var text = TemplateValue.string(try captured(scoped: body))
      if let filter { text = try evaluate(filter, onBlock: text) }
      try assign(text, to: target)
    case .macro(let syntax, let symbol):
      scope.set(symbol, .function(.macro(TemplateMacro(syntax, in: scope))))
    case .callBlock(let call, let syntax):
      try emit(try evaluate(call, caller: TemplateMacro(syntax, in: scope)).printed())
    case .filterBlock(let filter, let body):
      let text = TemplateValue.string(try captured(scoped: body))
      try emit(try evaluate(filter, onBlock: text).printed())
    case .with(let values, let body):
      let inner = TemplateScope(parent: scope)
      var evaluated: [TemplateValue] = []
      for (_, value) in values { evaluated.append(try evaluate(value)) }
      return try inScope(inner) { () throws(TemplateFault) in
        for (index, value) in evaluated.enumerated() { try assign(value, to: values[index].target) }
        return try run(body)
      }
    case .generation(let body): try runGeneration(body)
    case .leave: return .leave
    case .next: return .next
    }
    return .onward
  }

  /// Runs `body` with `inner` as the scope its variables live in.
  func inScope<Result>(
    _ inner: TemplateScope, _ body: () throws(TemplateFault) -> Result
  ) throws(TemplateFault) -> Result {
    let outer = scope
    scope = inner
    defer { scope = outer }
    return try body()
  }

  private func captured(scoped body: [TemplateStatement]) throws(TemplateFault) -> TracedString {
    try captured { () throws(TemplateFault) in
      try inScope(TemplateScope(parent: scope)) { () throws(TemplateFault) in _ = try run(body) }
    }
  }

  /// What a macro's body writes.
  func captured(macro: TemplateMacro, in inner: TemplateScope) throws(TemplateFault) -> TracedString
  {
    try captured { () throws(TemplateFault) in
      try inScope(inner) { () throws(TemplateFault) in _ = try run(macro.syntax.body) }
    }
  }

  private func runGeneration(_ body: [TemplateStatement]) throws(TemplateFault) {
    generationCount += 1
    let number = generationCount
    let text = try captured(scoped: body)
    guard traces else { return try emit(text) }
    var marked: [Glyph] = []
    origins.append(text.glyphs[...], to: &marked) { $0.generation = number }
    try emit(TracedString(glyphs: marked))
  }

  // MARK: Loops

  private func run(_ syntax: TemplateLoopSyntax) throws(TemplateFault) {
    let items = try evaluate(syntax.items)
    // Pairs of a dictionary are made for the loop.
    if case .view(let view) = items { try charge(8 * view.dictionary.count) }
    let loop: TemplateLoop
    if let condition = syntax.condition {
      loop = try TemplateLoop(over: try filtered(items, syntax.target, condition), total: nil)
    } else {
      var total = items.length
      if case .iterator = items { total = nil }
      loop = try TemplateLoop(over: try items.makeIterator(), total: total)
    }
    let (outerTurn, outerAdopts) = (turn, adoptsTurns)
    defer { (turn, adoptsTurns) = (outerTurn, outerAdopts) }
    // Jinja takes note of a pass at the end of the body, where `break` and `continue` do not get
    // to.
    var hasPassed = false
    while try loop.advance(), let item = loop.current {
      let message = Self.message(in: item)
      turn = message != 0 ? message : outerTurn
      adoptsTurns = turn == 0
      let inner = TemplateScope(parent: scope)
      let flow = try step { () throws(TemplateFault) in
        try inScope(inner) { () throws(TemplateFault) in
          try assign(item, to: syntax.target)
          inner.set(WellKnownSymbol.loop, .loop(loop))
          return try run(syntax.body)
        }
      }
      if flow == .leave { break }
      if flow == .onward { hasPassed = true }
    }
    if !hasPassed {
      try inScope(TemplateScope(parent: scope)) { () throws(TemplateFault) in
        _ = try run(syntax.otherwise)
      }
    }
  }

  /// The message that a loop's item is or, if it is a pair such as `enumerate` makes, holds.
  private static func message(in item: TemplateValue) -> Int32 {
    if case .tuple(let list) = item {
      return list.items.first { $0.message != 0 }?.message ?? 0
    }
    return item.message
  }

  /// The items that the `if` clause of a loop lets through, each tested when the loop gets there.
  private func filtered(
    _ items: TemplateValue, _ target: TemplateTarget, _ condition: TemplateExpression
  ) throws(TemplateFault) -> TemplateIterator {
    let source = try items.makeIterator()
    let outer = scope
    return try TemplateIterator("generator", over: items, holdsScope: true) {
      [unowned self] () throws(TemplateFault) in
      while let item = try source.next() {
        let inner = TemplateScope(parent: outer)
        let passes = try step { () throws(TemplateFault) in
          try inScope(inner) { () throws(TemplateFault) in
            try assign(item, to: target)
            return try evaluate(condition).isTrue
          }
        }
        if passes { return item }
      }
      return nil
    }
  }

  // MARK: Assignment

  private func assign(_ value: TemplateValue, to target: TemplateTarget) throws(TemplateFault) {
    switch target {
    case .name(let symbol):
      switch value {
      case .function(.macro), .function(.loopMethod):
        throw .unsupported("storing a macro in a variable")
      case .list, .tuple, .dictionary, .iterator:
        if value.holdsReferences {
          throw .unsupported("a namespace or a function in a list or dictionary")
        }
      default: break
      }
      if adoptsTurns, value.message != 0 { turn = value.message }
      scope.set(symbol, try made(value))
    case .attribute(let symbol, let name):
      guard case .namespace(let namespace)? = scope.value(of: symbol) else {
        throw TemplateFault("cannot assign attribute on non-namespace object")
      }
      try namespace.set(name, try made(value))
    case .tuple(let targets):
      if case .undefined = value, !targets.isEmpty {
        throw TemplateFault("not enough values to unpack (expected \(targets.count), got 0)")
      }
      let values = try value.elements()
      guard values.count == targets.count else {
        throw TemplateFault(
          values.count > targets.count
            ? "too many values to unpack (expected \(targets.count))"
            : "not enough values to unpack (expected \(targets.count), got \(values.count))")
      }
      for (target, value) in zip(targets, values) { try assign(value, to: target) }
    }
  }

  /// `value` as a variable holds it: if it is text, it is known in whose turn it came about.
  private func made(_ value: TemplateValue) throws(TemplateFault) -> TemplateValue {
    guard traces, turn != 0, case .string(let text) = value else { return value }
    try charge(text.count)
    let turn = turn
    var glyphs: [Glyph] = []
    glyphs.reserveCapacity(text.count)
    origins.append(text.glyphs[...], to: &glyphs) { origin in
      if origin.made == 0 { origin.made = turn }
    }
    return .string(TracedString(glyphs: glyphs, isMarkup: text.isMarkup))
  }

  /// Runs `call` with the message among `arguments`, if no message is being rendered, as that.
  func rendering<Result>(
    _ arguments: TemplateArguments, _ call: () throws(TemplateFault) -> Result
  ) throws(TemplateFault) -> Result {
    let outer = turn
    defer { turn = outer }
    if turn == 0 {
      turn = arguments.positional.first { $0.message != 0 }?.message ?? 0
      if turn == 0 { turn = arguments.named.first { $0.value.message != 0 }?.value.message ?? 0 }
    }
    return try call()
  }
}

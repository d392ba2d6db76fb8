/// A name of the template, as a number that is cheap to compare.
typealias TemplateSymbol = Int

/// A string constant, or a stretch of text between tags.
struct TemplateLiteral {
  let string: TracedString
  /// Its number in the template, counted from 1.
  let identifier: Int32
}

/// An expression and the line it starts on.
final class TemplateExpression {
  indirect enum Kind {
    case constant(TemplateValue)
    case literal(TemplateLiteral)
    case name(TemplateSymbol)
    case attribute(TemplateExpression, name: String, key: TracedString)
    case item(TemplateExpression, TemplateExpression)
    case slice(
      TemplateExpression, start: TemplateExpression?, stop: TemplateExpression?,
      step: TemplateExpression?)
    case call(TemplateExpression, TemplateCallSyntax)
    /// The value is `nil` in a filter block, which filters what its body renders.
    case filter(TemplateExpression?, TemplateFilterSyntax)
    case test(TemplateExpression, TemplateTest?, name: String, TemplateCallSyntax)
    case not(TemplateExpression)
    case signed(TemplateExpression, isNegative: Bool)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case arithmetic(TemplateExpression, TemplateOperator, TemplateExpression)
    case concatenation([TemplateExpression])
    case comparison(TemplateExpression, [(TemplateComparison, TemplateExpression)])
    case conditional(TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
  }

  let kind: Kind
  let line: Int
  /// The number of expressions on the longest way down; limited, so that walking it cannot
  /// overflow.
  let depth: Int

  init(_ kind: Kind, line: Int, over children: [TemplateExpression?]) {
    self.kind = kind
    self.line = line
    depth = 1 + children.reduce(0) { max($0, $1?.depth ?? 0) }
  }
}

/// `+`, `-` and their like between two values.
enum TemplateOperator: String {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case remainder = "%"
  case power = "**"
}

/// An operator that compares.
enum TemplateComparison: String {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case isIn = "in"
  case isNotIn = "not in"
}

/// The arguments of a call, a filter or a test, as written.
struct TemplateCallSyntax {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
  /// The list whose elements are further positional arguments, `*values`.
  var spread: TemplateExpression?
  /// The dictionary of further named arguments, `**values`.
  var namedSpread: TemplateExpression?

  var children: [TemplateExpression?] {
    positional + named.map(\.value) + [spread, namedSpread]
  }
}

/// A filter as written; `filter` is `nil` for a name that only matters if it is reached.
struct TemplateFilterSyntax {
  let filter: TemplateFilter?
  let name: String
  let arguments: TemplateCallSyntax
}

/// What an assignment or a loop assigns to.
indirect enum TemplateTarget {
  case name(TemplateSymbol)
  case attribute(of: TemplateSymbol, name: String)
  case tuple([TemplateTarget])
}

/// A macro's or call block's parameters and body.
final class TemplateMacroSyntax {
  let name: String
  let parameters: [(symbol: TemplateSymbol, name: String)]
  /// The defaults of the last parameters.
  let defaults: [TemplateExpression]
  let body: [TemplateStatement]
  /// Whether the body names `varargs`, `kwargs` or `caller`, and so takes what they hold.
  let takesVarargs: Bool
  let takesKwargs: Bool
  let takesCaller: Bool

  init(
    name: String, parameters: [(symbol: TemplateSymbol, name: String)],
    defaults: [TemplateExpression], body: [TemplateStatement], names: Set<TemplateSymbol>
  ) {
    self.name = name
    self.parameters = parameters
    self.defaults = defaults
    self.body = body
    takesVarargs = names.contains(WellKnownSymbol.varargs)
    takesKwargs = names.contains(WellKnownSymbol.kwargs)
    takesCaller = names.contains(WellKnownSymbol.caller)
  }
}

/// A `for` statement.
final class TemplateLoopSyntax {
  let target: TemplateTarget
  let items: TemplateExpression
  let condition: TemplateExpression?
  let body: [TemplateStatement]
  let otherwise: [TemplateStatement]

  init(
    target: TemplateTarget, items: TemplateExpression, condition: TemplateExpression?,
    body: [TemplateStatement], otherwise: [TemplateStatement]
  ) {
    self.target = target
    self.items = items
    self.condition = condition
    self.body = body
    self.otherwise = otherwise
  }
}

/// A statement and the line it starts on.
struct TemplateStatement {
  indirect enum Kind {
    case text(TemplateLiteral)
    case output(TemplateExpression)
    /// `if` and `elif` with their bodies, then `else`.
    case branches([(test: TemplateExpression, body: [TemplateStatement])], [TemplateStatement])
    case loop(TemplateLoopSyntax)
    case set(TemplateTarget, TemplateExpression)
    case setBlock(TemplateTarget, filter: TemplateExpression?, [TemplateStatement])
    case macro(TemplateMacroSyntax, TemplateSymbol)
    case callBlock(TemplateExpression, TemplateMacroSyntax)
    case filterBlock(TemplateExpression, [TemplateStatement])
    case with([(target: TemplateTarget, value: TemplateExpression)], [TemplateStatement])
    case generation([TemplateStatement])
    case leave
    case next
  }

  let kind: Kind
  let line: Int
}

/// Names with a meaning of their own, which every template numbers alike.
enum WellKnownSymbol {
  static let names = ["loop", "varargs", "kwargs", "caller"]
  static let loop = 0
  static let varargs = 1
  static let kwargs = 2
  static let caller = 3
}

/// A template's source, read.
final class ParsedTemplate: @unchecked Sendable {
  // Unchecked because expressions are classes and values; all of it is immutable once parsed.
  let body: [TemplateStatement]
  /// The names of the template by ``TemplateSymbol``.
  let names: [String]
  let symbols: [String: TemplateSymbol]
  /// Whether there is a `{% generation %}` block.
  let marksGenerations: Bool

  init(
    body: [TemplateStatement], names: [String], symbols: [String: TemplateSymbol],
    marksGenerations: Bool
  ) {
    self.body = body
    self.names = names
    self.symbols = symbols
    self.marksGenerations = marksGenerations
  }
}

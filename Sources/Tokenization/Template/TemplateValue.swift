/// A Python value, as far as chat templates meet them.
enum TemplateValue {
  case undefined(TemplateUndefined)
  /// Python's `None`.
  case null
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(TracedString)
  case list(TemplateList)
  case tuple(TemplateList)
  case dictionary(TemplateDictionary)
  /// `keys()`, `values()` or `items()` of a dictionary.
  case view(TemplateView)
  case range(TemplateRange)
  /// A generator: what `map`, `select` and their like return; it can be gone through once.
  case iterator(TemplateIterator)
  case namespace(TemplateNamespace)
  case loop(TemplateLoop)
  case cycler(TemplateCycler)
  case joiner(TemplateJoiner)
  case function(TemplateFunction)

  /// The type's name in Python's messages.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .null: "NoneType"
    case .bool: "bool"
    case .integer: "int"
    case .float: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .view(let view): "dict_\(view.part.rawValue)"
    case .range: "range"
    case .iterator: "generator"
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .cycler: "Cycler"
    case .joiner: "Joiner"
    case .function: "function"
    }
  }

  var isUndefined: Bool {
    if case .undefined = self { true } else { false }
  }

  var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// Python's `bool(value)`.
  var isTrue: Bool {
    switch self {
    case .undefined, .null: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let value): !value.isEmpty
    case .list(let value), .tuple(let value): !value.items.isEmpty
    case .dictionary(let value): value.count > 0
    case .view(let view): view.dictionary.count > 0
    case .range(let range): range.count > 0
    case .loop(let loop): !loop.isOver
    case .iterator, .namespace, .cycler, .joiner, .function: true
    }
  }

  /// How deep values nest in this one; 1 for one that holds no others.
  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .view(let view): view.dictionary.depth + 1
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.depth
    case .cycler(let cycler): cycler.items.depth + 1
    case .function(.method(let receiver, _)): receiver.depth + 1
    default: 1
    }
  }

  /// How many values a walk through this one meets, each as often as it is reached.
  var size: Int {
    switch self {
    case .list(let list), .tuple(let list): list.size
    case .dictionary(let dictionary): dictionary.size
    case .view(let view): view.dictionary.size
    default: 1
    }
  }

  /// About how many characters a walk through this value reads.
  var weight: Int {
    switch self {
    case .string(let text): 1 + text.count
    case .list(let list), .tuple(let list): list.weight
    case .dictionary(let dictionary): dictionary.weight
    case .view(let view): view.dictionary.weight
    default: 1
    }
  }

  /// What a place in a list takes, in places of a string.
  static let weightOfElement = 8
  /// What a member of a dictionary takes, in places of a string.
  static let weightOfMember = 32

  /// How much memory was taken to make this value, in places of a string.
  var storage: Int {
    switch self {
    case .string(let text): text.count
    case .list(let list), .tuple(let list): Self.weightOfElement * list.items.count
    case .dictionary(let dictionary): Self.weightOfMember * dictionary.count
    default: 1
    }
  }

  /// Whether a namespace or a function can be reached from it.
  ///
  /// Those refer back to variables, so letting variables hold them could tie references into a
  /// circle.
  var holdsReferences: Bool {
    switch self {
    case .namespace: true
    case .function(.method(let receiver, _)): receiver.holdsReferences
    case .function(.macro), .function(.loopMethod): true
    case .list(let list), .tuple(let list): list.holdsReferences
    case .dictionary(let dictionary): dictionary.holdsReferences
    case .view(let view): view.dictionary.holdsReferences
    case .iterator(let iterator): iterator.holdsReferences
    case .loop(let loop): loop.holdsReferences
    case .cycler(let cycler): cycler.items.holdsReferences
    default: false
    }
  }

  /// The message this is, counted from 1, or 0.
  var message: Int32 {
    if case .dictionary(let dictionary) = self { dictionary.message } else { 0 }
  }

  static func text(_ text: String) -> TemplateValue { .string(TracedString(text)) }
}

/// What is not there, and why: printed as nothing, an error in most operations.
enum TemplateUndefined {
  case name(String)
  case attribute(String, typeName: String)
  case element(String, typeName: String)
  case hint(String)
  /// An attribute the sandbox withholds.
  case withheld(String, typeName: String)

  var message: String {
    switch self {
    case .name(let name): "'\(name)' is undefined"
    case .attribute(let name, "NoneType"): "None has no attribute '\(name)'"
    case .attribute(let name, let type): "'\(type) object' has no attribute '\(name)'"
    case .element(let key, let type): "\(type) object has no element \(key)"
    case .hint(let hint): hint
    case .withheld(let name, let type):
      "access to attribute '\(name)' of '\(type)' object is unsafe"
    }
  }

  var fault: TemplateFault { TemplateFault(message) }
}

/// Values made one by one, when asked for.
final class TemplateIterator {
  private var pull: () throws(TemplateFault) -> TemplateValue?
  /// What Python calls its type.
  let name: String
  let depth: Int
  let holdsReferences: Bool

  /// - Parameters:
  ///   - source: what it draws on, which it keeps alive.
  ///   - holdsScope: whether `pull` keeps a scope alive.
  init(
    _ name: String, over source: TemplateValue?, holdsScope: Bool = false,
    pull: @escaping () throws(TemplateFault) -> TemplateValue?
  ) throws(TemplateFault) {
    self.name = name
    self.pull = pull
    depth = try TemplateList.checked(depth: (source?.depth ?? 1) + 1)
    holdsReferences = holdsScope || source?.holdsReferences ?? false
  }

  func next() throws(TemplateFault) -> TemplateValue? { try pull() }
}

/// `namespace(…)`: attributes that a loop's body can set for those after it.
final class TemplateNamespace {
  private(set) var attributes: [String: TemplateValue] = [:]

  func set(_ name: String, _ value: TemplateValue) throws(TemplateFault) {
    if name.hasPrefix("_") {
      throw TemplateFault("a namespace cannot store the underscore-prefixed attribute '\(name)'")
    }
    if value.holdsReferences {
      throw .unsupported("a namespace or a function as a namespace's attribute")
    }
    attributes[name] = value
  }
}

/// `cycler(…)`.
final class TemplateCycler {
  let items: TemplateList
  var position = 0

  init(_ items: TemplateList) { self.items = items }
}

/// `joiner(…)`: empty the first time, its separator from then on.
final class TemplateJoiner {
  let separator: TracedString
  var isUsed = false

  init(_ separator: TracedString) { self.separator = separator }
}

/// What can be called.
enum TemplateFunction {
  case global(TemplateGlobal)
  case macro(TemplateMacro)
  indirect case method(of: TemplateValue, name: String)
  case loopMethod(TemplateLoop, name: String)
}

/// A macro and the scope it was defined in.
final class TemplateMacro {
  let syntax: TemplateMacroSyntax
  /// Not kept alive: a macro may be called and passed on, but not stored, so its scope outlives it.
  private(set) weak var scope: TemplateScope?

  init(_ syntax: TemplateMacroSyntax, in scope: TemplateScope) {
    self.syntax = syntax
    self.scope = scope
  }
}

/// Variables of a template, a loop's iteration, a macro's call or a block.
final class TemplateScope {
  private var symbols: [TemplateSymbol] = []
  private var values: [TemplateValue] = []
  let parent: TemplateScope?

  init(parent: TemplateScope?) { self.parent = parent }

  func set(_ symbol: TemplateSymbol, _ value: TemplateValue) {
    if let index = symbols.firstIndex(of: symbol) {
      values[index] = value
    } else {
      symbols.append(symbol)
      values.append(value)
    }
  }

  func value(of symbol: TemplateSymbol) -> TemplateValue? {
    var scope: TemplateScope? = self
    while let current = scope {
      if let index = current.symbols.firstIndex(of: symbol) { return current.values[index] }
      scope = current.parent
    }
    return nil
  }
}

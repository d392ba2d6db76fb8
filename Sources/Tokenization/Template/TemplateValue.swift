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

  /// Whether a namespace or a function can be reached from it.
  ///
  /// Those refer back to variables, so letting variables hold them could tie references into a circle.
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
    case .withheld(let name, let type): "access to attribute '\(name)' of '\(type)' object is unsafe"
    }
  }

  var fault: TemplateFault { TemplateFault(message) }
}

/// The elements of a list or tuple. Nothing changes them: the sandbox refuses `append` and its like.
final class TemplateList {
  let items: [TemplateValue]
  let depth: Int
  let size: Int
  let holdsReferences: Bool
  /// Where text comes from that printing it adds, such as brackets.
  let origin: UInt32
  /// Names of the elements, for the pairs that `groupby` makes.
  let fieldNames: [String]

  init(
    _ items: [TemplateValue], origin: UInt32 = 0, fieldNames: [String] = []
  ) throws(TemplateFault) {
    guard items.count <= TemplateLimits.longestList else {
      throw .limit("\(TemplateLimits.longestList) elements in one list")
    }
    var depth = 0
    var size = 1
    var holdsReferences = false
    for item in items {
      depth = max(depth, item.depth)
      size = try TemplateList.checked(size: size + item.size)
      holdsReferences = holdsReferences || item.holdsReferences
    }
    self.items = items
    self.depth = try TemplateList.checked(depth: depth + 1)
    self.size = size
    self.holdsReferences = holdsReferences
    self.origin = origin
    self.fieldNames = fieldNames
  }

  static func checked(depth: Int) throws(TemplateFault) -> Int {
    if depth > TemplateLimits.valueDepth {
      throw .limit("\(TemplateLimits.valueDepth) levels of lists in lists")
    }
    return depth
  }

  /// A list that holds one list many times is small, but going through it is not.
  static func checked(size: Int) throws(TemplateFault) -> Int {
    if size > TemplateLimits.valueSize {
      throw .limit("\(TemplateLimits.valueSize) values in one list with all it holds")
    }
    return size
  }
}

/// A dictionary, in insertion order. Nothing changes it once it is made.
final class TemplateDictionary {
  private(set) var entries: [(key: TemplateValue, value: TemplateValue)] = []
  private var positions: [TemplateKey: Int] = [:]
  private(set) var depth = 1
  private(set) var size = 1
  private(set) var holdsReferences = false
  let origin: UInt32
  /// The message this is, counted from 1, or 0.
  let message: Int32

  init(origin: UInt32 = 0, message: Int32 = 0) {
    self.origin = origin
    self.message = message
  }

  convenience init(
    _ entries: [(key: TemplateValue, value: TemplateValue)]
  ) throws(TemplateFault) {
    self.init()
    for (key, value) in entries { try set(key, value) }
  }

  var count: Int { entries.count }

  /// Only for whoever is making the dictionary.
  func set(_ key: TemplateValue, _ value: TemplateValue) throws(TemplateFault) {
    let hashable = try TemplateKey(key)
    depth = try TemplateList.checked(depth: max(depth, value.depth + 1, key.depth + 1))
    size = try TemplateList.checked(size: size + key.size + value.size)
    holdsReferences = holdsReferences || value.holdsReferences
    if let position = positions[hashable] {
      entries[position].value = value
    } else {
      guard entries.count < TemplateLimits.longestList else {
        throw .limit("\(TemplateLimits.longestList) members in one dictionary")
      }
      positions[hashable] = entries.count
      entries.append((key, value))
    }
  }

  subscript(key: TemplateKey) -> TemplateValue? {
    positions[key].map { entries[$0].value }
  }

  subscript(key: TracedString) -> TemplateValue? { self[.string(key)] }
}

/// What a dictionary finds its members by: values equal in Python have equal keys.
enum TemplateKey: Hashable {
  case null
  case integer(Int)
  case float(Double)
  case string(TracedString)
  case tuple([TemplateKey])
  case undefined

  init(_ value: TemplateValue) throws(TemplateFault) {
    switch value {
    case .null: self = .null
    case .bool(let value): self = .integer(value ? 1 : 0)
    case .integer(let value): self = .integer(value)
    case .float(let value): self = Int(exactly: value).map { .integer($0) } ?? .float(value)
    case .string(let value): self = .string(value)
    case .tuple(let list):
      var keys: [TemplateKey] = []
      for item in list.items { keys.append(try TemplateKey(item)) }
      self = .tuple(keys)
    case .undefined: self = .undefined
    default: throw TemplateFault("unhashable type: '\(value.typeName)'")
    }
  }
}

/// One aspect of a dictionary.
struct TemplateView {
  enum Part: String {
    case keys, values, items
  }

  let dictionary: TemplateDictionary
  let part: Part

  func items() throws(TemplateFault) -> [TemplateValue] {
    switch part {
    case .keys: return dictionary.entries.map(\.key)
    case .values: return dictionary.entries.map(\.value)
    case .items:
      var pairs: [TemplateValue] = []
      for (key, value) in dictionary.entries { pairs.append(.tuple(try TemplateList([key, value]))) }
      return pairs
    }
  }
}

/// `range(start, stop, step)`, at most 100,000 numbers.
struct TemplateRange: Equatable {
  let start: Int
  let stop: Int
  let step: Int
  let count: Int

  init(start: Int, stop: Int, step: Int) throws(TemplateFault) {
    guard step != 0 else { throw TemplateFault("range() arg 3 must not be zero") }
    let (distance, overflows) = stop.subtractingReportingOverflow(start)
    var count = 0
    if overflows {
      count = (stop > start) == (step > 0) ? .max : 0
    } else if distance != 0, (distance > 0) == (step > 0), step != .min {
      count = (abs(clamped: distance) - 1) / abs(clamped: step) + 1
    }
    guard count <= 100_000 else {
      throw TemplateFault("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")
    }
    (self.start, self.stop, self.step, self.count) = (start, stop, step, count)
  }

  subscript(index: Int) -> Int { start + index * step }
}

private func abs(clamped value: Int) -> Int { value == .min ? .max : abs(value) }

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

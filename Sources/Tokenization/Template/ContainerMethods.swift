/// Attributes and methods of values other than strings.
extension TemplateValue {
  private static let dictionaryMethods: Set<String> = ["keys", "values", "items", "get", "copy"]
  private static let listMethods: Set<String> = ["index", "count", "copy"]
  private static let tupleMethods: Set<String> = ["index", "count"]
  /// What changes a dictionary or a list: there, but withheld by the sandbox.
  private static let dictionaryMutators: Set<String> = [
    "clear", "pop", "popitem", "setdefault", "update",
  ]
  private static let listMutators: Set<String> = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
  ]
  private static let numberAttributes: Set<String> = [
    "real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes",
    "from_bytes", "as_integer_ratio", "is_integer", "hex", "fromhex",
  ]

  /// The attribute that Python's type gives this value, or `nil` if it has none of that name.
  func attribute(_ name: String) throws(TemplateFault) -> TemplateValue? {
    if case .undefined(let reason) = self { throw reason.fault }
    if name.hasPrefix("__"), name.hasSuffix("__") {
      return .undefined(.withheld(name, typeName: typeName))
    }
    func method(_ isKnown: Bool) -> TemplateValue? {
      isKnown ? .function(.method(of: self, name: name)) : nil
    }
    switch self {
    case .string:
      if StringMethods.missing.contains(name) {
        throw .unsupported("the method '\(name)' of a string")
      }
      return method(StringMethods.names.contains(name))
    case .dictionary:
      if Self.dictionaryMutators.contains(name) {
        return .undefined(.withheld(name, typeName: typeName))
      }
      if name == "fromkeys" { throw .unsupported("the method 'fromkeys' of a dictionary") }
      return method(Self.dictionaryMethods.contains(name))
    case .list:
      if Self.listMutators.contains(name) {
        return .undefined(.withheld(name, typeName: typeName))
      }
      return method(Self.listMethods.contains(name))
    case .tuple(let list):
      if let index = list.fieldNames.firstIndex(of: name) { return list.items[index] }
      return method(Self.tupleMethods.contains(name))
    case .namespace(let namespace): return namespace.attributes[name]
    case .loop(let loop): return try loop.attribute(name)
    case .cycler(let cycler):
      if name == "current" { return cycler.items.items[cycler.position] }
      return method(name == "next" || name == "reset")
    case .range(let range):
      switch name {
      case "start": return .integer(range.start)
      case "stop": return .integer(range.stop)
      case "step": return .integer(range.step)
      default: return nil
      }
    case .function(.macro(let macro)): return name == "name" ? .text(macro.syntax.name) : nil
    case .bool, .integer, .float:
      if Self.numberAttributes.contains(name) {
        throw .unsupported("the attribute '\(name)' of a number")
      }
      return nil
    default: return nil
    }
  }

  /// `self[key]`, or `nil` where Python raises a lookup or type error.
  func element(_ key: TemplateValue) throws(TemplateFault) -> TemplateValue? {
    switch self {
    case .undefined(let reason): throw reason.fault
    case .dictionary(let dictionary):
      // An unhashable key is a type error, and so nothing that is there.
      guard let hashable = try? TemplateKey(key) else { return nil }
      return dictionary[hashable]
    case .string(let text):
      return position(key, count: text.count).map { .string(text.slice($0..<$0 + 1)) }
    case .list(let list), .tuple(let list):
      return position(key, count: list.items.count).map { list.items[$0] }
    case .range(let range):
      return position(key, count: range.count).map { .integer(range[$0]) }
    default: return nil
    }
  }

  /// `self[key]` as Jinja takes it: the element, else the attribute of that name, else undefined.
  func item(_ key: TemplateValue) throws(TemplateFault) -> TemplateValue {
    if let element = try element(key) { return element }
    guard case .string(let name) = key else {
      return .undefined(.element(try key.represented().text, typeName: typeName))
    }
    let text = name.text
    return try attribute(text) ?? .undefined(.attribute(text, typeName: typeName))
  }

  /// `self.name` as Jinja takes it: the attribute, else the element of that name, else undefined.
  func member(_ name: String, key: TracedString) throws(TemplateFault) -> TemplateValue {
    if let attribute = try attribute(name) { return attribute }
    if case .dictionary(let dictionary) = self, let value = dictionary[key] { return value }
    return .undefined(.attribute(name, typeName: typeName))
  }

  private func position(_ key: TemplateValue, count: Int) -> Int? {
    guard let index = key.integer, index >= -count, index < count else { return nil }
    return index < 0 ? index + count : index
  }

  /// `self[start:stop:step]`.
  func slice(
    _ start: TemplateValue?, _ stop: TemplateValue?, _ step: TemplateValue?
  ) throws(TemplateFault) -> TemplateValue {
    if case .undefined(let reason) = self { throw reason.fault }
    if case .dictionary = self { throw TemplateFault("unhashable type: 'slice'") }
    guard let count = length else {
      throw TemplateFault("'\(typeName)' object is not subscriptable")
    }
    let indices = try SliceIndices(start, stop, step, count: count)
    switch self {
    case .string(let text):
      if indices.step == 1 {
        return .string(text.slice(indices.first..<indices.first + indices.count))
      }
      var glyphs: [Glyph] = []
      glyphs.reserveCapacity(indices.count)
      for index in 0..<indices.count { glyphs.append(text.glyphs[indices[index]]) }
      return .string(TracedString(glyphs: glyphs, isMarkup: text.isMarkup))
    case .list(let list), .tuple(let list):
      var items: [TemplateValue] = []
      items.reserveCapacity(indices.count)
      for index in 0..<indices.count { items.append(list.items[indices[index]]) }
      let slice = try TemplateList(items, origin: list.origin)
      if case .list = self { return .list(slice) }
      return .tuple(slice)
    case .range(let range):
      guard let start = range.place(indices.first), let stop = range.place(indices.end),
        case let (step, isTooFar) = indices.step.multipliedReportingOverflow(by: range.step),
        !isTooFar
      else { throw .unsupported("a range that does not fit 64 bits") }
      return .range(try TemplateRange(start: start, stop: stop, step: step))
    default: throw TemplateFault("'\(typeName)' object is not subscriptable")
    }
  }

  /// `self.name(arguments)` for what is neither a string nor written in the template.
  func call(_ name: String, _ arguments: TemplateArguments) throws(TemplateFault) -> TemplateValue {
    switch self {
    case .string(let text): return try StringMethods.call(name, on: text, arguments)
    case .dictionary(let dictionary): return try dictionary.call(name, arguments)
    case .list(let list), .tuple(let list): return try list.call(name, arguments, on: self)
    case .cycler(let cycler):
      try arguments.requireNone(of: name)
      let current = cycler.items.items[cycler.position]
      cycler.position = name == "reset" ? 0 : (cycler.position + 1) % cycler.items.items.count
      return name == "reset" ? .null : current
    default: throw TemplateFault("'\(typeName)' object has no method '\(name)'")
    }
  }
}

extension TemplateDictionary {
  fileprivate func call(_ name: String, _ arguments: TemplateArguments) throws(TemplateFault)
    -> TemplateValue
  {
    switch name {
    case "get":
      let values = try arguments.bound(to: ["key", "default"], required: 1, of: name)
      guard let key = values[0] else { return .null }
      return self[try TemplateKey(key)] ?? values[1] ?? .null
    case "copy":
      try arguments.requireNone(of: name)
      return .dictionary(self)
    default:
      try arguments.requireNone(of: name)
      guard let part = TemplateView.Part(rawValue: name) else {
        throw .unsupported("the method '\(name)' of a dictionary")
      }
      return .view(TemplateView(dictionary: self, part: part))
    }
  }
}

extension TemplateList {
  fileprivate func call(
    _ name: String, _ arguments: TemplateArguments, on value: TemplateValue
  ) throws(TemplateFault) -> TemplateValue {
    switch name {
    case "index":
      let values = try arguments.bound(to: ["value", "start", "stop"], required: 1, of: name)
      guard values[1] == nil, values[2] == nil else {
        throw .unsupported("'index' of a list with a start")
      }
      guard let wanted = values[0], let index = items.firstIndex(where: { $0.equals(wanted) })
      else { throw TemplateFault("the value is not in the list") }
      return .integer(index)
    case "count":
      let values = try arguments.bound(to: ["value"], required: 1, of: name)
      return .integer(items.count { item in values[0].map { item.equals($0) } ?? false })
    default:
      try arguments.requireNone(of: name)
      return value
    }
  }
}

/// The positions that a Python slice takes from a sequence.
struct SliceIndices {
  let first: Int
  /// The position before which it stops.
  let end: Int
  let step: Int
  let count: Int

  /// - Throws: A bound that is no whole number, or a step of zero.
  init(
    _ start: TemplateValue?, _ stop: TemplateValue?, _ step: TemplateValue?, count total: Int
  ) throws(TemplateFault) {
    func bound(_ value: TemplateValue?) throws(TemplateFault) -> Int? {
      guard let value, !value.isNull else { return nil }
      guard let index = value.integer else {
        throw TemplateFault("slice indices must be integers or None")
      }
      return index
    }
    let stride = try bound(step) ?? 1
    guard stride != 0 else { throw TemplateFault("slice step cannot be zero") }
    // A step further than the sequence is long takes one element, however far it is.
    self.step = min(max(stride, -total - 1), total + 1)
    let (lowest, highest) = stride > 0 ? (0, total) : (-1, total - 1)
    func clamped(_ index: Int?, _ fallback: Int) -> Int {
      guard let index else { return fallback }
      return min(max(index < 0 ? index + total : index, lowest), highest)
    }
    first = clamped(try bound(start), stride > 0 ? lowest : highest)
    end = clamped(try bound(stop), stride > 0 ? highest : lowest)
    let distance = stride > 0 ? end - first : first - end
    count = distance > 0 ? (distance - 1) / abs(self.step) + 1 : 0
  }

  subscript(index: Int) -> Int { first + index * step }
}

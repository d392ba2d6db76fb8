/// The elements of a list or tuple.
///
/// Nothing changes them: the sandbox refuses `append` and its like.
final class TemplateList {
  let items: [TemplateValue]
  let depth: Int
  let size: Int
  let weight: Int
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
    var weight = 1
    var holdsReferences = false
    for item in items {
      // Saturates: a list may hold one long string any number of times.
      weight = min(weight + item.weight, 1 << 50)
      depth = max(depth, item.depth)
      size = try TemplateList.checked(size: size + item.size)
      holdsReferences = holdsReferences || item.holdsReferences
    }
    self.items = items
    self.depth = try TemplateList.checked(depth: depth + 1)
    self.size = size
    self.weight = weight
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

/// A dictionary, in insertion order.
///
/// Nothing changes it once it is made.
final class TemplateDictionary {
  private(set) var entries: [(key: TemplateValue, value: TemplateValue)] = []
  private var positions: [TemplateKey: Int] = [:]
  private(set) var depth = 1
  private(set) var size = 1
  private(set) var weight = 1
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
    weight = min(weight + key.weight + value.weight, 1 << 50)
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
  case range(start: Int, step: Int, count: Int)
  /// What equals only itself.
  case object(ObjectIdentifier)

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
    case .range(let range): self = .range(start: range.start, step: range.step, count: range.count)
    case .iterator(let iterator): self = .object(ObjectIdentifier(iterator))
    case .namespace(let namespace): self = .object(ObjectIdentifier(namespace))
    case .loop(let loop): self = .object(ObjectIdentifier(loop))
    case .function(.macro(let macro)): self = .object(ObjectIdentifier(macro))
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
      for (key, value) in dictionary.entries {
        pairs.append(.tuple(try TemplateList([key, value])))
      }
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
      throw TemplateFault(
        "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")
    }
    (self.start, self.stop, self.step, self.count) = (start, stop, step, count)
  }

  subscript(index: Int) -> Int { start + index * step }

  /// Where element `index` is or would be, or `nil` if that does not fit an `Int`.
  func place(_ index: Int) -> Int? {
    let distance = index.multipliedReportingOverflow(by: step)
    let place = start.addingReportingOverflow(distance.partialValue)
    return distance.overflow || place.overflow ? nil : place.partialValue
  }
}

private func abs(clamped value: Int) -> Int { value == .min ? .max : abs(value) }

/// `loop`: where a `for` statement is in the values it goes through.
///
/// It draws the next value no earlier than needed: an `if` clause may depend on what the body
/// before it did.
final class TemplateLoop {
  private let iterator: TemplateIterator
  private var total: Int?
  /// Values drawn ahead of time; those before `taken` are used up.
  private var drawn: [TemplateValue] = []
  private var taken = 0
  private(set) var index = -1
  private(set) var current: TemplateValue?
  private var previous: TemplateValue?
  private var lastChanged: [TemplateValue]?
  let depth: Int
  let holdsReferences: Bool

  /// - Parameter total: how many values there are, where that is known beforehand.
  init(over iterator: TemplateIterator, total: Int?) throws(TemplateFault) {
    self.iterator = iterator
    self.total = total
    depth = try TemplateList.checked(depth: iterator.depth + 1)
    holdsReferences = iterator.holdsReferences
  }

  var isOver: Bool { current == nil }

  /// Goes to the next value; false if there is none.
  func advance() throws(TemplateFault) -> Bool {
    let next: TemplateValue?
    if taken < drawn.count {
      next = drawn[taken]
      taken += 1
    } else {
      next = try iterator.next()
    }
    guard let next else { return false }
    index += 1
    previous = current
    current = next
    return true
  }

  private func length() throws(TemplateFault) -> Int {
    if let total { return total }
    while let value = try iterator.next() {
      guard drawn.count < TemplateLimits.longestList else {
        throw .limit("\(TemplateLimits.longestList) elements in one list")
      }
      drawn.append(value)
    }
    let length = index + 1 + drawn.count - taken
    total = length
    return length
  }

  private func peek() throws(TemplateFault) -> TemplateValue? {
    if taken == drawn.count {
      guard let value = try iterator.next() else { return nil }
      drawn = [value]
      taken = 0
    }
    return drawn[taken]
  }

  /// The attribute `name`, or `nil` if a loop has none of that name.
  func attribute(_ name: String) throws(TemplateFault) -> TemplateValue? {
    switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "length": .integer(try length())
    case "revindex": .integer(try length() - index)
    case "revindex0": .integer(try length() - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(try peek() == nil)
    case "depth": .integer(1)
    case "depth0": .integer(0)
    case "previtem":
      index == 0 ? .undefined(.hint("there is no previous item")) : previous
    case "nextitem": try peek() ?? .undefined(.hint("there is no next item"))
    case "cycle", "changed": .function(.loopMethod(self, name: name))
    default: nil
    }
  }

  /// Whether `values` differ from those of the last call.
  func changed(_ values: [TemplateValue]) -> Bool {
    let isSame =
      lastChanged.map { last in
        last.count == values.count && zip(last, values).allSatisfy { $0.equals($1) }
      } ?? false
    if !isSame { lastChanged = values }
    return !isSame
  }
}

/// The members of a JSON object: ordered as written, found by the exact bytes of their key.
///
/// A lookup costs a few comparisons in a small object and one probe of a hash table in a large one, so a
/// tokenizer's vocabulary of 50,000 entries is as usable as a config of ten.
public struct JSONObject: Sendable {
  /// The members in order; no key occurs twice.
  public private(set) var members: [(key: String, value: JSONValue)] = []

  /// Open addressing over `members`, each slot a position in it or -1; empty while the object is small.
  ///
  /// The table's size is a power of two and at most half of it is in use. `Hasher` is seeded per process,
  /// so no file can be written whose keys collide.
  private var slots: [Int32] = []

  /// The largest object that is searched by comparing key by key.
  private static let largestUnindexedCount = 8

  /// Makes an object without members.
  public init() {}

  /// Makes an object of `pairs`; of two pairs with one key, the later value counts.
  public init(_ pairs: some Sequence<(String, JSONValue)>) {
    for (key, value) in pairs { self[key] = value }
  }

  /// How many members there are.
  public var count: Int { members.count }

  /// Whether there is no member.
  public var isEmpty: Bool { members.isEmpty }

  /// The keys in order.
  public var keys: [String] { members.map(\.key) }

  /// The values in order.
  public var values: [JSONValue] { members.map(\.value) }

  /// The value of the member `key`; a new key is added at the end, `nil` removes the member.
  ///
  /// - Complexity: O(1) to read, replace and add; O(count) to remove.
  public subscript(key: String) -> JSONValue? {
    get {
      guard let index = index(of: key) else { return nil }
      return members[index].value
    }
    set {
      switch (index(of: key), newValue) {
      case (let index?, let value?):
        members[index].value = value
      case (let index?, nil):
        members.remove(at: index)
        rebuildSlots()
      case (nil, let value?):
        appendNew(key, value)
      case (nil, nil):
        break
      }
    }
  }

  /// Adds a member and returns true, or returns false if `key` is already there.
  mutating func insert(_ key: String, _ value: JSONValue) -> Bool {
    guard index(of: key) == nil else { return false }
    appendNew(key, value)
    return true
  }

  private func index(of key: String) -> Int? {
    guard !slots.isEmpty else {
      return members.firstIndex { $0.key.hasSameBytes(as: key) }
    }
    let mask = slots.count &- 1
    var slot = Self.hash(key) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if members[index].key.hasSameBytes(as: key) { return index }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  private mutating func appendNew(_ key: String, _ value: JSONValue) {
    members.append((key, value))
    if members.count <= Self.largestUnindexedCount { return }
    if members.count * 2 > slots.count {
      rebuildSlots()
    } else {
      place(members.count - 1)
    }
  }

  private mutating func rebuildSlots() {
    slots = []
    guard members.count > Self.largestUnindexedCount else { return }
    var size = 32
    while size < members.count * 4 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    for index in members.indices { place(index) }
  }

  private mutating func place(_ index: Int) {
    let mask = slots.count &- 1
    var slot = Self.hash(members[index].key) & mask
    while slots[slot] >= 0 { slot = (slot &+ 1) & mask }
    slots[slot] = Int32(truncatingIfNeeded: index)
  }

  private static func hash(_ key: String) -> Int {
    var hasher = Hasher()
    let isHashed: Void? = key.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isHashed == nil {
      Array(key.utf8).withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same members; their order does not matter.
  public static func == (first: JSONObject, second: JSONObject) -> Bool {
    first.count == second.count
      && first.members.allSatisfy { member in second[member.key] == member.value }
  }
}

extension JSONObject: Sequence {
  /// Iterates over the members in order.
  public func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> {
    members.makeIterator()
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Makes an object whose members keep the order written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements)
  }
}

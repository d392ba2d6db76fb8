/// Numbered byte strings that are found by their bytes.
///
/// All strings lie in one buffer and the table is open addressing over their numbers, so 50,000 tokens
/// cost three allocations. The hash is seeded anew in each process: no file can be written whose tokens
/// collide.
struct ByteStringTable: Sendable {
  /// All strings, end to end.
  private(set) var storage: [UInt8] = []
  /// Where each string begins in `storage`, and where the last one ends.
  private(set) var starts: [Int] = [0]
  /// The upper half of a slot holds half of the hash, the lower the number plus one; zero is empty.
  private var slots: [UInt64] = []
  private var mask = 0
  private let seed = UInt64.random(in: .min ... .max)

  /// The length of the longest string that can be found, in bytes.
  private(set) var longest = 0

  /// How many strings there are.
  var count: Int { starts.count - 1 }

  /// Makes an empty table with room for `capacity` strings of about seven bytes.
  init(capacity: Int) {
    storage.reserveCapacity(capacity * 7)
    starts.reserveCapacity(capacity + 1)
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    mask = size - 1
  }

  /// Calls `body` with a buffer to which it may append the next string's bytes, and numbers that string.
  ///
  /// - Parameter body: Returns whether the string is to be found by its bytes. Of two equal ones the later
  ///   is found.
  mutating func append(_ body: (inout [UInt8]) -> Bool) {
    let start = storage.count
    let isFindable = body(&storage)
    starts.append(storage.count)
    guard isFindable else { return }
    let number = starts.count - 2
    longest = max(longest, storage.count - start)
    if (number + 1) * 2 > slots.count { grow() }
    storage.withUnsafeBufferPointer { storage in
      let string = UnsafeBufferPointer(rebasing: storage[start...])
      let hash = hash(string)
      let slot = find(string, hash: hash, in: storage)
      slots[slot] = hash & ~0xFFFF_FFFF | UInt64(number + 1)
    }
  }

  /// The number of the string with these bytes, or `nil`.
  func number(of string: UnsafeBufferPointer<UInt8>) -> Int? {
    guard string.count <= longest else { return nil }
    return storage.withUnsafeBufferPointer { storage in
      let slot = find(string, hash: hash(string), in: storage)
      let number = Int(slots[slot] & 0xFFFF_FFFF)
      return number == 0 ? nil : number - 1
    }
  }

  /// The bytes of the string `number`.
  func bytes(of number: Int) -> ArraySlice<UInt8> {
    storage[starts[number]..<starts[number + 1]]
  }

  /// The slot that holds `string`, or the empty one where it belongs.
  private func find(
    _ string: UnsafeBufferPointer<UInt8>, hash: UInt64, in storage: UnsafeBufferPointer<UInt8>
  ) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] ^ hash < 1 << 32 {
        let number = Int(slots[slot] & 0xFFFF_FFFF) &- 1
        let start = starts[number]
        if starts[number &+ 1] &- start == string.count {
          var index = 0
          while index < string.count, storage[start &+ index] == string[index] { index &+= 1 }
          if index == string.count { return slot }
        }
      }
      slot = (slot &+ 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    mask = slots.count - 1
    for entry in old where entry != 0 {
      let number = Int(entry & 0xFFFF_FFFF) - 1
      let hash = storage[starts[number]..<starts[number + 1]].withUnsafeBufferPointer(hash)
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = entry
    }
  }

  /// Folded multiplication of eight bytes at a time, as wyhash and aHash do it.
  private func hash(_ string: UnsafeBufferPointer<UInt8>) -> UInt64 {
    func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
      let product = a.multipliedFullWidth(by: b)
      return product.high ^ product.low
    }
    let raw = UnsafeRawBufferPointer(string)
    var hash = seed ^ UInt64(truncatingIfNeeded: string.count) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    while raw.count &- index >= 8 {
      hash = fold(
        hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self), 0xA076_1D64_78BD_642F)
      index &+= 8
    }
    var rest: UInt64 = 0
    while index < raw.count {
      rest = rest << 8 | UInt64(raw[index])
      index &+= 1
    }
    return fold(fold(hash ^ rest, 0xE703_7ED1_A0B4_28DB) ^ seed, 0x8EBC_6AF0_9C88_C6E3)
  }
}

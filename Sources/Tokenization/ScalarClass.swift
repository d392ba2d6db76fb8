/// What pre-tokenisers ask of a character: letter, number, space, or none of them.
///
/// The classes are those of the reference tokenizer (`ScalarClassRanges.swift`), not those of the Swift
/// runtime, so one text gives one sequence of tokens whatever toolchain built the program.
enum ScalarClass: UInt8, Sendable {
  /// Neither letter nor number nor space.
  case other = 0
  /// `\p{L}`.
  case letter = 1
  /// `\p{N}`.
  case number = 2
  /// `\s`, the Unicode property White_Space.
  case space = 3
  /// A number to the Digits step, whose Unicode version is newer, and `other` to patterns.
  case newNumber = 4
}

extension ScalarClass {
  /// The letters that are younger than the oldest PCRE2 in use (10.42, Unicode 14), as members of a class.
  static let laterLetters = members(of: .letter, sinceUnicode: 15)
  /// The numbers that are younger than the oldest PCRE2 in use, as members of a class.
  static let laterNumbers = members(of: .number, sinceUnicode: 15)

  private static func members(of scalarClass: ScalarClass, sinceUnicode version: Int) -> String {
    var members = ""
    for (index, entry) in ranges.enumerated() where entry & 7 == scalarClass.rawValue {
      let end = index + 1 < ranges.count ? ranges[index + 1] >> 3 : 0x11_0000
      var first: UInt32?
      for value in (entry >> 3)...end {
        let age = value < end ? Unicode.Scalar(value)?.properties.age?.major ?? version : 0
        if age >= version {
          first = first ?? value
        } else if let start = first {
          members +=
            "\\x{\(String(start, radix: 16))}-\\x{\(String(value - 1, radix: 16))}"
          first = nil
        }
      }
    }
    return members
  }
}

/// The class of every scalar, one byte each.
struct ScalarClassTable: Sendable {
  /// The only one, made when it is first used.
  static let shared = ScalarClassTable()

  private let classes: [ScalarClass]

  private init() {
    var classes = [ScalarClass](repeating: .other, count: 0x11_0000)
    let ranges = ScalarClass.ranges
    for (index, entry) in ranges.enumerated() {
      let end = index + 1 < ranges.count ? Int(ranges[index + 1] >> 3) : classes.count
      guard let scalarClass = ScalarClass(rawValue: UInt8(entry & 7)), scalarClass != .other else {
        continue
      }
      for scalar in Int(entry >> 3)..<end { classes[scalar] = scalarClass }
    }
    self.classes = classes
  }

  /// The class of the character at `index`, and the index after it.
  ///
  /// - Parameter text: UTF-8, `index` at the first byte of a character.
  @inline(__always)
  func character(
    at index: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> (scalarClass: ScalarClass, end: Int) {
    let lead = text[index]
    if lead < 0x80 { return (classes[Int(lead)], index &+ 1) }
    let (scalar, end) = UTF8Text.scalar(at: index, in: text)
    return (classes[Int(scalar)], end)
  }
}

/// Characters of text that is known to be UTF-8.
enum UTF8Text {
  /// The scalar whose first byte is at `index`, and the index after it.
  @inline(__always)
  static func scalar(
    at index: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> (scalar: UInt32, end: Int) {
    func low(_ offset: Int) -> UInt32 { UInt32(text[index &+ offset] & 0x3F) }
    let lead = UInt32(text[index])
    if lead < 0x80 { return (lead, index &+ 1) }
    if lead < 0xE0 { return ((lead & 0x1F) << 6 | low(1), index &+ 2) }
    if lead < 0xF0 { return ((lead & 0x0F) << 12 | low(1) << 6 | low(2), index &+ 3) }
    return ((lead & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), index &+ 4)
  }

  /// The index of the first byte of the character that ends before `index`.
  static func start(before index: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var start = index &- 1
    while start > 0, text[start] & 0xC0 == 0x80 { start &-= 1 }
    return start
  }
}

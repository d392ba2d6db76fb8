/// Makes an input from the corpus: one file, changed here and there.
struct FuzzMutator {
  let corpus: [[UInt8]]
  let tokens: [[UInt8]]
  let isText: Bool
  let isTemplate: Bool
  private var bytes: [UInt8] = []

  init(corpus: [[UInt8]], tokens: [[UInt8]], format: FuzzFormat) {
    self.corpus = corpus
    self.tokens = tokens
    isText = format.isText
    isTemplate = format == .template
  }

  /// Values at which sizes, counts and offsets go wrong.
  private static let edges: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 100, 0x7F, 0x80, 0xFF, 0x100, 0x400,
    0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF,
    1 << 32, 1 << 40, 1 << 53, 1 << 60, 1 << 61, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 63,
    .max - 31, .max - 7, .max - 1, .max,
  ]

  /// The same in text.
  private static let numerals: [[UInt8]] = [
    "0", "-0", "-1", "1", "2", "63", "64", "65536", "100000", "2147483647", "2147483648",
    "-2147483648", "4294967295", "4294967296", "9007199254740993", "4611686018427387904",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "1e19", "1e308", "1e-308", "1e999", "-1e300", "0.1", "1e-5", "5e-324",
    "00", "1.", ".5", "1e", "0x10", "NaN", "inf", ".inf", ".nan",
  ].map { Array($0.utf8) }

  /// What opens and closes nesting in one of the text formats.
  private static let brackets: [([UInt8], [UInt8])] = [
    ("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("[[", "]]"), ("{{ (", ") }}"), ("{1:", "}"),
    ("{% if 1 %}", "{% endif %}"), ("{% for i in [1] %}", "{% endfor %}"),
    ("{% set x %}", "{% endset %}"), ("- ", ""), ("- - ", "\n"), ("a:\n ", ""), ("{a: ", "}"),
    ("(?:", ")*"), ("(", ")+"), ("not ", ""), ("-", ""), ("f(", ")"), ("a.", ""), ("'", "'"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

  mutating func input(_ numbers: inout FuzzNumbers) -> [UInt8] {
    if isTemplate, numbers.once(in: 3) {
      bytes = Array(FuzzGrammar.statements(2, &numbers).utf8)
      // Most as they are: a change would rarely leave a template of them.
      if !numbers.once(in: 4) { return Array(bytes.prefix(FuzzInputs.maximumByteCount)) }
    } else if isText, numbers.once(in: 12) {
      bytes = []
      for _ in 0..<numbers.length(atMost: 64) {
        bytes += numbers.once(in: 6) ? pick(Self.numerals, &numbers) : pick(tokens, &numbers)
        if numbers.once(in: 2) { bytes.append(0x20) }
      }
    } else {
      bytes = pick(corpus, &numbers)
    }
    var changes = 1
    while changes < 24, numbers.once(in: 2) { changes += 1 }
    for _ in 0..<changes { change(&numbers) }
    if bytes.count > FuzzInputs.maximumByteCount {
      bytes.removeLast(bytes.count - FuzzInputs.maximumByteCount)
    }
    return bytes
  }

  // MARK: Changes

  private mutating func change(_ numbers: inout FuzzNumbers) {
    if isText, numbers.once(in: 2) { return changeText(&numbers) }
    let place = place(&numbers)
    // Whatever moves what follows makes nonsense of the offsets in a binary file; the first kinds do not.
    switch numbers.below(!isText && numbers.once(in: 2) ? 5 : 13) {
    case 0:
      if place < bytes.count { bytes[place] ^= 1 << UInt8(numbers.below(8)) }
    case 1:
      if place < bytes.count { bytes[place] = UInt8(numbers.below(256)) }
    case 2, 3: overwrite(pick(Self.edges, &numbers), width: 1 << numbers.below(4), at: place)
    case 4: addToInteger(at: place, &numbers)
    case 5: bytes.removeSubrange(stretch(at: place, &numbers))
    case 6: bytes.insert(contentsOf: Array(bytes[stretch(at: place, &numbers)]), at: place)
    case 7: insert(Array(bytes[stretch(at: self.place(&numbers), &numbers)]), at: place)
    case 8: splice(at: place, &numbers)
    case 9:
      if numbers.once(in: 3) { bytes.removeLast(bytes.count - place) }
    case 10: repeatStretch(at: place, &numbers)
    case 11: insert(pick(tokens, &numbers), at: place)
    default: replace(stretch(at: place, &numbers), by: pick(tokens, &numbers))
    }
  }

  private mutating func changeText(_ numbers: inout FuzzNumbers) {
    let place = place(&numbers)
    if isTemplate, numbers.once(in: 3) {
      let isWhole = numbers.once(in: 2)
      let text =
        isWhole ? FuzzGrammar.statements(1, &numbers) : FuzzGrammar.expression(2, &numbers)
      return isWhole
        ? insert(Array(text.utf8), at: place) : replace(word(around: place), by: Array(text.utf8))
    }
    switch numbers.below(9) {
    case 0, 1: insert(pick(tokens, &numbers), at: place)
    case 2: replace(word(around: place), by: pick(tokens, &numbers))
    case 3: replace(word(around: place), by: pick(Self.numerals, &numbers))
    case 4: bytes.removeSubrange(word(around: place))
    case 5: nest(at: place, &numbers)
    case 6: replace(word(around: place), by: Array(bytes[word(around: self.place(&numbers))]))
    case 7: moveLine(at: place, &numbers)
    default: splice(at: place, &numbers)
    }
  }

  /// A place in the input; half of the time near its start, where heads are.
  private func place(_ numbers: inout FuzzNumbers) -> Int {
    let bound = bytes.count + 1
    return numbers.below(numbers.once(in: 2) ? bound : min(bound, isText ? bound : 2_048))
  }

  private func stretch(at place: Int, _ numbers: inout FuzzNumbers) -> Range<Int> {
    place..<(place + min(bytes.count - place, numbers.length(atMost: 1_024)))
  }

  /// The letters, digits and underscores around a place, or what is neither.
  private func word(around place: Int) -> Range<Int> {
    func isWord(_ index: Int) -> Bool {
      switch bytes[index] {
      case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A, 0x80...: true
      default: false
      }
    }
    guard place < bytes.count else { return place..<place }
    let kind = isWord(place)
    var range = place..<(place + 1)
    while range.lowerBound > 0, range.count < 64, isWord(range.lowerBound - 1) == kind {
      range = (range.lowerBound - 1)..<range.upperBound
    }
    while range.upperBound < bytes.count, range.count < 64, isWord(range.upperBound) == kind {
      range = range.lowerBound..<(range.upperBound + 1)
    }
    return range
  }

  private mutating func insert(_ inserted: [UInt8], at place: Int) {
    bytes.insert(contentsOf: inserted, at: place)
  }

  private mutating func replace(_ range: Range<Int>, by replacement: [UInt8]) {
    bytes.replaceSubrange(range, with: replacement)
  }

  private mutating func overwrite(_ value: UInt64, width: Int, at place: Int) {
    for offset in 0..<width where place + offset < bytes.count {
      bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(offset * 8))
    }
  }

  /// Adds a little to the integer of 1 to 8 bytes that may start here.
  private mutating func addToInteger(at place: Int, _ numbers: inout FuzzNumbers) {
    let width = 1 << numbers.below(4)
    guard place + width <= bytes.count else { return }
    var value: UInt64 = 0
    for offset in (0..<width).reversed() { value = value << 8 | UInt64(bytes[place + offset]) }
    let difference = UInt64(numbers.length(atMost: 64))
    overwrite(
      numbers.once(in: 2) ? value &+ difference : value &- difference, width: width, at: place)
  }

  /// Part of another file of the corpus.
  private mutating func splice(at place: Int, _ numbers: inout FuzzNumbers) {
    let other = pick(corpus, &numbers)
    guard !other.isEmpty else { return }
    let start = numbers.below(other.count)
    let part = other[start..<(start + min(other.count - start, numbers.length(atMost: 4_096)))]
    if numbers.once(in: 4) {
      replace(place..<bytes.count, by: Array(other[start...]))
    } else if numbers.once(in: 2) {
      replace(place..<min(bytes.count, place + part.count), by: Array(part))
    } else {
      insert(Array(part), at: place)
    }
  }

  private mutating func repeatStretch(at place: Int, _ numbers: inout FuzzNumbers) {
    let part: [UInt8]
    if numbers.once(in: 2) {
      part = pick(tokens, &numbers)
    } else {
      part = Array(bytes[place..<(place + min(bytes.count - place, numbers.length(atMost: 32)))])
    }
    insert(repeated(part, numbers.length(atMost: numbers.once(in: 8) ? 16_384 : 256)), at: place)
  }

  private mutating func nest(at place: Int, _ numbers: inout FuzzNumbers) {
    let (opening, closing) = pick(Self.brackets, &numbers)
    let depth = numbers.length(atMost: numbers.once(in: 8) ? 16_384 : 512)
    let inner = numbers.once(in: 2) ? word(around: place) : place..<place
    let middle = Array(bytes[inner])
    let close = numbers.once(in: 4) ? [] : repeated(closing, depth)
    replace(inner, by: repeated(opening, depth) + middle + close)
  }

  private mutating func moveLine(at place: Int, _ numbers: inout FuzzNumbers) {
    let newline = UInt8(ascii: "\n")
    let start = bytes[..<place].lastIndex(of: newline).map { $0 + 1 } ?? 0
    let end = bytes[place...].firstIndex(of: newline).map { $0 + 1 } ?? bytes.count
    let line = Array(bytes[start..<end])
    if numbers.once(in: 2) { bytes.removeSubrange(start..<end) }
    insert(line, at: self.place(&numbers))
  }

  /// `part` many times, but no more than fits an input.
  private func repeated(_ part: [UInt8], _ count: Int) -> [UInt8] {
    guard !part.isEmpty else { return [] }
    let room = max(0, FuzzInputs.maximumByteCount - bytes.count) / part.count
    return Array([[UInt8]](repeating: part, count: min(count, room)).joined())
  }

  private func pick<Element>(_ list: [Element], _ numbers: inout FuzzNumbers) -> Element {
    list[numbers.below(list.count)]
  }
}

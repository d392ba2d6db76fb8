/// Unicode's normalisation form C: characters put together from a letter and its marks.
///
/// The tables are the reference's (`CanonicalMappings.swift`), not the Swift runtime's, so one text gives one
/// sequence of tokens whatever toolchain built the program.
///
/// - SeeAlso: Unicode Standard Annex 15, "Unicode Normalization Forms".
struct CanonicalComposition: Sendable {
  /// The only one, made when it is first used.
  static let shared = CanonicalComposition()

  private struct Decomposition {
    var first: UInt32
    /// Zero if there is no second.
    var second: UInt32
    var isExcluded: Bool
  }

  private var decompositions: [UInt32: Decomposition] = [:]
  /// What `first << 32 | second` become together.
  private var compositions: [UInt64: UInt32] = [:]
  private var seconds: Set<UInt32> = []
  private var combiningClasses: [UInt32: UInt8] = [:]

  private enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    static let leads: Range<UInt32> = 0x1100..<0x1113
    static let vowels: Range<UInt32> = 0x1161..<0x1176
    /// The first stands for no trailing consonant.
    static let trails: Range<UInt32> = 0x11A7..<0x11C3
  }

  private init() {
    for entry in Self.entries(CanonicalMappings.decompositions) {
      let isExcluded = entry[0].isMarked
      let second = entry.count > 2 ? entry[2].value : 0
      let (composed, first) = (entry[0].value, entry[1].value)
      decompositions[composed] = Decomposition(
        first: first, second: second, isExcluded: isExcluded)
      if !isExcluded {
        compositions[UInt64(first) << 32 | UInt64(second)] = composed
        seconds.insert(second)
      }
    }
    for entry in Self.entries(CanonicalMappings.combiningClasses) {
      for scalar in entry[0].value...entry[1].value {
        combiningClasses[scalar] = UInt8(truncatingIfNeeded: entry[2].value)
      }
    }
  }

  /// The numbers of each entry, and whether a `!` follows them.
  private static func entries(_ text: StaticString) -> [[(value: UInt32, isMarked: Bool)]] {
    text.withUTF8Buffer { text in
      text.split(separator: UInt8(ascii: ";")).map { entry in
        entry.split(separator: UInt8(ascii: " ")).map { number in
          let isMarked = number.last == UInt8(ascii: "!")
          let digits = String(decoding: isMarked ? number.dropLast() : number, as: UTF8.self)
          return (UInt32(digits, radix: 16) ?? 0, isMarked)
        }
      }
    }
  }

  /// What is to be put where so that `text` is in form C: nothing if it is.
  func edits(_ text: UnsafeBufferPointer<UInt8>) -> [(range: Range<Int>, with: [UInt8])] {
    // No scalar below U+0300 changes or changes another; their bytes are below CC.
    guard text.contains(where: { $0 >= 0xCC }) else { return [] }
    var edits: [(range: Range<Int>, with: [UInt8])] = []
    var start = 0
    var segment: [UInt32] = []
    var mayChange = false
    func finish(at end: Int) {
      guard mayChange else { return }
      let composed = composed(segment)
      if composed != segment { edits.append((start..<end, Self.utf8(composed))) }
    }
    var index = 0
    while index < text.count {
      let (scalar, end) = UTF8Text.scalar(at: index, in: text)
      let changes = scalar >= 0x300 && isUnstable(scalar)
      if !changes {
        // Nothing before such a scalar acts on it, so a segment begins.
        finish(at: index)
        start = index
        segment.removeAll(keepingCapacity: true)
        mayChange = false
      }
      segment.append(scalar)
      mayChange = mayChange || changes
      index = end
    }
    finish(at: text.count)
    return edits
  }

  /// Whether a scalar may change, or change what is before it.
  private func isUnstable(_ scalar: UInt32) -> Bool {
    // The ideographs and syllables that most of such text is made of.
    if (0x3400...0xA66E).contains(scalar) || Hangul.syllables.contains(scalar) { return false }
    return combiningClasses[scalar] != nil || seconds.contains(scalar)
      || Hangul.vowels.contains(scalar) || Hangul.trails.contains(scalar)
      || decompositions[scalar]?.isExcluded == true
  }

  private func composed(_ segment: [UInt32]) -> [UInt32] {
    var scalars: [(scalar: UInt32, combiningClass: UInt8)] = []
    for scalar in segment { appendDecomposition(of: scalar, to: &scalars) }
    order(&scalars)

    var result: [UInt32] = []
    var starter: Int?
    var lastClass: UInt8?
    for (scalar, combiningClass) in scalars {
      // A mark is blocked from the starter by one of its own class or a higher one before it.
      if let place = starter, lastClass.map({ $0 < combiningClass }) ?? true,
        let joined = composition(result[place], scalar)
      {
        result[place] = joined
        continue
      }
      if combiningClass == 0 {
        starter = result.count
        lastClass = nil
      } else {
        lastClass = combiningClass
      }
      result.append(scalar)
    }
    return result
  }

  private func appendDecomposition(
    of scalar: UInt32, to scalars: inout [(scalar: UInt32, combiningClass: UInt8)]
  ) {
    if Hangul.syllables.contains(scalar) {
      let number = scalar - Hangul.syllables.lowerBound
      let trails = UInt32(Hangul.trails.count)
      let perLead = UInt32(Hangul.vowels.count) * trails
      scalars.append((Hangul.leads.lowerBound + number / perLead, 0))
      scalars.append((Hangul.vowels.lowerBound + number % perLead / trails, 0))
      if number % trails > 0 { scalars.append((Hangul.trails.lowerBound + number % trails, 0)) }
    } else if let parts = decompositions[scalar] {
      appendDecomposition(of: parts.first, to: &scalars)
      if parts.second > 0 { appendDecomposition(of: parts.second, to: &scalars) }
    } else {
      scalars.append((scalar, combiningClasses[scalar] ?? 0))
    }
  }

  /// Puts each run of marks in the order of their classes, those of one class as they stand.
  private func order(_ scalars: inout [(scalar: UInt32, combiningClass: UInt8)]) {
    var start = 0
    while start < scalars.count {
      guard scalars[start].combiningClass > 0 else {
        start += 1
        continue
      }
      let end = scalars[start...].firstIndex { $0.combiningClass == 0 } ?? scalars.count
      let sorted = scalars[start..<end].enumerated().sorted {
        ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
      }
      scalars.replaceSubrange(start..<end, with: sorted.map(\.element))
      start = end
    }
  }

  private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if Hangul.leads.contains(first), Hangul.vowels.contains(second) {
      let lead = first - Hangul.leads.lowerBound
      let vowel = second - Hangul.vowels.lowerBound
      let pair = lead * UInt32(Hangul.vowels.count) + vowel
      return Hangul.syllables.lowerBound + pair * UInt32(Hangul.trails.count)
    }
    if Hangul.syllables.contains(first),
      (first - Hangul.syllables.lowerBound) % UInt32(Hangul.trails.count) == 0,
      Hangul.trails.dropFirst().contains(second)
    {
      return first + (second - Hangul.trails.lowerBound)
    }
    return compositions[UInt64(first) << 32 | UInt64(second)]
  }

  private static func utf8(_ scalars: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in scalars.lazy.compactMap(Unicode.Scalar.init) {
      bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    }
    return bytes
  }
}

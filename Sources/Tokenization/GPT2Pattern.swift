/// The words of GPT-2's pattern, found by hand.
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// A scanner instead of a regular expression: each character is looked at about once, and no step limit can
/// be exceeded. Every character belongs to exactly one word.
///
/// - SeeAlso: Radford et al. 2019, `encoder.py` of the released code.
struct GPT2Pattern: Sendable {
  /// The pattern as a regular expression.
  static let source = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  private let classes = ScalarClassTable.shared

  /// The end of the word that begins at `start`.
  @inline(__always)
  func endOfWord(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    if text[start] == UInt8(ascii: "'") {
      let length = contractionLength(at: start, in: text)
      if length > 0 { return start &+ length }
    }
    let first = classes.character(at: start, in: text)
    if first.scalarClass != .space {
      return endOfRun(of: first.scalarClass, from: first.end, in: text)
    }
    if text[start] == UInt8(ascii: " "), start &+ 1 < text.count {
      // One space goes with the word that follows it.
      let second = classes.character(at: start &+ 1, in: text)
      if second.scalarClass != .space {
        return endOfRun(of: second.scalarClass, from: second.end, in: text)
      }
    }
    let end = endOfRun(of: .space, from: first.end, in: text)
    if end == text.count || end == first.end { return end }
    // `\s+(?!\S)`: the last space before a word is left over.
    return UTF8Text.start(before: end, in: text)
  }

  /// The end of the characters of one class from `index` on.
  @inline(__always)
  private func endOfRun(
    of scalarClass: ScalarClass, from index: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> Int {
    let wanted = scalarClass == .newNumber ? .other : scalarClass
    var end = index
    while end < text.count {
      let next = classes.character(at: end, in: text)
      let found = next.scalarClass == .newNumber ? .other : next.scalarClass
      if found != wanted { break }
      end = next.end
    }
    return end
  }

  private func contractionLength(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    guard start &+ 1 < text.count else { return 0 }
    switch text[start &+ 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start &+ 2 < text.count && text[start &+ 2] == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"):
      return start &+ 2 < text.count && text[start &+ 2] == UInt8(ascii: "l") ? 3 : 0
    default: return 0
    }
  }
}

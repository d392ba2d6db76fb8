/// Cuts a text into passages of bounded size, at the best places there are.
///
/// First at headings; what is then still too long, at blank lines, at line breaks, after sentences, between words, and at
/// last anywhere. Neighbours that fit together are joined again, and a passage begins with the end of the one before it,
/// so that what a cut went through stands whole in one of them.
///
/// - SeeAlso: the recursive splitter of LangChain, whose way of joining this is, with sizes of 1,000 and 200 characters.
public struct TextSplitter: Sendable {
  /// What sizes count.
  public enum Unit: Sendable, Equatable {
    /// Unicode scalars.
    case characters
    /// Tokens, as the function counts them in a piece of text.
    case tokens(@Sendable (String) -> Int)

    public static func == (a: Unit, b: Unit) -> Bool {
      switch (a, b) {
      case (.characters, .characters), (.tokens, .tokens): true
      default: false
      }
    }
  }

  /// The most that a passage may measure.
  public let size: Int
  /// The most that a passage may have in common with the one before it.
  public let overlap: Int
  /// What both count.
  public let unit: Unit

  /// Sets the sizes; the overlap must be less than the size.
  public init(size: Int = 1_000, overlap: Int = 200, unit: Unit = .characters) {
    precondition(size > 0 && overlap >= 0 && overlap < size, "overlap is less than size")
    self.size = size
    self.overlap = overlap
    self.unit = unit
  }

  /// Where a text may be cut, the best first.
  private enum Boundary: CaseIterable {
    case heading, blankLine, lineBreak, sentence, word, character
  }

  /// The passages of `text` as ranges of its UTF-8, in order; no white space at their ends, none empty.
  public func split(_ text: String) -> [Range<Int>] {
    let bytes = Array(text.utf8)
    var passages: [Range<Int>] = []
    split(0..<bytes.count, of: bytes, boundaries: Boundary.allCases[...], into: &passages)
    return passages.map { Self.trimmed($0, bytes) }.filter { !$0.isEmpty }
  }

  private func split(
    _ range: Range<Int>, of bytes: [UInt8], boundaries: ArraySlice<Boundary>,
    into passages: inout [Range<Int>]
  ) {
    var rest = boundaries
    var pieces = [range]
    // The first kind of place that there is any of.
    while let boundary = rest.popFirst() {
      pieces = Self.pieces(of: range, bytes, at: boundary)
      if pieces.count > 1 { break }
    }
    var fitting: [Range<Int>] = []
    for piece in pieces {
      if measure(piece, bytes) <= size || rest.isEmpty {
        fitting.append(piece)
        continue
      }
      join(fitting, of: bytes, into: &passages)
      fitting = []
      split(piece, of: bytes, boundaries: rest, into: &passages)
    }
    join(fitting, of: bytes, into: &passages)
  }

  /// Joins neighbours as long as they fit, each passage beginning with the last pieces of the one before.
  private func join(
    _ pieces: [Range<Int>], of bytes: [UInt8], into passages: inout [Range<Int>]
  ) {
    var window: [(range: Range<Int>, size: Int)] = []
    var total = 0
    func emit() {
      guard let first = window.first, let last = window.last else { return }
      passages.append(first.range.lowerBound..<last.range.upperBound)
    }
    for piece in pieces {
      let length = measure(piece, bytes)
      if total + length > size, !window.isEmpty {
        emit()
        while !window.isEmpty, total > overlap || total + length > size {
          total -= window.removeFirst().size
        }
      }
      window.append((piece, length))
      total += length
    }
    emit()
  }

  private func measure(_ range: Range<Int>, _ bytes: [UInt8]) -> Int {
    let trimmed = Self.trimmed(range, bytes)
    switch unit {
    case .characters:
      // White space at the ends is dropped, and that between pieces counts with the piece before it.
      return bytes[trimmed.lowerBound..<range.upperBound].count { $0 & 0xC0 != 0x80 }
    case .tokens(let count): return count(String(decoding: bytes[range], as: UTF8.self))
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  private static func trimmed(_ range: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high, isSpace(bytes[low]) { low += 1 }
    while high > low, isSpace(bytes[high - 1]) { high -= 1 }
    return low..<high
  }

  /// `range` cut at every place of a kind.
  private static func pieces(
    of range: Range<Int>, _ bytes: [UInt8], at boundary: Boundary
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = range.lowerBound
    for place in range.lowerBound + 1..<max(range.lowerBound + 1, range.upperBound)
    where isCut(before: place, bytes, in: range, at: boundary) {
      pieces.append(start..<place)
      start = place
    }
    if start < range.upperBound { pieces.append(start..<range.upperBound) }
    return pieces
  }

  private static func isCut(
    before place: Int, _ bytes: [UInt8], in range: Range<Int>, at boundary: Boundary
  ) -> Bool {
    let (before, here) = (bytes[place - 1], bytes[place])
    switch boundary {
    case .heading:
      // A line of one to six # and a space.
      guard here == UInt8(ascii: "#"), before == UInt8(ascii: "\n") else { return false }
      var end = place
      while end < range.upperBound, bytes[end] == UInt8(ascii: "#") { end += 1 }
      return end - place <= 6 && end < range.upperBound && bytes[end] == UInt8(ascii: " ")
    case .blankLine:
      return before == UInt8(ascii: "\n") && here != UInt8(ascii: "\n")
        && place - 2 >= range.lowerBound && bytes[place - 2] == UInt8(ascii: "\n")
    case .lineBreak: return before == UInt8(ascii: "\n")
    case .sentence:
      return isSpace(before) && !isSpace(here) && place - 2 >= range.lowerBound
        && [UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?")].contains(bytes[place - 2])
    case .word: return isSpace(before) && !isSpace(here)
    case .character: return here & 0xC0 != 0x80
    }
  }
}

/// Cuts a text into passages of bounded size, at the best places there are.
///
/// First at headings; what is then still too long, at blank lines, at line breaks, after sentences, between words, and at
/// last anywhere. Neighbours that fit together are joined again, and a passage begins with the end of the one before it,
/// so that what a cut went through stands whole in one of them.
///
/// - SeeAlso: the recursive splitter of LangChain, whose way of joining this is, with sizes of 1,000 and 200 characters.
public struct TextSplitter: Sendable {
  /// What sizes count.
  public enum Unit: Sendable {
    /// Unicode scalars; white space at a passage's ends does not count.
    case characters
    /// Tokens, as the function counts them in a piece of text; a passage counts as the sum of its pieces.
    case tokens(@Sendable (String) -> Int)
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
    let source = Source(text)
    var passages: [Range<Int>] = []
    split(0..<source.bytes.count, of: source, Boundary.allCases[...], into: &passages)
    // What adds nothing but white space to the passage before is none.
    var end = 0
    return passages.map(source.trimmed).filter { passage in
      defer { end = max(end, passage.upperBound) }
      return !passage.isEmpty && passage.upperBound > end
    }
  }

  private func split(
    _ range: Range<Int>, of source: Source, _ boundaries: ArraySlice<Boundary>,
    into passages: inout [Range<Int>]
  ) {
    var rest = boundaries
    var pieces = [range]
    // The first kind of place that there is any of.
    while let boundary = rest.popFirst() {
      pieces = source.pieces(of: range, at: boundary)
      if pieces.count > 1 { break }
    }
    var fitting: [Piece] = []
    for piece in pieces.map({ Piece($0, source, unit) }) {
      if piece.trimmedSize <= size || rest.isEmpty {
        fitting.append(piece)
        continue
      }
      join(fitting, into: &passages)
      fitting = []
      split(piece.range, of: source, rest, into: &passages)
    }
    join(fitting, into: &passages)
  }

  /// Joins neighbours as long as they fit, each passage beginning with the last pieces of the one before.
  private func join(_ pieces: [Piece], into passages: inout [Range<Int>]) {
    var (first, total) = (0, 0)
    for (index, piece) in pieces.enumerated() {
      func measure(_ last: Piece, _ total: Int) -> Int {
        total - pieces[first].leading - last.trailing
      }
      func fits() -> Bool { measure(piece, total + piece.size) <= size }
      if index > first, !fits() {
        passages.append(pieces[first].range.lowerBound..<pieces[index - 1].range.upperBound)
        while first < index, !fits() || measure(pieces[index - 1], total) > overlap {
          total -= pieces[first].size
          first += 1
        }
      }
      total += piece.size
    }
    if let last = pieces.last {
      passages.append(pieces[first].range.lowerBound..<last.range.upperBound)
    }
  }

  /// A part of a text that is not cut further, measured once.
  private struct Piece {
    let range: Range<Int>
    let size: Int
    /// How much of the size is white space at either end.
    let (leading, trailing): (Int, Int)

    var trimmedSize: Int { max(0, size - leading - trailing) }

    init(_ range: Range<Int>, _ source: Source, _ unit: Unit) {
      self.range = range
      switch unit {
      case .characters:
        // White space is ASCII here, a byte a scalar.
        let trimmed = source.trimmed(range)
        size = source.bytes[range].count { $0 & 0xC0 != 0x80 }
        leading = trimmed.lowerBound - range.lowerBound
        trailing = range.upperBound - trimmed.upperBound
      case .tokens(let count):
        size = count(String(decoding: source.bytes[range], as: UTF8.self))
        (leading, trailing) = (0, 0)
      }
    }
  }

  /// A text and where it may be cut.
  private struct Source {
    let bytes: [UInt8]
    private let headings: [Int]

    init(_ text: String) {
      bytes = Array(text.utf8)
      headings = Markdown.headings(of: bytes).map(\.offset)
    }

    func trimmed(_ range: Range<Int>) -> Range<Int> {
      var (low, high) = (range.lowerBound, range.upperBound)
      while low < high, Self.isSpace(bytes[low]) { low += 1 }
      while high > low, Self.isSpace(bytes[high - 1]) { high -= 1 }
      return low..<high
    }

    /// `range` cut at every place of a kind.
    func pieces(of range: Range<Int>, at boundary: Boundary) -> [Range<Int>] {
      var pieces: [Range<Int>] = []
      var start = range.lowerBound
      func cut(_ place: Int) {
        pieces.append(start..<place)
        start = place
      }
      if boundary == .heading {
        for heading in headings where heading > range.lowerBound && heading < range.upperBound {
          cut(heading)
        }
      } else {
        for place in range.dropFirst() where isCut(before: place, in: range, at: boundary) {
          cut(place)
        }
      }
      if start < range.upperBound { pieces.append(start..<range.upperBound) }
      return pieces
    }

    private func isCut(before place: Int, in range: Range<Int>, at boundary: Boundary) -> Bool {
      let (before, here) = (bytes[place - 1], bytes[place])
      switch boundary {
      case .heading: return false
      case .blankLine:
        return before == UInt8(ascii: "\n") && here != UInt8(ascii: "\n")
          && place - 2 >= range.lowerBound && bytes[place - 2] == UInt8(ascii: "\n")
      case .lineBreak: return before == UInt8(ascii: "\n")
      case .sentence:
        return Self.isSpace(before) && !Self.isSpace(here) && place - 2 >= range.lowerBound
          && ".!?".utf8.contains(bytes[place - 2])
      case .word: return Self.isSpace(before) && !Self.isSpace(here)
      case .character: return here & 0xC0 != 0x80
      }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
  }
}

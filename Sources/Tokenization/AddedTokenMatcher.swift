/// Finds added tokens in text: of those that begin leftmost the longest, as the reference does.
///
/// The tokens form a trie; a table of first bytes lets ordinary text pass at about a byte per nanosecond.
struct AddedTokenMatcher: Sendable {
  /// Part of a text: an added token, or text between them.
  struct Part: Equatable {
    /// The index of the token in the list given to `init`, or `nil` for text.
    var token: Int?
    /// Its bytes in the text.
    var range: Range<Int>
  }

  /// The longest content of an added token, in bytes: it bounds the work at each byte of a text.
  static let longestContent = 4096

  private let tokens: [AddedToken]
  /// Children by `node << 8 | byte`.
  private var children: [UInt64: Int] = [:]
  /// The token that ends at each node, the root first, or -1.
  private var ends: [Int] = [-1]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  /// Makes a matcher of those of `tokens` whose ``AddedToken/isNormalized`` is as said.
  ///
  /// Tokens without content are never found; of two with the same content the first is.
  ///
  /// - Parameter rewrite: What becomes of a content in the text that will be looked at.
  init(
    _ tokens: [AddedToken], normalized: Bool, by rewrite: ([UInt8]) -> [UInt8] = { $0 }
  ) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() where token.isNormalized == normalized {
      let content = rewrite(token.content)
      guard let first = content.first else { continue }
      isFirstByte[Int(first)] = true
      var node = 0
      for byte in content {
        let key = Self.key(node, byte)
        if let child = children[key] {
          node = child
        } else {
          children[key] = ends.count
          node = ends.count
          ends.append(-1)
        }
      }
      if ends[node] < 0 { ends[node] = index }
    }
  }

  /// Whether no token can be found.
  var isEmpty: Bool { ends.count == 1 }

  private static func key(_ node: Int, _ byte: UInt8) -> UInt64 {
    UInt64(truncatingIfNeeded: node) << 8 | UInt64(byte)
  }

  /// The parts of `text[range]`, which stands for itself: nothing outside of it is looked at.
  func parts(of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [Part] {
    guard !isEmpty else { return [Part(token: nil, range: range)] }
    var parts: [Part] = []
    var covered = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard isFirstByte[Int(text[index])], let match = longestMatch(at: index, in: text, range)
      else {
        index += 1
        continue
      }
      // A match that is discarded below is passed over all the same.
      index = match.end
      let token = tokens[match.token]
      var start = match.start
      var end = match.end
      if token.isSingleWord, isInsideWord(start..<end, in: text, range) { continue }
      if token.stripsLeft { start = max(startOfSpace(before: start, in: text, range), covered) }
      if token.stripsRight { end = endOfSpace(from: end, in: text, range) }
      if covered < start { parts.append(Part(token: nil, range: covered..<start)) }
      parts.append(Part(token: match.token, range: start..<end))
      covered = end
    }
    if covered < range.upperBound {
      parts.append(Part(token: nil, range: covered..<range.upperBound))
    }
    return parts
  }

  private func longestMatch(
    at start: Int, in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> (token: Int, start: Int, end: Int)? {
    var node = 0
    var index = start
    var found: (token: Int, start: Int, end: Int)?
    while index < range.upperBound, let child = children[Self.key(node, text[index])] {
      node = child
      index += 1
      if ends[node] >= 0 { found = (ends[node], start, index) }
    }
    return found
  }

  private func isInsideWord(
    _ match: Range<Int>, in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Bool {
    if match.lowerBound > range.lowerBound {
      let before = UTF8Text.start(before: match.lowerBound, in: text)
      if Self.isWordCharacter(UTF8Text.scalar(at: before, in: text).scalar) { return true }
    }
    return match.upperBound < range.upperBound
      && Self.isWordCharacter(UTF8Text.scalar(at: match.upperBound, in: text).scalar)
  }

  /// Whether the scalar matches `\w` as Unicode Technical Standard 18, annex C, has it.
  private static func isWordCharacter(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return false
    }
  }

  private func startOfSpace(
    before end: Int, in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    var start = end
    while start > range.lowerBound {
      let before = UTF8Text.start(before: start, in: text)
      if ScalarClassTable.shared.character(at: before, in: text).scalarClass != .space { break }
      start = before
    }
    return start
  }

  private func endOfSpace(
    from start: Int, in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    var end = start
    while end < range.upperBound {
      let next = ScalarClassTable.shared.character(at: end, in: text)
      if next.scalarClass != .space { break }
      end = next.end
    }
    return end
  }
}

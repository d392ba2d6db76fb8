/// Finds places in a text across which nothing is ever joined.
///
/// Where tokens are text, a whole document is one word to the reference. No token of most vocabularies has a
/// space mark after another character; so no joining crosses from that character to the mark, and the text may
/// be cut there without changing a token. Characters that do stand before a mark in some token are remembered.
struct SpaceMarkBoundaries: Sendable {
  private var joinedBefore: Set<UInt32> = []
  private let isUsable: Bool

  init(_ vocabulary: Vocabulary) {
    // A mark that is no token could be fused with what is unknown around it.
    isUsable =
      vocabulary.alphabet == .spaceMarked
      && vocabulary.id(ofBytes: TokenAlphabet.spaceMark) != nil
    guard isUsable else { return }
    vocabulary.table.storage.withUnsafeBufferPointer { storage in
      var start = 0
      for end in vocabulary.table.starts.dropFirst() {
        let token = UnsafeBufferPointer(rebasing: storage[start..<end])
        start = end
        var index = 1
        while index < token.count {
          if Self.isMark(at: index, in: token) {
            let before = UTF8Text.start(before: index, in: token)
            joinedBefore.insert(UTF8Text.scalar(at: before, in: token).scalar)
          }
          index &+= 1
        }
      }
    }
  }

  @inline(__always)
  private static func isMark(at index: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    text[index] == 0xE2 && index &+ 2 < text.count && text[index &+ 1] == 0x96
      && text[index &+ 2] == 0x81
  }

  /// Calls `body` with the pieces of `word`, in order.
  func forEachPiece(of word: PreTokenizer.Word, _ body: (PreTokenizer.Word) -> Void) {
    guard isUsable else { return body(word) }
    let text = word.bytes
    func piece(_ range: Range<Int>) -> PreTokenizer.Word {
      PreTokenizer.Word(
        bytes: UnsafeBufferPointer(rebasing: text[range]), offset: word.offset + range.lowerBound,
        lowerBound: word.lowerBound)
    }
    var start = 0
    var index = 1
    while index < text.count {
      if Self.isMark(at: index, in: text) {
        let before = UTF8Text.scalar(at: UTF8Text.start(before: index, in: text), in: text).scalar
        if before != 0x2581, !joinedBefore.contains(before) {
          body(piece(start..<index))
          start = index
        }
        index &+= 3
      } else {
        index &+= 1
      }
    }
    body(piece(start..<text.count))
  }
}

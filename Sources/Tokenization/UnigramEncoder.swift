/// The most likely sequence of tokens: of all ways to cut a word into tokens, the one whose scores sum highest.
///
/// - SeeAlso: Kudo 2018, "Subword Regularization", arXiv:1804.10959, section 3.2; `Unigram` of the `tokenizers`
///   library, version 0.23.
struct UnigramEncoder: Sendable {
  private let vocabulary: Vocabulary
  private let scores: [Double]
  /// All ids that have a text, in the order of their bytes.
  private let sorted: [Int32]
  /// The token of each single byte, or -1.
  private let byteTokens: [Int32]
  private let unknown: Int32?
  private let unknownScore: Double

  /// How far below the lowest score that of a character without a token is.
  private static let unknownPenalty = 10.0

  init(
    _ description: TokenizerDescription, _ vocabulary: Vocabulary, scores: [Double],
    byteTokens: [Int32]
  ) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.byteTokens = description.fallsBackToBytes ? byteTokens : byteTokens.map { _ in -1 }
    unknown = description.unknownByteToken
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    let table = vocabulary.table
    sorted = (0..<Int32(truncatingIfNeeded: vocabulary.count))
      // Where two tokens have one text, it is the later's.
      .filter { vocabulary.id(ofBytes: Array(table.bytes(of: Int($0)))) == $0 }
      .sorted { table.bytes(of: Int($0)).lexicographicallyPrecedes(table.bytes(of: Int($1))) }
  }

  /// The best way to the end of a part of the word.
  private struct Path {
    var score: Double
    /// Where the last token of it begins, or -1 where there is no way.
    var start: Int
    /// Whether the last is a character without a token.
    var isUnknown: Bool
  }

  /// Gives `sink` the tokens of `word`.
  ///
  /// - Parameter symbols: Room that is used again from word to word.
  func encode(
    _ word: PreTokenizer.Word, into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) {
    let text = word.bytes
    var paths = [Path](
      repeating: Path(score: 0, start: -1, isUnknown: false), count: text.count + 1)
    var start = 0
    while start < text.count {
      let end = UTF8Text.scalar(at: start, in: text).end
      var hasSingle = false
      let score = paths[start].score
      func offer(_ candidate: Double, to end: Int, isUnknown: Bool) {
        guard paths[end].start < 0 || candidate > paths[end].score else { return }
        paths[end] = Path(score: candidate, start: start, isUnknown: isUnknown)
      }
      forEachToken(at: start, in: text) { id, length in
        offer(score + scores[Int(id)], to: start + length, isUnknown: id == unknown)
        if length == end - start { hasSingle = true }
      }
      if !hasSingle { offer(score + unknownScore, to: end, isUnknown: true) }
      start = end
    }

    symbols.removeAll(keepingCapacity: true)
    var pieces: [(range: Range<Int>, isUnknown: Bool)] = []
    var end = text.count
    while end > 0 {
      let path = paths[end]
      if path.isUnknown, let last = pieces.last, last.isUnknown {
        pieces[pieces.count - 1].range = path.start..<last.range.upperBound
      } else {
        pieces.append((path.start..<end, path.isUnknown))
      }
      end = path.start
    }
    var gap = 0
    for (range, _) in pieces.reversed() {
      let piece = UnsafeBufferPointer(rebasing: text[range])
      if let id = vocabulary.id(ofBytes: piece) {
        symbols.append(Symbol(id: id, length: range.count, gap: gap))
      } else if piece.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
        for byte in piece {
          symbols.append(Symbol(id: byteTokens[Int(byte)], length: 1, gap: gap))
          gap = 0
        }
      } else if let unknown {
        symbols.append(Symbol(id: unknown, length: range.count, gap: gap))
      } else {
        gap += range.count
        continue
      }
      gap = 0
    }
    sink.append(symbols, of: word)
  }

  /// Calls `body` with each token that the text has at `start`, and its length in bytes, shortest first.
  ///
  /// The tokens that begin as the text does stand side by side; each byte leaves fewer of them.
  private func forEachToken(
    at start: Int, in text: UnsafeBufferPointer<UInt8>, _ body: (Int32, Int) -> Void
  ) {
    vocabulary.table.storage.withUnsafeBufferPointer { storage in
      vocabulary.table.starts.withUnsafeBufferPointer { starts in
        sorted.withUnsafeBufferPointer { sorted in
          /// The first place from `low` on whose token has at `depth` a byte of at least `byte`.
          func firstPlace(_ low: Int, _ high: Int, _ depth: Int, atLeast byte: Int) -> Int {
            var (low, high) = (low, high)
            while low < high {
              let middle = (low &+ high) / 2
              let id = Int(sorted[middle])
              let place = starts[id] &+ depth
              // A token that ends here comes before all longer ones.
              let found = place < starts[id &+ 1] ? Int(storage[place]) : -1
              if found < byte { low = middle &+ 1 } else { high = middle }
            }
            return low
          }
          var (low, high) = (0, sorted.count)
          var depth = 0
          while start &+ depth < text.count {
            let byte = Int(text[start &+ depth])
            low = firstPlace(low, high, depth, atLeast: byte)
            high = firstPlace(low, high, depth, atLeast: byte &+ 1)
            guard low < high else { return }
            depth &+= 1
            let id = sorted[low]
            if starts[Int(id) &+ 1] &- starts[Int(id)] == depth { body(id, depth) }
          }
        }
      }
    }
  }
}

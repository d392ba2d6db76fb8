/// Byte-pair encoding by scores, as SentencePiece has it.
///
/// A word begins as its characters, with a token or without; neighbours whose joined text is a token are joined,
/// the highest score first and of one score the leftmost. What is then no token is its bytes.
///
/// - SeeAlso: Kudo and Richardson 2018, "SentencePiece", arXiv:1808.06226; `bpe_model.cc` of the released
///   code.
struct ScoredPairEncoder: Sendable {
  private let vocabulary: Vocabulary
  /// For each id how many scores are higher, or `.max` where text is never joined to it.
  private let ranks: [Int32]
  /// The token of each single byte, or -1.
  private let byteTokens: [Int32]
  private let unknown: Int32?

  /// - Parameter isExcluded: For each id whether it is a sign and not text.
  init(
    _ description: TokenizerDescription, _ vocabulary: Vocabulary, scores: [Float],
    byteTokens: [Int32], isExcluded: [Bool]
  ) {
    self.vocabulary = vocabulary
    self.byteTokens = description.fallsBackToBytes ? byteTokens : byteTokens.map { _ in -1 }
    unknown = description.unknownByteToken
    var ranks = Self.ranks(of: scores)
    for id in ranks.indices where isExcluded[id] { ranks[id] = .max }
    for token in byteTokens where token >= 0 { ranks[Int(token)] = .max }
    self.ranks = ranks
  }

  private static func ranks(of scores: [Float]) -> [Int32] {
    // Most vocabularies stand in the order of their scores but for a few tokens at both ends.
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var ranks = [Int32](repeating: 0, count: scores.count)
    var rank: Int32 = 0
    for (place, id) in order.enumerated() {
      if place > 0, scores[id] < scores[order[place - 1]] { rank += 1 }
      ranks[id] = rank
    }
    return ranks
  }

  /// Gives `sink` the tokens of `word`.
  ///
  /// - Parameter symbols: Room that is used again from word to word.
  func encode(
    _ word: PreTokenizer.Word, into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) {
    symbols.removeAll(keepingCapacity: true)
    let pairs = Pairs(vocabulary: vocabulary, ranks: ranks, word: word.bytes)
    var index = 0
    while index < word.bytes.count {
      let end = UTF8Text.scalar(at: index, in: word.bytes).end
      symbols.append(
        Symbol(id: pairs.token(index..<end) ?? -1, length: end &- index, start: index))
      index = end
    }
    BytePairMerger(table: pairs).merge(&symbols)
    if symbols.contains(where: { $0.id < 0 }) { symbols = fallingBack(symbols, word.bytes) }
    sink.append(symbols, of: word)
  }

  /// The symbols with those that are no token replaced: by the tokens of their bytes, or neighbours together by
  /// the unknown token.
  private func fallingBack(
    _ symbols: [Symbol], _ word: UnsafeBufferPointer<UInt8>
  ) -> [Symbol] {
    var result: [Symbol] = []
    var gap = 0
    var isAfterUnknown = false
    for var symbol in symbols {
      let bytes = word[symbol.start..<(symbol.start + symbol.length)]
      if symbol.id >= 0 {
        symbol.gap = gap
        result.append(symbol)
      } else if bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
        for byte in bytes {
          result.append(Symbol(id: byteTokens[Int(byte)], length: 1, gap: gap))
          gap = 0
        }
      } else if let unknown {
        if isAfterUnknown {
          result[result.count - 1].length += symbol.length
        } else {
          result.append(Symbol(id: unknown, length: symbol.length))
        }
        isAfterUnknown = true
        continue
      } else {
        gap += symbol.length
        continue
      }
      gap = 0
      isAfterUnknown = false
    }
    return result
  }

  /// The pairs of one word.
  private struct Pairs: PairRanking, @unchecked Sendable {
    // `@unchecked`: the word is read only, and only while its encoding lasts.
    let vocabulary: Vocabulary
    let ranks: [Int32]
    let word: UnsafeBufferPointer<UInt8>

    /// The token that the text in `range` is.
    @inline(__always)
    func token(_ range: Range<Int>) -> Int32? {
      guard let id = vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: word[range])),
        ranks[Int(id)] != .max
      else { return nil }
      return id
    }

    @inline(__always)
    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
      guard let id = token(left.start..<(right.start &+ right.length)) else { return .none }
      return Merge(rank: ranks[Int(id)], result: id)
    }
  }
}

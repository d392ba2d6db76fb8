/// Byte-pair encoding by merge rules: of bytes, or where tokens are text, of characters.
struct BytePairEncoder: Sendable {
  private let vocabulary: Vocabulary
  private let merger: BytePairMerger<MergeTable>
  /// The token of each single byte, or -1.
  private let byteTokens: [Int32]
  private let unknown: Int32?
  private let fusesUnknown: Bool
  private let fallsBackToBytes: Bool
  private let ignoresMergesForWholeTokens: Bool
  /// For each id whether the rules make it of its bytes; empty where words are not looked up.
  private let isReachable: [Bool]

  init(_ description: TokenizerDescription, _ vocabulary: Vocabulary, byteTokens: [Int32]) {
    self.vocabulary = vocabulary
    self.byteTokens = byteTokens
    merger = BytePairMerger(table: MergeTable(description.merges))
    unknown = description.unknownByteToken
    fusesUnknown = description.fusesUnknownBytes
    fallsBackToBytes = description.fallsBackToBytes
    ignoresMergesForWholeTokens = description.ignoresMergesForWholeTokens
    let looksUp = vocabulary.alphabet == .byteLevel && !description.ignoresMergesForWholeTokens
    isReachable =
      looksUp ? Self.reachable(in: vocabulary, merger: merger, byteTokens: byteTokens) : []
  }

  private static func reachable(
    in vocabulary: Vocabulary, merger: BytePairMerger<MergeTable>, byteTokens: [Int32]
  ) -> [Bool] {
    var isReachable = [Bool](repeating: false, count: vocabulary.count)
    var symbols: [Symbol] = []
    for id in 0..<vocabulary.count {
      symbols.removeAll(keepingCapacity: true)
      let bytes = vocabulary.table.bytes(of: id)
      for byte in bytes {
        let token = byteTokens[Int(byte)]
        if token < 0 { break }
        symbols.append(Symbol(id: token, length: 1))
      }
      guard symbols.count == bytes.count else { continue }
      merger.merge(&symbols)
      isReachable[id] = symbols.count == 1 && symbols[0].id == Int32(truncatingIfNeeded: id)
    }
    return isReachable
  }

  /// Gives `sink` the tokens of `word`.
  ///
  /// - Parameter symbols: Room that is used again from word to word.
  @inline(__always)
  func encode(
    _ word: PreTokenizer.Word, into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) {
    if ignoresMergesForWholeTokens || !isReachable.isEmpty,
      let id = vocabulary.id(ofBytes: word.bytes),
      ignoresMergesForWholeTokens || isReachable[Int(id)]
    {
      let end = word.offset &+ word.bytes.count
      return sink.append(id, max(word.offset, word.lowerBound)..<end)
    }

    symbols.removeAll(keepingCapacity: true)
    switch vocabulary.alphabet {
    case .byteLevel: appendBytes(of: word.bytes, to: &symbols)
    case .spaceMarked: appendCharacters(of: word.bytes, to: &symbols)
    }
    merger.merge(&symbols)
    sink.append(symbols, of: word)
  }

  @inline(__always)
  private func appendBytes(
    of word: UnsafeBufferPointer<UInt8>, to symbols: inout [Symbol]
  ) {
    var gap = 0
    var isAfterUnknown = false
    for byte in word {
      let token = byteTokens[Int(byte)]
      if token >= 0 {
        symbols.append(Symbol(id: token, length: 1, gap: gap))
        gap = 0
        isAfterUnknown = false
      } else {
        appendUnknown(1, &gap, &isAfterUnknown, to: &symbols)
      }
    }
  }

  private func appendCharacters(
    of word: UnsafeBufferPointer<UInt8>, to symbols: inout [Symbol]
  ) {
    var gap = 0
    var isAfterUnknown = false
    var index = 0
    while index < word.count {
      let end = UTF8Text.scalar(at: index, in: word).end
      let character = UnsafeBufferPointer(rebasing: word[index..<end])
      index = end
      if let token = vocabulary.id(ofBytes: character) {
        symbols.append(Symbol(id: token, length: character.count, gap: gap))
        gap = 0
        isAfterUnknown = false
      } else if fallsBackToBytes, character.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
        for byte in character {
          symbols.append(Symbol(id: byteTokens[Int(byte)], length: 1, gap: gap))
          gap = 0
        }
        isAfterUnknown = false
      } else {
        appendUnknown(character.count, &gap, &isAfterUnknown, to: &symbols)
      }
    }
  }

  private func appendUnknown(
    _ length: Int, _ gap: inout Int, _ isAfterUnknown: inout Bool, to symbols: inout [Symbol]
  ) {
    guard let unknown else { return gap &+= length }
    if isAfterUnknown, fusesUnknown {
      symbols[symbols.count &- 1].length &+= length
    } else {
      symbols.append(Symbol(id: unknown, length: length))
    }
    isAfterUnknown = true
  }
}

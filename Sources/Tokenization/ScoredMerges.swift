extension TokenizerDescription {
  /// The merge rules, or where the model has scores, those that come to the same.
  ///
  /// Every way to cut a token into two tokens is a rule; the highest score comes first, then the longest left
  /// part, as Transformers makes the `tokenizer.json` of a SentencePiece model. Where a token can be joined of two
  /// pairs, SentencePiece takes the leftmost and merge rules the first; that is the only difference.
  ///
  /// - Parameter vocabulary: The tokens by their text.
  /// - SeeAlso: Transformers, `generate_merges` in `tokenization_utils_sentencepiece.py`.
  func mergeRules(_ vocabulary: Vocabulary) -> [MergeRule] {
    guard case .scoredPairs(let scores) = model else { return merges }
    var isExcluded = [Bool](repeating: false, count: tokens.count)
    for token in addedTokens where token.isSpecial && isExcluded.indices.contains(Int(token.id)) {
      isExcluded[Int(token.id)] = true
    }
    for (id, token) in tokens.enumerated() where TokenAlphabet.byte(ofToken: token) != nil {
      isExcluded[id] = true
    }
    struct Candidate {
      var rule: MergeRule
      var leftLength: Int
      var rightLength: Int
    }
    var candidates: [Candidate] = []
    // Every cut of a token costs its length; no vocabulary has tokens as long as this.
    let longest = AddedTokenMatcher.longestContent
    for (index, token) in tokens.enumerated() where !isExcluded[index] && token.count <= longest {
      let id = Int32(truncatingIfNeeded: index)
      // Where two tokens have one text, it is the later's.
      guard vocabulary.id(ofBytes: token) == id else { continue }
      candidates += token.withUnsafeBufferPointer { text in
        let characters = text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        var found: [Candidate] = []
        var middle = 0
        for length in 1..<max(characters, 1) {
          middle = UTF8Text.scalar(at: middle, in: text).end
          guard
            let left = vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: text[..<middle])),
            let right = vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: text[middle...])),
            !isExcluded[Int(left)], !isExcluded[Int(right)]
          else { continue }
          found.append(
            Candidate(
              rule: MergeRule(left: left, right: right, result: id), leftLength: length,
              rightLength: characters - length))
        }
        return found
      }
    }
    func key(_ place: Int) -> (Float, Int, Int) {
      let candidate = candidates[place]
      return (
        scores[Int(candidate.rule.result)], candidate.leftLength, candidate.rightLength
      )
    }
    let order = candidates.indices.sorted { first, second in
      let (a, b) = (key(first), key(second))
      return a == b ? first < second : a > b
    }
    return order.map { candidates[$0].rule }
  }
}

extension TokenizerDescription {
  /// A score for each id of ``tokens`` by which SentencePiece joins as the merge rules do: the first rule that
  /// makes a token has the highest.
  public var scores: [Float] {
    if case .scoredPairs(let scores) = model { return scores }
    var scores = [Float](repeating: -Float(merges.count), count: tokens.count)
    for (rank, rule) in merges.enumerated().reversed() {
      scores[Int(rule.result)] = -Float(rank)
    }
    return scores
  }

  /// Whether the model is a unigram one.
  public var isUnigram: Bool { if case .unigram = model { true } else { false } }

  /// Whether a space mark is put before each text, or `nil` if text is rewritten in another way than the GGUF
  /// tokenizer `llama` can.
  public var spacePrefix: Bool? {
    var steps = normalization
    if case .metaspace(let prefix, splits: false)? = preTokenization.first {
      return steps.isEmpty ? prefix != .never : nil
    }
    let mark = TokenAlphabet.spaceMark
    let isPrefixed = steps.first == .prepend(mark)
    if isPrefixed { steps.removeFirst() }
    let space = [UInt8(ascii: " ")]
    guard steps == [.replace(.literal(space), with: mark)] else { return nil }
    // Gemma's splits at spaces, of which none are left.
    let isSplit = preTokenization.contains {
      if case .split(.literal(space), _, isInverted: false) = $0 { return false }
      return true
    }
    return isSplit ? nil : isPrefixed
  }

  /// The tokens that stand for single bytes where tokens are text.
  public var byteTokens: [UInt8: Int32] {
    var found: [UInt8: Int32] = [:]
    for (id, token) in tokens.enumerated() {
      guard let byte = TokenAlphabet.byte(ofToken: token) else { continue }
      found[byte] = Int32(truncatingIfNeeded: id)
    }
    return found
  }
}

import Serialization

extension TokenizerDescription {
  /// The number of ids, once every id in the description is known to lie within it.
  ///
  /// - Throws: ``TokenizerError/idOutOfRange(component:id:vocabularySize:)`` and
  ///   ``TokenizerError/malformed(component:expected:found:)``.
  func validatedVocabularySize() throws(TokenizerError) -> Int {
    guard merges.count <= Self.maximumMerges else {
      throw .malformed(
        component: "list of merges", expected: "at most \(Self.maximumMerges) rules",
        found: "a list of \(merges.count)")
    }
    for (index, rule) in merges.enumerated() {
      for id in [rule.left, rule.right, rule.result] where !tokens.indices.contains(Int(id)) {
        throw .idOutOfRange(
          component: "merge \(index + 1)", id: Int(id), vocabularySize: tokens.count)
      }
    }

    let scores: [Double]? =
      switch model {
      case .mergeRules: nil
      case .scoredPairs(let scores): scores.map(Double.init)
      case .unigram(let scores): scores
      }
    if let scores {
      // Scores are added up; a sum must remain a number.
      let isBounded = scores.allSatisfy { abs($0) <= 1e30 }
      guard scores.count == tokens.count, isBounded else {
        throw .malformed(
          component: "list of scores", expected: "\(tokens.count) numbers up to 1e30",
          found: isBounded ? "a list of \(scores.count)" : "of larger ones or of none")
      }
    }

    // All tokens that a text may begin with are looked at, at each of its characters.
    if isUnigram, let long = tokens.firstIndex(where: { $0.count > Self.longestUnigramToken }) {
      throw .malformed(
        component: "token \(long) of the vocabulary",
        expected: "at most \(Self.longestUnigramToken) bytes long",
        found: "\(tokens[long].count) bytes long")
    }

    var size = tokens.count
    for token in addedTokens {
      let content = String(decoding: token.content, as: UTF8.self)
      guard token.id >= 0, token.id < Self.maximumTokens else {
        throw .idOutOfRange(
          component: "added token \"\(content)\"", id: Int(token.id), vocabularySize: size)
      }
      guard UTF8Validation.firstInvalidOffset(in: token.content) == nil,
        token.content.count <= AddedTokenMatcher.longestContent
      else {
        throw .malformed(
          component: "added token \(token.id)",
          expected: "UTF-8 of at most \(AddedTokenMatcher.longestContent) bytes",
          found: "\(token.content.count) bytes of something else")
      }
      size = max(size, Int(token.id) + 1)
    }

    let roles: [(String, Int32?)] = [
      ("beginning-of-sequence token", specialTokens.beginningOfSequence),
      ("end-of-sequence token", specialTokens.endOfSequence),
      ("unknown token", specialTokens.unknown), ("padding token", specialTokens.padding),
      ("unk_token", unknownByteToken),
    ]
    let around = (prefix + suffix).map { ("special token around a text", Optional($0)) }
    for case (let component, let id?) in roles + around where id < 0 || id >= size {
      throw .idOutOfRange(component: component, id: Int(id), vocabularySize: size)
    }
    return size
  }
}

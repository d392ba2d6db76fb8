extension TokenizerDescription {
  /// The kinds of token in `tokenizer.ggml.token_type`.
  private enum TokenType: Int32 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// Makes the description of a tokenizer stored in the metadata of a GGUF file.
  ///
  /// Control tokens become special added tokens and user-defined ones ordinary added tokens. The tokens that
  /// begin and end a sequence count as control tokens whatever their type says, as in llama.cpp.
  ///
  /// - Parameters:
  ///   - ggufModel: `tokenizer.ggml.model`; `gpt2` means byte-level BPE, `llama` SentencePiece's.
  ///   - pre: `tokenizer.ggml.pre`, the way byte-level BPE splits words; see ``PreTokenizerName``.
  ///   - tokens: `tokenizer.ggml.tokens`, the bytes of each string.
  ///   - tokenTypes: `tokenizer.ggml.token_type`; if it is empty all tokens are normal.
  ///   - merges: `tokenizer.ggml.merges`, the bytes of each string: two tokens separated by a space.
  ///   - scores: `tokenizer.ggml.scores`; only SentencePiece's kinds have them.
  ///   - specialTokens: `tokenizer.ggml.bos_token_id` and its siblings.
  ///   - addsSpacePrefix: `tokenizer.ggml.add_space_prefix`; `nil` means that it is not there, and on where tokens
  ///     are text.
  ///   - addsBeginningOfSequence: `tokenizer.ggml.add_bos_token`; `nil` means that it is not there, and on where
  ///     llama.cpp has it on.
  ///   - addsEndOfSequence: `tokenizer.ggml.add_eos_token`.
  /// - Throws: ``TokenizerError`` for another kind of tokenizer, a list of the wrong length, or a merge rule or
  ///   id outside the vocabulary.
  /// - SeeAlso: ggml, `docs/gguf.md`, "Tokenizer"; `llama-vocab.cpp` of llama.cpp.
  public init(
    ggufModel: String, pre: String?, tokens: [[UInt8]], tokenTypes: [Int32], merges: [[UInt8]],
    scores: [Float] = [], specialTokens: SpecialTokens = SpecialTokens(),
    addsSpacePrefix: Bool? = nil, addsBeginningOfSequence: Bool? = nil,
    addsEndOfSequence: Bool = false
  ) throws(TokenizerError) {
    guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
      throw .malformed(
        component: "tokenizer.ggml.token_type", expected: "a list of \(tokens.count)",
        found: "a list of \(tokenTypes.count)")
    }
    guard merges.count <= Self.maximumMerges else {
      throw .malformed(
        component: "tokenizer.ggml.merges", expected: "at most \(Self.maximumMerges) rules",
        found: "a list of \(merges.count)")
    }
    for id in specialTokens.all where id < 0 || id >= tokens.count {
      throw .idOutOfRange(
        component: "special token", id: Int(id), vocabularySize: tokens.count)
    }
    self.init(tokens: tokens, merges: [], specialTokens: specialTokens)
    var addsBeginning = addsBeginningOfSequence ?? false
    switch ggufModel {
    case "gpt2":
      let name = try PreTokenizerName(gguf: pre)
      preTokenization = name.steps
      normalization = name.normalization
      ignoresMergesForWholeTokens = name.ignoresMergesForWholeTokens
      addsBeginning = addsBeginningOfSequence ?? name.addsBeginningOfSequence
    case "llama":
      guard scores.count == tokens.count else {
        throw .malformed(
          component: "tokenizer.ggml.scores", expected: "a list of \(tokens.count)",
          found: "a list of \(scores.count)")
      }
      alphabet = .spaceMarked
      model = .scoredPairs(scores)
      preTokenization = []
      fallsBackToBytes = true
      unknownByteToken = specialTokens.unknown
      fusesUnknownBytes = true
      setSpacePrefix(addsSpacePrefix ?? true)
      addsBeginning = addsBeginningOfSequence ?? true
    default:
      throw .unsupported(
        component: "tokenizer.ggml.model", found: "\"\(ggufModel)\"",
        remedy: "use a model with a byte-pair encoding (\"gpt2\" or \"llama\")")
    }

    let vocabulary = try Vocabulary(tokens: tokens, alphabet: alphabet)
    if ggufModel == "gpt2" {
      self.merges.reserveCapacity(merges.count)
      var scratch: [UInt8] = []
      for (index, line) in merges.enumerated() {
        self.merges.append(
          try vocabulary.rule(number: index + 1, line: line, scratch: &scratch))
      }
    }
    try addTokens(tokenTypes, vocabulary)
    if addsBeginning, let begin = specialTokens.beginningOfSequence { prefix = [begin] }
    if addsEndOfSequence, let end = specialTokens.endOfSequence { suffix = [end] }
  }

  /// Writes spaces as marks, with one before a text or without.
  mutating func setSpacePrefix(_ isThere: Bool) {
    let mark = TokenAlphabet.spaceMark
    normalization = [.replace(.literal([UInt8(ascii: " ")]), with: mark)]
    if isThere { normalization.insert(.prepend(mark), at: 0) }
    stripsLeadingSpace = isThere
  }

  /// Adds the tokens that are found in the text as they stand.
  private mutating func addTokens(
    _ types: [Int32], _ vocabulary: Vocabulary
  ) throws(TokenizerError) {
    let (begin, end) = (specialTokens.beginningOfSequence, specialTokens.endOfSequence)
    for (index, text) in tokens.enumerated() {
      let id = Int32(truncatingIfNeeded: index)
      var type = TokenType.normal
      if !types.isEmpty {
        guard let known = TokenType(rawValue: types[index]) else {
          throw .malformed(
            component: "tokenizer.ggml.token_type", expected: "a list of types from 1 to 6",
            found: "\(types[index]) for token \(index)")
        }
        type = known
      }
      let isSpecial = type == .control || type == .unknown || id == begin || id == end
      // Of two tokens with one text only the later can be found.
      guard isSpecial || type == .userDefined, vocabulary.id(ofText: text) == id else { continue }
      addedTokens.append(AddedToken(id: id, content: text, isSpecial: isSpecial))
    }
  }
}

extension SpecialTokens {
  /// The ids there are.
  var all: [Int32] {
    [beginningOfSequence, endOfSequence, unknown, padding].compactMap(\.self)
  }
}

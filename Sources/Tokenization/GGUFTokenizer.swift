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
  ///   - ggufModel: `tokenizer.ggml.model`; `gpt2` means byte-level BPE.
  ///   - pre: `tokenizer.ggml.pre`; `smollm` and `gpt-2` are known.
  ///   - tokens: `tokenizer.ggml.tokens`, the bytes of each string.
  ///   - tokenTypes: `tokenizer.ggml.token_type`; if it is empty all tokens are normal.
  ///   - merges: `tokenizer.ggml.merges`, the bytes of each string: two tokens separated by a space.
  ///   - specialTokens: `tokenizer.ggml.bos_token_id` and its siblings.
  ///   - addsBeginningOfSequence: `tokenizer.ggml.add_bos_token`.
  ///   - addsEndOfSequence: `tokenizer.ggml.add_eos_token`.
  /// - Throws: ``TokenizerError`` for another kind of tokenizer, a list of the wrong length, or a merge rule or
  ///   id outside the vocabulary.
  /// - SeeAlso: ggml, `docs/gguf.md`, "Tokenizer".
  public init(
    ggufModel: String, pre: String?, tokens: [[UInt8]], tokenTypes: [Int32], merges: [[UInt8]],
    specialTokens: SpecialTokens = SpecialTokens(), addsBeginningOfSequence: Bool = false,
    addsEndOfSequence: Bool = false
  ) throws(TokenizerError) {
    guard ggufModel == "gpt2" else {
      throw .unsupported(
        component: "tokenizer.ggml.model", found: "\"\(ggufModel)\"",
        remedy: "use a model with a byte-level BPE tokenizer (\"gpt2\")")
    }
    let steps = try Self.preTokenization(pre: pre)
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

    let vocabulary = try Vocabulary(tokens: tokens)
    var rules: [MergeRule] = []
    rules.reserveCapacity(merges.count)
    var scratch: [UInt8] = []
    for (index, line) in merges.enumerated() {
      rules.append(try vocabulary.rule(number: index + 1, line: line, scratch: &scratch))
    }

    let (begin, end) = (specialTokens.beginningOfSequence, specialTokens.endOfSequence)
    var addedTokens: [AddedToken] = []
    for (index, text) in tokens.enumerated() {
      let id = Int32(truncatingIfNeeded: index)
      var type = TokenType.normal
      if !tokenTypes.isEmpty {
        guard let known = TokenType(rawValue: tokenTypes[index]) else {
          throw .malformed(
            component: "tokenizer.ggml.token_type", expected: "a list of types from 1 to 6",
            found: "\(tokenTypes[index]) for token \(index)")
        }
        type = known
      }
      let isSpecial = type == .control || type == .unknown || id == begin || id == end
      // Of two tokens with one text only the later can be found.
      guard isSpecial || type == .userDefined, vocabulary.id(ofText: text) == id else { continue }
      addedTokens.append(AddedToken(id: id, content: text, isSpecial: isSpecial))
    }

    self.init(
      tokens: tokens, merges: rules, addedTokens: addedTokens, preTokenization: steps,
      specialTokens: specialTokens)
    if addsBeginningOfSequence, let begin { prefix = [begin] }
    if addsEndOfSequence, let end { suffix = [end] }
  }

  private static func preTokenization(
    pre: String?
  ) throws(TokenizerError) -> [PreTokenizationStep] {
    switch pre {
    case "smollm": return [.digits(individual: true), .byteLevel()]
    case "gpt-2": return [.byteLevel()]
    default:
      throw .unsupported(
        component: "tokenizer.ggml.pre", found: pre.map { "\"\($0)\"" } ?? "missing",
        remedy: "use a model with \"smollm\" or \"gpt-2\", or a Hugging Face folder")
    }
  }
}

extension SpecialTokens {
  /// The ids there are.
  var all: [Int32] {
    [beginningOfSequence, endOfSequence, unknown, padding].compactMap(\.self)
  }
}

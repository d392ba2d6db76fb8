import Serialization
import Tokenization

/// The tokenizer in the metadata of a GGUF file: read from them and written to them.
enum GGUFVocabulary {
  /// The tokenizer a file describes.
  static func description(in gguf: GGUFFile) throws -> TokenizerDescription {
    func value(_ name: String) -> GGUFValue? { gguf.value("tokenizer.ggml.\(name)") }
    func id(_ name: String) -> Int32? {
      value("\(name)_token_id")?.intValue.flatMap { Int32(exactly: $0) }
    }
    func damaged(_ name: String, _ expected: String) -> ModelFileError {
      .malformed(
        path: gguf.file.path, place: "metadata tokenizer.ggml.\(name)",
        problem: "is not \(expected)")
    }
    guard let model = value("model")?.stringValue else {
      throw ModelFileError.unsupported(
        path: gguf.file.path, problem: "has no tokenizer",
        remedy: "convert the model again together with its tokenizer")
    }
    guard let tokens = value("tokens")?.arrayValue?.strings else {
      throw damaged("tokens", "a list of strings")
    }
    var merges: [[UInt8]] = []
    if let list = value("merges") {
      guard let strings = list.arrayValue?.strings else {
        throw damaged("merges", "a list of strings")
      }
      merges = strings
    }
    var types: [Int32] = []
    if let list = value("token_type") {
      guard let integers = list.arrayValue?.integers else {
        throw damaged("token_type", "a list of whole numbers")
      }
      types = integers.map { Int32(clamping: $0) }
    }
    var scores: [Float] = []
    if let list = value("scores") {
      guard let floats = list.arrayValue?.floats else {
        throw damaged("scores", "a list of numbers")
      }
      scores = floats
    }
    return try TokenizerDescription(
      ggufModel: model, pre: value("pre")?.stringValue, tokens: tokens, tokenTypes: types,
      merges: merges, scores: scores,
      specialTokens: SpecialTokens(
        beginningOfSequence: id("bos"), endOfSequence: id("eos"), unknown: id("unknown"),
        padding: id("padding")),
      addsSpacePrefix: value("add_space_prefix")?.boolValue,
      addsBeginningOfSequence: value("add_bos_token")?.boolValue,
      addsEndOfSequence: value("add_eos_token")?.boolValue ?? false)
  }

  /// The metadata that describe `tokenizer`, in the order llama.cpp's converter writes them.
  ///
  /// - Parameter embeddingRows: how many tokens the embedding matrix has; those the tokenizer lacks
  ///   are written as unused.
  static func entries(
    of tokenizer: TokenizerDescription, embeddingRows: Int, path: String
  ) throws(ModelFileError) -> [(key: String, value: GGUFValue)] {
    let (tokens, types) = try tokenList(of: tokenizer, embeddingRows: embeddingRows, path: path)
    var entries: [(key: String, value: GGUFValue)]
    let addsSpace: Bool
    switch tokenizer.alphabet {
    case .byteLevel:
      guard let pre = PreTokenizerName(tokenizer) else {
        throw .unsupported(
          path: path, problem: "splits words in a way Lorikeet knows no GGUF name for",
          remedy: "write a Hugging Face folder and convert it with llama.cpp")
      }
      let merges = tokenizer.merges.map { rule in
        tokens[Int(rule.left)] + [UInt8(ascii: " ")] + tokens[Int(rule.right)]
      }
      entries = [
        ("tokenizer.ggml.model", .string("gpt2")),
        ("tokenizer.ggml.pre", .string(pre.rawValue)),
        ("tokenizer.ggml.tokens", .array(GGUFArray(tokens))),
        ("tokenizer.ggml.token_type", .array(GGUFArray(types.map(\.rawValue)))),
        ("tokenizer.ggml.merges", .array(GGUFArray(merges))),
      ]
      addsSpace = false
    case .spaceMarked:
      guard let prefix = tokenizer.spacePrefix, tokenizer.fallsBackToBytes,
        !tokenizer.isUnigram
      else {
        throw .unsupported(
          path: path, problem: "has a tokenizer that llama.cpp's \"llama\" does not do",
          remedy: "write a Hugging Face folder instead of a .gguf file")
      }
      let scores = tokenizer.scores
      entries = [
        ("tokenizer.ggml.model", .string("llama")),
        ("tokenizer.ggml.pre", .string("default")),
        ("tokenizer.ggml.tokens", .array(GGUFArray(tokens))),
        (
          "tokenizer.ggml.scores",
          .array(
            GGUFArray(
              scores + [Float](repeating: -1000, count: max(0, tokens.count - scores.count))))
        ),
        ("tokenizer.ggml.token_type", .array(GGUFArray(types.map(\.rawValue)))),
      ]
      addsSpace = prefix
    }
    let roles = tokenizer.specialTokens
    for (name, id) in [
      ("bos", roles.beginningOfSequence), ("eos", roles.endOfSequence),
      ("unknown", roles.unknown), ("padding", roles.padding),
    ] {
      guard let id else { continue }
      entries.append(("tokenizer.ggml.\(name)_token_id", .uint32(UInt32(id))))
    }
    let addsBeginning = roles.beginningOfSequence.map { tokenizer.prefix == [$0] } ?? false
    let addsEnd = roles.endOfSequence.map { tokenizer.suffix == [$0] } ?? false
    entries.append(("tokenizer.ggml.add_bos_token", .bool(addsBeginning)))
    entries.append(("tokenizer.ggml.add_eos_token", .bool(addsEnd)))
    entries.append(("tokenizer.ggml.add_space_prefix", .bool(addsSpace)))
    return entries
  }

  /// What `tokenizer.ggml.token_type` says of a token.
  private enum TokenType: Int32 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// Every token's text and kind; as many as the embedding has rows.
  private static func tokenList(
    of tokenizer: TokenizerDescription, embeddingRows: Int, path: String
  ) throws(ModelFileError) -> ([[UInt8]], [TokenType]) {
    let highest = tokenizer.addedTokens.map { Int($0.id) }.max() ?? -1
    guard max(tokenizer.tokens.count, highest + 1) <= embeddingRows else {
      throw .malformed(
        path: path, place: "the tokenizer",
        problem: "has \(max(tokenizer.tokens.count, highest + 1)) tokens, "
          + "but the embedding has \(embeddingRows) rows")
    }
    var tokens = tokenizer.tokens
    tokens += [[UInt8]](repeating: [], count: embeddingRows - tokens.count)
    var types = [TokenType](repeating: .normal, count: embeddingRows)
    for token in tokenizer.addedTokens {
      tokens[Int(token.id)] = token.content
      types[Int(token.id)] = token.isSpecial ? .control : .userDefined
    }
    if tokenizer.alphabet == .spaceMarked {
      for id in tokenizer.byteTokens.values { types[Int(id)] = .byte }
      if let unknown = tokenizer.unknownByteToken { types[Int(unknown)] = .unknown }
    }
    for id in tokens.indices where tokens[id].isEmpty {
      tokens[id] = Array("[PAD\(id)]".utf8)
      types[id] = .unused
    }
    return (tokens, types)
  }
}

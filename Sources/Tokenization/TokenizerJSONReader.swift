public import Serialization

extension Tokenizer {
  /// Makes the tokenizer that a `tokenizer.json` describes.
  ///
  /// - Parameters:
  ///   - tokenizerJSON: The file's content.
  ///   - tokenizerConfig: The content of `tokenizer_config.json` beside it, which names the tokens with a
  ///     role. Without it there are none.
  /// - Throws: ``TokenizerError`` for a component that is not supported or not well-formed.
  /// - SeeAlso: The `tokenizers` library, version 0.23.
  public convenience init(
    tokenizerJSON: JSONValue, tokenizerConfig: JSONValue?
  ) throws(TokenizerError) {
    let description = try TokenizerDescription(
      tokenizerJSON: tokenizerJSON, tokenizerConfig: tokenizerConfig)
    try self.init(description)
  }
}

extension TokenizerDescription {
  /// Reads the description that a `tokenizer.json` and the `tokenizer_config.json` beside it hold.
  ///
  /// - Throws: ``TokenizerError`` for a component that is not supported or not well-formed.
  public init(
    tokenizerJSON: JSONValue, tokenizerConfig: JSONValue?
  ) throws(TokenizerError) {
    let root = JSONComponent("tokenizer.json", tokenizerJSON)
    let model = try root.required("model")
    let decoder = try root.required("decoder")
    let isUnigram = model.type == "Unigram"
    let isByteLevel = try decoder.isByteLevelDecoder() && !isUnigram
    let alphabet: TokenAlphabet = isByteLevel ? .byteLevel : .spaceMarked
    let preTokenizer =
      alphabet == .byteLevel
      ? try root.required("pre_tokenizer") : root.optional("pre_tokenizer")
    var scores: [Double] = []
    var tokens: [[UInt8]] = []
    var merges: [MergeRule] = []
    if isUnigram {
      (tokens, scores) = try Self.scoredTokens(model.required("vocab"))
    } else {
      tokens = try Self.tokens(model.required("vocab"))
    }
    let vocabulary = try Vocabulary(tokens: tokens, alphabet: alphabet)
    if !isUnigram { merges = try Self.merges(model.required("merges"), vocabulary) }
    self.init(
      tokens: tokens, merges: merges,
      addedTokens: try Self.addedTokens(root.optional("added_tokens"), vocabulary),
      preTokenization: try preTokenizer?.preTokenization() ?? [])
    if isUnigram { self.model = .unigram(scores) }
    self.alphabet = alphabet
    normalization = try root.optional("normalizer")?.normalization() ?? []
    if alphabet == .spaceMarked { stripsLeadingSpace = try decoder.decoderStripsLeadingSpace() }
    try readOptions(of: model, vocabulary)

    for step in try root.optional("post_processor")?.steps("processors") ?? [] {
      try readPostProcessor(step)
    }
    if let tokenizerConfig {
      try readConfig(JSONComponent("tokenizer_config.json", tokenizerConfig), vocabulary)
    }
  }

  private static func tokens(_ component: JSONComponent) throws(TokenizerError) -> [[UInt8]] {
    let members = try component.object()
    // A vocabulary has few holes; a huge id must not make a huge table.
    let bound = min(maximumTokens, members.count * 2 + 0x1_0000)
    var tokens: [[UInt8]] = []
    var isTaken: [Bool] = []
    for (text, value) in members {
      guard let id = value.intValue, id >= 0, id < bound else {
        throw .malformed(
          component: "\(component.path) entry \"\(text)\"",
          expected: "an id from 0 to \(bound - 1)", found: value.serialized())
      }
      while tokens.count <= id {
        tokens.append([])
        isTaken.append(false)
      }
      guard !isTaken[id] else {
        throw .malformed(
          component: "\(component.path) entry \"\(text)\"", expected: "an id of its own",
          found: "\(id), which another token has")
      }
      tokens[id] = Array(text.utf8)
      isTaken[id] = true
    }
    return tokens
  }

  /// The vocabulary of a unigram model: a list of tokens with their scores.
  private static func scoredTokens(
    _ component: JSONComponent
  ) throws(TokenizerError) -> (tokens: [[UInt8]], scores: [Double]) {
    var tokens: [[UInt8]] = []
    var scores: [Double] = []
    for (index, value) in try component.array().enumerated() {
      guard let pair = value.arrayValue, pair.count == 2, let text = pair[0].stringValue,
        let score = pair[1].doubleValue
      else {
        throw .malformed(
          component: "\(component.path) entry \(index + 1)", expected: "a token and its score",
          found: value.kindDescription)
      }
      tokens.append(Array(text.utf8))
      scores.append(score)
    }
    return (tokens, scores)
  }

  private static func merges(
    _ component: JSONComponent, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> [MergeRule] {
    let list = try component.array()
    var rules: [MergeRule] = []
    rules.reserveCapacity(list.count)
    var scratch: [UInt8] = []
    for (index, value) in list.enumerated() {
      if let line = value.stringValue {
        rules.append(
          try vocabulary.rule(number: index + 1, line: Array(line.utf8), scratch: &scratch))
      } else if let pair = value.arrayValue, pair.count == 2, let left = pair[0].stringValue,
        let right = pair[1].stringValue
      {
        rules.append(
          try vocabulary.rule(
            number: index + 1, left: Array(left.utf8), right: Array(right.utf8), scratch: &scratch))
      } else {
        throw .malformed(
          component: "\(component.path) entry \(index + 1)", expected: "two tokens",
          found: value.kindDescription)
      }
    }
    return rules
  }

  private mutating func readOptions(
    of model: JSONComponent, _ vocabulary: Vocabulary
  ) throws(TokenizerError) {
    let remedy = "use a model with a byte-pair encoding or a unigram model"
    guard model.type == nil || model.type == "BPE" || model.type == "Unigram" else {
      throw model.unsupportedType(remedy: remedy)
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try model.optional(key)?.string(), !text.isEmpty {
        throw .unsupported(component: "\(model.path) \(key)", found: "\"\(text)\"", remedy: remedy)
      }
    }
    fallsBackToBytes = try model.flag("byte_fallback", default: false)
    if fallsBackToBytes, alphabet == .byteLevel {
      throw .unsupported(
        component: "\(model.path) byte_fallback", found: "on over a byte-level vocabulary",
        remedy: "use a model with either")
    }
    if let dropout = model.optional("dropout"), dropout.value.doubleValue != 0 {
      throw .unsupported(
        component: "\(model.path) dropout", found: dropout.value.serialized(),
        remedy: "set it to null, so that a text has one encoding")
    }
    if case .unigram = self.model {
      fusesUnknownBytes = true
      unknownByteToken = try model.optional("unk_id")?.id()
      return
    }
    ignoresMergesForWholeTokens = try model.flag("ignore_merges", default: false)
    fusesUnknownBytes = try model.flag("fuse_unk", default: false)
    if let unknown = try model.optional("unk_token")?.string() {
      guard let id = vocabulary.id(ofText: unknown.utf8) else {
        throw .malformed(
          component: "\(model.path) unk_token", expected: "a token of the vocabulary",
          found: "\"\(unknown)\"")
      }
      unknownByteToken = id
    }
  }

  private static func addedTokens(
    _ component: JSONComponent?, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for (index, value) in try (component?.array() ?? []).enumerated() {
      let entry = JSONComponent("tokenizer.json added_tokens entry \(index + 1)", value)
      let token = try AddedToken(id: entry.required("id").id(), entry)
      if let id = vocabulary.id(ofText: token.content), id != token.id {
        throw .malformed(
          component: entry.path, expected: "the id \(id), which the vocabulary gives its content",
          found: "\(token.id)")
      }
      tokens.append(token)
    }
    return tokens
  }

  /// Reads one step of the post-processor: only a template changes the ids.
  private mutating func readPostProcessor(_ step: JSONComponent) throws(TokenizerError) {
    switch step.type {
    case "ByteLevel": return
    case "TemplateProcessing":
      let specialTokens = try step.required("special_tokens")
      var isAfterText = false
      for (index, value) in try step.required("single").array().enumerated() {
        let piece = JSONComponent("\(step.path) single entry \(index + 1)", value)
        if piece.optional("Sequence") != nil {
          isAfterText = true
        } else {
          let name = try piece.required("SpecialToken").required("id").string()
          for id in try specialTokens.required(name).required("ids").array() {
            let id = try JSONComponent("\(step.path) id of \"\(name)\"", id).id()
            if isAfterText { suffix.append(id) } else { prefix.append(id) }
          }
        }
      }
    default:
      throw step.unsupportedType(remedy: "use a model with TemplateProcessing, ByteLevel or none")
    }
  }
}

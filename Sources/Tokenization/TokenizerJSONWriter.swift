public import Serialization

extension Tokenizer {
  /// The tokenizer as a `tokenizer.json`, from which Transformers makes the same ids.
  ///
  /// - SeeAlso: The `tokenizers` library, version 0.23.
  public func tokenizerJSON() -> JSONValue { description.tokenizerJSON(vocabulary) }

  /// The `tokenizer_config.json` that belongs beside ``tokenizerJSON()``.
  ///
  /// The class it names reads everything from `tokenizer.json`; model-specific classes of Transformers 5 build
  /// their own pre-tokeniser. For the same reason `add_bos_token` is not in it.
  ///
  /// - Parameters:
  ///   - chatTemplate: The Jinja source of the model's chat template, if it has one.
  ///   - maximumLength: The model's context length in tokens, if known.
  public func tokenizerConfigJSON(
    chatTemplate: String? = nil, maximumLength: Int? = nil
  ) -> JSONValue {
    description.tokenizerConfigJSON(chatTemplate: chatTemplate, maximumLength: maximumLength)
  }
}

extension TokenizerDescription {
  func tokenizerJSON(_ vocabulary: Vocabulary) -> JSONValue {
    [
      "version": "1.0",
      "truncation": nil,
      "padding": nil,
      "added_tokens": .array(
        addedTokens.sorted { $0.id < $1.id }.map { .object($0.members(withID: true)) }),
      "normalizer": Self.sequence("normalizers", normalization.map(\.json)),
      "pre_tokenizer": Self.sequence("pretokenizers", preTokenization.map(\.json)),
      "post_processor": postProcessorJSON(),
      "decoder": decoderJSON(),
      "model": modelJSON(vocabulary),
    ]
  }

  private static func sequence(_ key: String, _ steps: [JSONValue]) -> JSONValue {
    guard steps.count != 1 else { return steps[0] }
    return steps.isEmpty ? nil : .object(["type": "Sequence", key: .array(steps)])
  }

  private func decoderJSON() -> JSONValue {
    guard alphabet == .spaceMarked else {
      return Self.byteLevelJSON(addsPrefixSpace: true, usesPattern: true)
    }
    var steps: [JSONValue] = [
      [
        "type": "Replace", "content": " ",
        "pattern": ["String": .string(String(decoding: TokenAlphabet.spaceMark, as: UTF8.self))],
      ],
      ["type": "ByteFallback"], ["type": "Fuse"],
    ]
    if stripsLeadingSpace {
      steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
    }
    return ["type": "Sequence", "decoders": .array(steps)]
  }

  private func modelJSON(_ known: Vocabulary) -> JSONValue {
    if case .unigram(let scores) = model {
      let entries = zip(tokens, scores).map { token, score -> JSONValue in
        [.string(String(decoding: token, as: UTF8.self)), .number(score)]
      }
      return [
        "type": "Unigram", "unk_id": unknownByteToken.map { .integer(Int($0)) } ?? .null,
        "vocab": .array(entries), "byte_fallback": .bool(fallsBackToBytes),
      ]
    }
    var vocabulary = JSONObject()
    for (id, token) in tokens.enumerated() where !token.isEmpty {
      vocabulary[String(decoding: token, as: UTF8.self)] = .integer(id)
    }
    let merges = mergeRules(known).map { rule -> JSONValue in
      [text(of: rule.left), text(of: rule.right)]
    }
    return [
      "type": "BPE",
      "dropout": nil,
      "unk_token": unknownByteToken.map(text) ?? .null,
      "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil,
      "fuse_unk": .bool(fusesUnknownBytes),
      "byte_fallback": .bool(fallsBackToBytes),
      "ignore_merges": .bool(ignoresMergesForWholeTokens),
      "vocab": .object(vocabulary),
      "merges": .array(merges),
    ]
  }

  /// The text of an id as `tokenizer.json` writes it.
  private func text(of id: Int32) -> JSONValue {
    if tokens.indices.contains(Int(id)), !tokens[Int(id)].isEmpty {
      return .string(String(decoding: tokens[Int(id)], as: UTF8.self))
    }
    return addedText(of: id).map { .string($0) } ?? .null
  }

  /// The content of the added token `id`, or `nil` if it is none.
  private func addedText(of id: Int32?) -> String? {
    addedTokens.first { $0.id == id }.map { String(decoding: $0.content, as: UTF8.self) }
  }

  static func byteLevelJSON(addsPrefixSpace: Bool, usesPattern: Bool) -> JSONValue {
    [
      "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
      "use_regex": .bool(usesPattern),
    ]
  }

  private func postProcessorJSON() -> JSONValue {
    guard !prefix.isEmpty || !suffix.isEmpty else {
      guard alphabet == .byteLevel else { return nil }
      // As GPT-2 has it: the offsets of a token include its space.
      return [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
      ]
    }
    func special(_ id: Int32, _ type: Int) -> JSONValue {
      ["SpecialToken": ["id": text(of: id), "type_id": .integer(type)]]
    }
    func sequence(_ name: String, _ type: Int) -> [JSONValue] {
      prefix.map { special($0, type) }
        + [["Sequence": ["id": .string(name), "type_id": .integer(type)]]]
        + suffix.map { special($0, type) }
    }
    var specialTokens = JSONObject()
    for id in prefix + suffix {
      guard let name = text(of: id).stringValue else { continue }
      specialTokens[name] = [
        "id": .string(name), "ids": [.integer(Int(id))], "tokens": [.string(name)],
      ]
    }
    return [
      "type": "TemplateProcessing", "single": .array(sequence("A", 0)),
      "pair": .array(sequence("A", 0) + sequence("B", 1)),
      "special_tokens": .object(specialTokens),
    ]
  }

  func tokenizerConfigJSON(chatTemplate: String?, maximumLength: Int?) -> JSONValue {
    var decoder = JSONObject()
    for token in addedTokens.sorted(by: { $0.id < $1.id }) {
      decoder[String(token.id)] = .object(token.members(withID: false))
    }
    var config: JSONObject = ["added_tokens_decoder": .object(decoder)]
    let roles = [
      ("bos_token", specialTokens.beginningOfSequence),
      ("eos_token", specialTokens.endOfSequence), ("pad_token", specialTokens.padding),
      ("unk_token", specialTokens.unknown),
    ]
    for (key, id) in roles {
      // Transformers would make a role's token special, whatever it was.
      guard let id, let text = addedText(of: id) else { continue }
      config[key] = .string(text)
    }
    config["clean_up_tokenization_spaces"] = false
    if let maximumLength { config["model_max_length"] = .integer(maximumLength) }
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if let chatTemplate { config["chat_template"] = .string(chatTemplate) }
    return .object(config)
  }
}

extension AddedToken {
  fileprivate func members(withID: Bool) -> JSONObject {
    var members = JSONObject()
    if withID { members["id"] = .integer(Int(id)) }
    members["content"] = .string(String(decoding: content, as: UTF8.self))
    members["single_word"] = .bool(isSingleWord)
    members["lstrip"] = .bool(stripsLeft)
    members["rstrip"] = .bool(stripsRight)
    members["normalized"] = .bool(isNormalized)
    members["special"] = .bool(isSpecial)
    return members
  }
}

extension SplitPattern {
  fileprivate var json: JSONValue {
    switch self {
    case .literal(let bytes): ["String": .string(String(decoding: bytes, as: UTF8.self))]
    case .regularExpression(let source): ["Regex": .string(source)]
    }
  }
}

extension NormalizationStep {
  fileprivate var json: JSONValue {
    switch self {
    case .prepend(let text):
      ["type": "Prepend", "prepend": .string(String(decoding: text, as: UTF8.self))]
    case .replace(let pattern, let text):
      [
        "type": "Replace", "pattern": pattern.json,
        "content": .string(String(decoding: text, as: UTF8.self)),
      ]
    case .canonicalComposition: ["type": "NFC"]
    }
  }
}

extension PreTokenizationStep {
  fileprivate var json: JSONValue {
    switch self {
    case .digits(let individual):
      ["type": "Digits", "individual_digits": .bool(individual)]
    case .split(let pattern, let behavior, let isInverted):
      [
        "type": "Split", "pattern": pattern.json, "behavior": .string(behavior.rawValue),
        "invert": .bool(isInverted),
      ]
    case .metaspace(let prefix, let splits):
      [
        "type": "Metaspace",
        "replacement": .string(String(decoding: TokenAlphabet.spaceMark, as: UTF8.self)),
        "prepend_scheme": .string(prefix.rawValue), "split": .bool(splits),
      ]
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      TokenizerDescription.byteLevelJSON(
        addsPrefixSpace: addsPrefixSpace, usesPattern: usesPattern)
    }
  }
}

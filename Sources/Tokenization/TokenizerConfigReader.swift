import Serialization

extension TokenizerDescription {
  /// Reads what `tokenizer_config.json` adds to `tokenizer.json`, as Transformers does.
  ///
  /// Tokens with a role become special added tokens if they were not; an explicit `add_bos_token` or
  /// `add_eos_token` replaces the template of `tokenizer.json`. A role whose token does not exist is left
  /// empty: the model has no embedding for it.
  mutating func readConfig(
    _ config: JSONComponent, _ vocabulary: Vocabulary
  ) throws(TokenizerError) {
    if let decoder = config.optional("added_tokens_decoder") {
      var ids = Set(addedTokens.map(\.id))
      var contents = Set(addedTokens.map(\.content))
      for (key, value) in try decoder.object() {
        let entry = JSONComponent("\(decoder.path) entry \"\(key)\"", value)
        guard let id = Int32(key) else {
          throw .malformed(component: entry.path, expected: "under an id", found: "\"\(key)\"")
        }
        let token = try AddedToken(id: id, entry)
        guard !ids.contains(id), !contents.contains(token.content) else { continue }
        ids.insert(id)
        contents.insert(token.content)
        addedTokens.append(token)
      }
    }

    specialTokens = SpecialTokens(
      beginningOfSequence: try role(config.optional("bos_token"), vocabulary),
      endOfSequence: try role(config.optional("eos_token"), vocabulary),
      unknown: try role(config.optional("unk_token"), vocabulary),
      padding: try role(config.optional("pad_token"), vocabulary))
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      guard let list = config.optional(key) else { continue }
      // Some files hold an object of names here; its values are the tokens.
      let values = list.value.objectValue?.values ?? list.value.arrayValue ?? []
      for value in values { _ = try role(JSONComponent(list.path, value), vocabulary) }
    }

    let addsBegin = try config.optional("add_bos_token")?.bool()
    let addsEnd = try config.optional("add_eos_token")?.bool()
    if addsBegin != nil || addsEnd != nil {
      prefix = addsBegin == true ? [specialTokens.beginningOfSequence].compactMap(\.self) : []
      suffix = addsEnd == true ? [specialTokens.endOfSequence].compactMap(\.self) : []
    }
  }

  /// The id of the token that a role names, which becomes special.
  private mutating func role(
    _ component: JSONComponent?, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> Int32? {
    guard let component else { return nil }
    // A string, or an added token written out.
    let text = try (component.optional("content") ?? component).string()
    let content = Array(text.utf8)
    if let index = addedTokens.firstIndex(where: { $0.content == content }) {
      addedTokens[index].isSpecial = true
      return addedTokens[index].id
    }
    guard let id = vocabulary.id(ofText: content) else { return nil }
    addedTokens.append(AddedToken(id: id, content: content, isSpecial: true))
    return id
  }
}

import Serialization

extension JSONComponent {
  /// The steps of a `pre_tokenizer`.
  func preTokenization() throws(TokenizerError) -> [PreTokenizationStep] {
    var steps: [PreTokenizationStep] = []
    for step in try self.steps("pretokenizers") {
      switch step.type {
      case "ByteLevel":
        steps.append(
          .byteLevel(
            addsPrefixSpace: try step.flag("add_prefix_space", default: true),
            usesPattern: try step.flag("use_regex", default: true)))
      case "Digits":
        steps.append(.digits(individual: try step.flag("individual_digits", default: false)))
      case "Metaspace":
        steps.append(
          .metaspace(
            try step.metaspacePrefix(), splits: try step.flag("split", default: true)))
      case "Split":
        let behavior = try step.required("behavior").string()
        guard let behavior = SplitBehavior(rawValue: behavior) else {
          throw .unsupported(
            component: "\(step.path) behavior", found: "\"\(behavior)\"",
            remedy: "use one of \(SplitBehavior.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        steps.append(
          .split(
            try step.required("pattern").splitPattern(), behavior,
            isInverted: try step.flag("invert", default: false)))
      default:
        throw step.unsupportedType(
          remedy: "use a model with ByteLevel, Metaspace, Split and Digits only")
      }
    }
    return steps
  }

  private func splitPattern() throws(TokenizerError) -> SplitPattern {
    if let text = try optional("String")?.string() { return .literal(Array(text.utf8)) }
    return .regularExpression(try required("Regex").string())
  }

  /// The steps of a `normalizer`.
  func normalization() throws(TokenizerError) -> [NormalizationStep] {
    var steps: [NormalizationStep] = []
    for step in try self.steps("normalizers") {
      switch step.type {
      case "NFC": steps.append(.canonicalComposition)
      case "Prepend": steps.append(.prepend(Array(try step.required("prepend").string().utf8)))
      case "Replace":
        steps.append(
          .replace(
            try step.required("pattern").splitPattern(),
            with: Array(try step.required("content").string().utf8)))
      default:
        throw step.unsupportedType(remedy: "use a model with NFC, Prepend and Replace only")
      }
    }
    return steps
  }

  /// Whether a `decoder` reads tokens as bytes in the byte-level alphabet.
  func isByteLevelDecoder() throws(TokenizerError) -> Bool {
    try steps("decoders").allSatisfy { $0.type == "ByteLevel" }
  }

  /// Whether a `decoder` of tokens that are text leaves out a space that begins the text.
  ///
  /// - Throws: ``TokenizerError/unsupported(component:found:remedy:)`` if it does anything else than to write
  ///   marks as spaces and bytes as bytes.
  func decoderStripsLeadingSpace() throws(TokenizerError) -> Bool {
    var strips = false
    for step in try steps("decoders") {
      switch step.type {
      case "ByteFallback", "Fuse": continue
      case "Metaspace": strips = try step.metaspacePrefix() != .never
      case "Replace":
        guard try step.required("pattern").splitPattern() == .literal(TokenAlphabet.spaceMark),
          try step.required("content").string() == " "
        else { throw step.unsupportedType(remedy: "use a model that writes \u{2581} as a space") }
      case "Strip":
        guard try step.required("content").string() == " ",
          step.value["start"]?.intValue == 1, step.value["stop"]?.intValue == 0
        else { throw step.unsupportedType(remedy: "use a model that strips one leading space") }
        strips = true
      default:
        throw step.unsupportedType(
          remedy: "use a model whose decoder is ByteLevel, or Replace, ByteFallback, Fuse and Strip"
        )
      }
    }
    return strips
  }

  /// Where a Metaspace step puts a mark before a text.
  private func metaspacePrefix() throws(TokenizerError) -> PrefixSpace {
    if let replacement = try optional("replacement")?.string(),
      Array(replacement.utf8) != TokenAlphabet.spaceMark
    {
      throw .unsupported(
        component: "\(path) replacement", found: "\"\(replacement)\"",
        remedy: "use a model that writes spaces as \u{2581}")
    }
    guard let scheme = try optional("prepend_scheme")?.string() else {
      return try flag("add_prefix_space", default: true) ? .always : .never
    }
    guard let prefix = PrefixSpace(rawValue: scheme) else {
      throw .unsupported(
        component: "\(path) prepend_scheme", found: "\"\(scheme)\"",
        remedy: "use one of \(PrefixSpace.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return prefix
  }
}

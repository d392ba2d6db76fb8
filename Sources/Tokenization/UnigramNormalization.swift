/// How SentencePiece and llama.cpp's tokenizer `t5` rewrite text before a unigram model cuts it.
public struct UnigramNormalization: Sendable, Equatable {
  /// The compiled character map; empty for none.
  public var characterMap: [UInt8]
  /// Whether spaces that begin or end a text are left out, and of several in a row all but one.
  public var removesExtraSpaces: Bool
  /// Whether a space is put before each text.
  public var addsPrefix: Bool

  private static let space = UInt8(ascii: " ")
  private static let outerSpaces = #"\A +| +\z"#
  private static let spaces = " {2,}"

  /// Describes it.
  public init(characterMap: [UInt8], removesExtraSpaces: Bool, addsPrefix: Bool) {
    self.characterMap = characterMap
    self.removesExtraSpaces = removesExtraSpaces
    self.addsPrefix = addsPrefix
  }

  /// The steps that do so.
  var steps: [NormalizationStep] {
    let mark = TokenAlphabet.spaceMark
    var steps: [NormalizationStep] = []
    if !characterMap.isEmpty { steps.append(.characterMap(characterMap, .longest)) }
    if removesExtraSpaces {
      steps += [
        .replace(.regularExpression(Self.outerSpaces), with: []),
        .replace(.regularExpression(Self.spaces), with: [Self.space]),
      ]
    }
    if addsPrefix { steps.append(.prepend(mark)) }
    return steps + [.replace(.literal([Self.space]), with: mark)]
  }

  /// Reads the steps of `description`, as ``steps`` makes them or as Transformers writes them for T5; nil where they do
  /// anything else.
  ///
  /// Transformers leaves the spaces that begin a text to Metaspace, which puts no second mark before one.
  public init?(_ description: TokenizerDescription) {
    var description = description
    characterMap = []
    if case .characterMap(let bytes, _)? = description.normalization.first {
      characterMap = bytes
      description.normalization.removeFirst()
    }
    removesExtraSpaces = false
    if let first = description.normalization.first, description.normalization.count > 1,
      case .replace(.regularExpression(Self.spaces), let text) = description.normalization[1],
      text == [Self.space] || text == TokenAlphabet.spaceMark
    {
      switch first {
      case .strip(_, right: true), .replace(.regularExpression(Self.outerSpaces), with: []):
        removesExtraSpaces = true
        description.normalization.removeFirst(2)
      default: break
      }
    }
    if case .metaspace(let prefix, splits: true)? = description.preTokenization.first {
      // Cutting before marks changes nothing where a mark can only begin a token.
      let mark = TokenAlphabet.spaceMark
      guard description.tokens.allSatisfy({ !$0.dropFirst().contains(mark) }) else { return nil }
      description.preTokenization[0] = .metaspace(prefix, splits: false)
    }
    guard let addsPrefix = description.spacePrefix else { return nil }
    self.addsPrefix = addsPrefix
  }
}

/// How a word becomes tokens.
public enum TokenizerModel: Sendable, Equatable {
  /// Byte-pair encoding by ``TokenizerDescription/merges``: the first rule is applied first.
  case mergeRules
  /// Byte-pair encoding as SentencePiece has it: neighbours whose joined text is a token become that token,
  /// those of the highest score first.
  ///
  /// One score for each id.
  ///
  /// - SeeAlso: Kudo and Richardson 2018, "SentencePiece", arXiv:1808.06226.
  case scoredPairs([Float])
  /// The sequence of tokens whose scores sum highest; the scores are logarithms of probabilities.
  ///
  /// One score for each id.
  ///
  /// - SeeAlso: Kudo 2018, "Subword Regularization", arXiv:1804.10959.
  case unigram([Double])
}

/// How the vocabulary writes what its tokens stand for.
public enum TokenAlphabet: Sendable, Equatable {
  /// Bytes, each as one printable character: a space is `Ġ` (GPT-2).
  case byteLevel
  /// Text in which `▁`, U+2581, stands for a space and `<0x0A>` for a byte (SentencePiece).
  case spaceMarked

  /// U+2581, LOWER ONE EIGHTH BLOCK, as UTF-8.
  static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

  /// How a byte is written where tokens are text.
  static func byteToken(_ byte: UInt8) -> [UInt8] {
    let digits = String(byte, radix: 16, uppercase: true)
    return Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
  }

  /// The byte that a token written `<0x0A>` stands for, or `nil` if it is another token.
  static func byte(ofToken text: some RandomAccessCollection<UInt8>) -> UInt8? {
    guard text.count == 6, text.starts(with: "<0x".utf8), text.last == UInt8(ascii: ">") else {
      return nil
    }
    let digits = text.dropFirst(3).prefix(2)
    guard digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else { return nil }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}

/// One step of rewriting a text before it is split into words.
public enum NormalizationStep: Sendable, Equatable {
  /// Puts these bytes before a text that is not empty.
  case prepend([UInt8])
  /// Puts bytes for each place that a pattern matches.
  case replace(SplitPattern, with: [UInt8])
  /// Unicode's normalisation form C.
  case canonicalComposition
}

/// Where a ``PreTokenizationStep/metaspace(_:splits:)`` step puts a space mark before a text.
public enum PrefixSpace: String, Sendable, Equatable, CaseIterable {
  /// Before every text between added tokens.
  case always
  /// Before the text that begins the whole.
  case first
  /// Nowhere.
  case never
}

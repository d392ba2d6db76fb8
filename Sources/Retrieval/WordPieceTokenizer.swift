internal import Foundation

/// BERT's tokenizer: words and punctuation, then the longest known pieces of each word.
///
/// - SeeAlso: Devlin et al. 2018, arXiv:1810.04805; what it does to characters is `BertTokenizer` of Transformers.
public struct WordPieceTokenizer: Sendable {
  /// By bytes: texts that Unicode calls equal are different tokens.
  private let ids: [ArraySlice<UInt8>: Int32]
  private let lowercases: Bool
  private let (unknown, start, end): (Int32, Int32, Int32)
  /// Longer words are unknown as a whole.
  private static let longestWord = 100

  /// Takes a vocabulary, each token's UTF-8, in the order of its ids.
  ///
  /// - Returns: nil where one of the tokens `[UNK]`, `[CLS]` and `[SEP]` is missing.
  public init?(vocabulary: [[UInt8]], lowercases: Bool = true) {
    var ids: [ArraySlice<UInt8>: Int32] = [:]
    for (index, token) in vocabulary.enumerated() { ids[token[...]] = Int32(clamping: index) }
    func special(_ name: String) -> Int32? { ids[Array(name.utf8)[...]] }
    guard let unknown = special("[UNK]"), let start = special("[CLS]"), let end = special("[SEP]")
    else { return nil }
    self.ids = ids
    self.lowercases = lowercases
    (self.unknown, self.start, self.end) = (unknown, start, end)
  }

  /// How many tokens a text has, without those that are put around it.
  public func count(_ text: String) -> Int { words(text).reduce(0) { $0 + pieces($1).count } }

  /// The tokens of a text between `[CLS]` and `[SEP]`, cut off so that all are at most `limit`.
  public func encode(_ text: String, limit: Int) -> [Int32] {
    var tokens: [Int32] = []
    let room = max(0, limit - 2)
    for word in words(text) {
      guard tokens.count < room else { break }
      tokens += pieces(word)
    }
    return [start] + tokens.prefix(room) + [end]
  }

  /// Words and single punctuation marks, as normalised.
  func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func flush() {
      if !word.isEmpty { words.append(String(word)) }
      word = String.UnicodeScalarView()
    }
    for scalar in normalized(text) {
      if Self.isSpace(scalar) {
        flush()
      } else if Self.isPunctuation(scalar) || Self.isIdeograph(scalar) {
        flush()
        words.append(String(Character(scalar)))
      } else {
        word.append(scalar)
      }
    }
    flush()
    return words
  }

  /// Without control characters; lower case and without accents where the vocabulary is.
  private func normalized(_ text: String) -> String.UnicodeScalarView {
    var clean = String.UnicodeScalarView()
    for scalar in text.unicodeScalars
    where scalar.value != 0 && scalar.value != 0xFFFD && !Self.isControl(scalar) {
      clean.append(scalar)
    }
    guard lowercases else { return clean }
    var lower = String.UnicodeScalarView()
    for scalar in String(clean).decomposedStringWithCanonicalMapping.unicodeScalars
    where scalar.properties.generalCategory != .nonspacingMark {
      lower.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
    }
    return lower
  }

  /// The longest piece that the vocabulary has, then the longest of the rest, and so on.
  private func pieces(_ word: String) -> [Int32] {
    guard word.unicodeScalars.count <= Self.longestWord else { return [unknown] }
    var rest = Array(word.utf8)[...]
    var pieces: [Int32] = []
    while !rest.isEmpty {
      var end = rest.endIndex
      var found: Int32?
      while end > rest.startIndex {
        found = ids[rest[rest.startIndex..<end]]
        if found != nil { break }
        // Back by one scalar, and never into the mark that a piece goes on with.
        repeat { end -= 1 } while end > rest.startIndex && rest[end] & 0xC0 == 0x80
        if !pieces.isEmpty, end <= rest.startIndex + 2 { break }
      }
      guard let found else { return [unknown] }
      pieces.append(found)
      rest = rest[end...]
      if !rest.isEmpty { rest = (Array("##".utf8) + rest)[...] }
    }
    return pieces
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case " ", "\t", "\n", "\r": true
    default: scalar.properties.isWhitespace
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\t", "\n", "\r": false
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .unassigned, .privateUse, .surrogate: true
      default: false
      }
    }
  }

  /// ASCII's marks, symbols among them, and what Unicode calls punctuation.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: true
    default:
      switch scalar.properties.generalCategory {
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
        .initialPunctuation, .finalPunctuation, .otherPunctuation:
        true
      default: false
      }
    }
  }

  /// The blocks of Chinese characters that BERT sets apart.
  private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B820...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}

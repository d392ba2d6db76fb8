internal import Foundation
internal import ModelFiles

/// BERT's tokenizer: words and punctuation, then the longest known pieces of each word.
///
/// - SeeAlso: Devlin et al. 2018, arXiv:1810.04805; what it does to characters is `BertTokenizer` of Transformers.
public struct WordPieceTokenizer: Sendable {
  private let ids: [String: Int32]
  private let lowercases: Bool
  private let (unknown, start, end): (Int32, Int32, Int32)
  /// Longer words are unknown as a whole.
  private static let longestWord = 100

  /// Takes a vocabulary in the order of its ids.
  ///
  /// - Returns: nil where one of the tokens `[UNK]`, `[CLS]` and `[SEP]` is missing.
  public init?(vocabulary: [String], lowercases: Bool = true) {
    var ids: [String: Int32] = [:]
    for (index, token) in vocabulary.enumerated() { ids[token] = Int32(index) }
    guard let unknown = ids["[UNK]"], let start = ids["[CLS]"], let end = ids["[SEP]"] else {
      return nil
    }
    self.ids = ids
    self.lowercases = lowercases
    (self.unknown, self.start, self.end) = (unknown, start, end)
  }

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
    let scalars = Array(word.unicodeScalars)
    guard scalars.count <= Self.longestWord else { return [unknown] }
    var pieces: [Int32] = []
    var start = 0
    while start < scalars.count {
      var end = scalars.count
      var found: Int32?
      while end > start {
        var piece = String.UnicodeScalarView(scalars[start..<end])
        if start > 0 { piece.insert(contentsOf: "##".unicodeScalars, at: piece.startIndex) }
        if let id = ids[String(piece)] {
          found = id
          break
        }
        end -= 1
      }
      guard let found else { return [unknown] }
      pieces.append(found)
      start = end
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

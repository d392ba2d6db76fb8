/// A text as the SQuAD metrics compare it: lower case, without ASCII punctuation, without the articles "a", "an" and
/// "the", cut at white space.
///
/// Words and letters are Unicode's, as in the official script, so other languages lose nothing but those three words.
///
/// - SeeAlso: Rajpurkar et al. 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD", arXiv:1806.03822;
///   `normalize_answer` of its `evaluate-v2.0.py`.
public struct NormalizedText: Sendable, Equatable {
  /// What is left, in order.
  public let tokens: [String]

  /// Normalises a text.
  public init(_ text: String) {
    var cleaned = String.UnicodeScalarView()
    var word = String.UnicodeScalarView()
    func endWord() {
      if !Self.articles.contains(String(word)) {
        cleaned.append(contentsOf: word)
      } else {
        cleaned.append(" ")
      }
      word = String.UnicodeScalarView()
    }
    for scalar in text.lowercased().unicodeScalars where !Self.isPunctuation(scalar) {
      if Self.isWord(scalar) {
        word.append(scalar)
      } else {
        endWord()
        cleaned.append(scalar)
      }
    }
    endWord()
    tokens = cleaned.split(whereSeparator: Self.isSpace).map { String($0) }
  }

  /// The tokens with a space between each two.
  public var text: String { tokens.joined(separator: " ") }

  /// Whether the other's tokens occur in this text one after another; false for a text without tokens.
  public func contains(_ other: NormalizedText) -> Bool {
    let (count, wanted) = (tokens.count, other.tokens.count)
    guard wanted > 0, count >= wanted else { return false }
    return (0...count - wanted).contains { tokens[$0..<$0 + wanted].elementsEqual(other.tokens) }
  }

  private static let articles: Set = ["a", "an", "the"]

  /// Python's `string.punctuation`.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  /// What `\w` of Python's regular expressions is, but for the underscore, which is punctuation.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: scalar.properties.numericType != nil
    }
  }

  /// What Python's `str.split()` cuts at.
  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }
}

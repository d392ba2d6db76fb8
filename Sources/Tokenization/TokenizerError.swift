/// Why a tokenizer cannot be made, or why bytes cannot be tokenised.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text stops being UTF-8 at the byte `offset`.
  case invalidUTF8(offset: Int)
  /// The tokenizer asks, in its part `component`, for something that is not implemented.
  case unsupported(component: String, found: String, remedy: String)
  /// The part `component` is missing or is not what the format says.
  case malformed(component: String, expected: String, found: String)
  /// A merge rule names a token that is not in the vocabulary.
  case unknownTokenInMerge(merge: Int, token: String)
  /// An id lies outside the vocabulary.
  case idOutOfRange(component: String, id: Int, vocabularySize: Int)
  /// A regular expression does not compile.
  case invalidPattern(pattern: String, offset: Int, reason: String)
  /// A regular expression gave up on the piece of text that starts at the byte `offset`.
  case patternTooCostly(pattern: String, offset: Int)

  /// One sentence: what is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .invalidUTF8(let offset):
      "the text is not UTF-8 at byte \(offset); save it as UTF-8"
    case .unsupported(let component, let found, let remedy):
      "\(component) is \(found), which is not supported; \(remedy)"
    case .malformed(let component, let expected, let found):
      "\(component) should be \(expected), but it is \(found); fetch the model again"
    case .unknownTokenInMerge(let merge, let token):
      "merge \(merge) of the tokenizer needs the token \"\(token)\", which is not in the vocabulary; "
        + "fetch the model again"
    case .idOutOfRange(let component, let id, let vocabularySize):
      "\(component) is the id \(id), but the vocabulary has \(vocabularySize) tokens; "
        + "fetch the model again"
    case .invalidPattern(let pattern, let offset, let reason):
      "the tokenizer's pattern \"\(pattern)\" is wrong at byte \(offset): \(reason); "
        + "correct tokenizer.json"
    case .patternTooCostly(let pattern, let offset):
      "the tokenizer's pattern \"\(pattern)\" needs too many steps on the text at byte \(offset); "
        + "shorten the text or simplify the pattern"
    }
  }
}

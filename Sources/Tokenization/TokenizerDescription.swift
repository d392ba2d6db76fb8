/// Everything a tokenizer is made of, as plain values.
///
/// A model file is read into one of these and a ``Tokenizer`` is made of it; `tokenizer.json` is written
/// from it.
public struct TokenizerDescription: Sendable, Equatable {
  /// The vocabulary's tokens by id, each the UTF-8 of its text as ``alphabet`` writes it (`Ġthe`).
  ///
  /// An id without a token has the empty text. Tokens that are only among ``addedTokens`` are not here.
  public var tokens: [[UInt8]]
  /// How tokens are written.
  public var alphabet = TokenAlphabet.byteLevel
  /// How a word becomes tokens.
  public var model = TokenizerModel.mergeRules
  /// The merge rules, the first to be applied first; none where the model has scores.
  public var merges: [MergeRule]
  /// Whether a word that is a token is that token, whatever the rules say (Llama 3).
  public var ignoresMergesForWholeTokens = false
  /// Whether a character without a token is the tokens of its bytes, where tokens are text.
  public var fallsBackToBytes = false
  /// The id that stands for a byte the vocabulary has no token for, or where tokens are text, for a
  /// character; without one, those are left out.
  public var unknownByteToken: Int32?
  /// Whether neighbouring unknown bytes are one token.
  public var fusesUnknownBytes = false
  /// Tokens that are found in the text before anything else.
  public var addedTokens: [AddedToken]
  /// How text is rewritten before it is split, step by step.
  public var normalization: [NormalizationStep] = []
  /// How text is split into words, step by step; where tokens are bytes, the last step is
  /// ``PreTokenizationStep/byteLevel(addsPrefixSpace:usesPattern:)``.
  public var preTokenization: [PreTokenizationStep]
  /// Whether decoding leaves out a space that begins the text, because encoding puts one there.
  public var stripsLeadingSpace = false
  /// The ids with a role in the model.
  public var specialTokens: SpecialTokens
  /// The ids that `addSpecialTokens` puts before a text.
  public var prefix: [Int32] = []
  /// The ids that `addSpecialTokens` puts after a text.
  public var suffix: [Int32] = []

  /// The number of merge rules a tokenizer may have.
  static let maximumMerges = 1 << 24 - 1
  /// The number of ids a tokenizer may have.
  static let maximumTokens = 1 << 24

  /// The longest token a unigram model may have, in bytes.
  static let longestUnigramToken = 256

  /// Makes a description of its parts.
  public init(
    tokens: [[UInt8]], merges: [MergeRule], addedTokens: [AddedToken] = [],
    preTokenization: [PreTokenizationStep] = [.byteLevel()],
    specialTokens: SpecialTokens = SpecialTokens()
  ) {
    self.tokens = tokens
    self.merges = merges
    self.addedTokens = addedTokens
    self.preTokenization = preTokenization
    self.specialTokens = specialTokens
  }
}

/// Two tokens that become one.
public struct MergeRule: Sendable, Equatable {
  /// The id of the left token.
  public var left: Int32
  /// The id of the right token.
  public var right: Int32
  /// The id of the token made: the one whose text is both texts, end to end.
  public var result: Int32

  /// Makes a rule of three ids.
  public init(left: Int32, right: Int32, result: Int32) {
    self.left = left
    self.right = right
    self.result = result
  }
}

/// A token found in the text as it stands, such as `<|im_end|>`.
public struct AddedToken: Sendable, Equatable {
  /// The token's id.
  public var id: Int32
  /// The UTF-8 of its text, as it stands in a document.
  public var content: [UInt8]
  /// Whether the token is a sign to the model and not part of the text.
  public var isSpecial: Bool
  /// Whether it counts only where no word character stands before or after it.
  public var isSingleWord: Bool
  /// Whether it takes the white space before it along.
  public var stripsLeft: Bool
  /// Whether it takes the white space after it along.
  public var stripsRight: Bool
  /// Whether it is looked for after the others, in the normalised text.
  public var isNormalized: Bool

  /// Makes an added token; all flags but `isSpecial` are off unless said.
  public init(
    id: Int32, content: [UInt8], isSpecial: Bool, isSingleWord: Bool = false,
    stripsLeft: Bool = false, stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }
}

/// The ids with a role in the model, each `nil` if the model has none.
public struct SpecialTokens: Sendable, Equatable {
  /// Before a text.
  public var beginningOfSequence: Int32?
  /// After a text, and where generation stops.
  public var endOfSequence: Int32?
  /// For what is not in the vocabulary.
  public var unknown: Int32?
  /// For filling a batch.
  public var padding: Int32?

  /// Makes a set of roles.
  public init(
    beginningOfSequence: Int32? = nil, endOfSequence: Int32? = nil, unknown: Int32? = nil,
    padding: Int32? = nil
  ) {
    self.beginningOfSequence = beginningOfSequence
    self.endOfSequence = endOfSequence
    self.unknown = unknown
    self.padding = padding
  }
}

/// One step of splitting a text into words.
public enum PreTokenizationStep: Sendable, Equatable {
  /// Splits at numbers: each by itself, or runs of them.
  case digits(individual: Bool)
  /// Splits at what a pattern matches, or if `isInverted`, at what it does not.
  case split(SplitPattern, SplitBehavior, isInverted: Bool = false)
  /// Writes spaces as ``TokenAlphabet/spaceMarked`` has it, with one put before the text as
  /// ``PrefixSpace`` says; if it `splits`, each mark begins a word. Only as the first step.
  case metaspace(PrefixSpace, splits: Bool)
  /// Reads the words as bytes; with `usesPattern`, splits them by GPT-2's pattern first.
  case byteLevel(addsPrefixSpace: Bool = false, usesPattern: Bool = true)
}

/// What a split step looks for.
public enum SplitPattern: Sendable, Equatable {
  /// These very bytes of UTF-8.
  case literal([UInt8])
  /// A regular expression in the dialect of `tokenizer.json`, Oniguruma's Ruby syntax.
  case regularExpression(String)
}

/// What becomes of the text that a split step matches; the names are those of `tokenizer.json`.
public enum SplitBehavior: String, Sendable, Equatable, CaseIterable {
  /// It is left out.
  case removed = "Removed"
  /// Each match is a word.
  case isolated = "Isolated"
  /// It ends the word before it.
  case mergedWithPrevious = "MergedWithPrevious"
  /// It begins the word after it.
  case mergedWithNext = "MergedWithNext"
  /// Neighbouring matches are one word.
  case contiguous = "Contiguous"
}

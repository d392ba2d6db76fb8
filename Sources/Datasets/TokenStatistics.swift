public import Configuration
public import Tokenization

/// How a run turns rows into tokens.
public struct RowPreparation: Sendable {
  /// The model's tokenizer.
  public var tokenizer: Tokenizer
  /// The model's chat template; `nil` if it has none.
  public var template: ChatTemplate?
  /// The most tokens an example may have.
  public var maxLength: Int
  /// What becomes of an example with more.
  public var overlong: RunConfiguration.Overlong
  /// Whether only what the assistant generates counts.
  public var assistantOnly: Bool

  /// Makes a preparation.
  public init(
    tokenizer: Tokenizer, template: ChatTemplate?, maxLength: Int,
    overlong: RunConfiguration.Overlong = .error, assistantOnly: Bool = true
  ) {
    precondition(maxLength > 1, "an example has a token to predict")
    self.tokenizer = tokenizer
    self.template = template
    self.maxLength = maxLength
    self.overlong = overlong
    self.assistantOnly = assistantOnly
  }

  /// The lengths of a row, without keeping its tokens.
  func measure(_ row: Example) throws(DatasetError) -> TokenCount {
    let made = try TokenizedExample.make(
      row, tokenizer: tokenizer, template: template, assistantOnly: assistantOnly)
    return TokenCount(
      source: row.source, tokens: made.tokens.count, supervised: made.supervisedTokens,
      supervisedWithin: made.lossWeights.prefix(maxLength).count { $0 > 0 })
  }
}

/// The lengths of one row, in tokens.
struct TokenCount: Sendable, Equatable {
  var source: ExampleSource
  var tokens: Int
  /// Tokens whose prediction counts.
  var supervised: Int
  /// Of these, the ones that are left when the row is cut off at the longest length.
  var supervisedWithin: Int
}

/// What the rows of a file are as tokens, before any is dropped or cut off.
public struct TokenStatistics: Sendable, Equatable {
  /// How many tokens the rows have.
  public var lengths: LengthStatistics
  /// Tokens whose prediction counts.
  public var supervisedTokens: Int
  /// The most tokens an example may have.
  public var maxLength: Int
  /// Rows that have more.
  public var overlongRows: Int
  /// Tokens whose prediction counts that cutting those rows off would lose.
  public var supervisedTokensLostByTruncation: Int
  /// Rows of which cutting off would leave nothing to learn.
  public var rowsEmptiedByTruncation: Int

  /// The share of the tokens whose prediction counts.
  public var supervisedShare: Double {
    Double(supervisedTokens) / Double(max(1, lengths.total))
  }

  init(_ counts: [TokenCount], maxLength: Int) {
    lengths = LengthStatistics(counts.map(\.tokens))
    supervisedTokens = counts.reduce(0) { $0 + $1.supervised }
    self.maxLength = maxLength
    let overlong = counts.filter { $0.tokens > maxLength }
    overlongRows = overlong.count
    supervisedTokensLostByTruncation = overlong.reduce(0) {
      $0 + $1.supervised - $1.supervisedWithin
    }
    rowsEmptiedByTruncation = overlong.count { $0.supervisedWithin == 0 }
  }
}

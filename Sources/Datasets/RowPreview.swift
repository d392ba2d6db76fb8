public import Tokenization

/// A row as the model meets it: its tokens, and which of them are learnt.
public struct RowPreview: Sendable, Equatable {
  /// One token.
  public struct Token: Sendable, Equatable {
    /// Its id.
    public var id: Int32
    /// The factor of its loss; 0 where it is not learnt.
    public var weight: Float
    /// The bytes that it stands for, which may end within a character.
    public var bytes: [UInt8]
  }

  /// Tokens that follow one another and are all learnt, or all not.
  public struct Stretch: Sendable, Equatable {
    /// Whether they are learnt.
    public var isLearnt: Bool
    /// The bytes that they stand for.
    public var bytes: [UInt8]
  }

  /// Where the row stands.
  public var source: ExampleSource
  /// Its tokens, in order.
  public var tokens: [Token]

  /// Makes the tokens of a row; see ``TokenizedExample/make(_:tokenizer:template:assistantOnly:)``.
  ///
  /// - Throws: ``DatasetError`` if the row cannot be learnt from.
  public init(
    _ row: Example, tokenizer: Tokenizer, template: ChatTemplate?
  ) throws(DatasetError) {
    let made = try TokenizedExample.make(row, tokenizer: tokenizer, template: template)
    source = row.source
    tokens = zip(made.tokens, made.lossWeights).map { id, weight in
      Token(id: id, weight: weight, bytes: tokenizer.bytes(of: id))
    }
  }

  /// The number of tokens that are learnt.
  public var supervisedTokens: Int { tokens.count { $0.weight > 0 } }

  /// The tokens put together as far as they are alike.
  public var stretches: [Stretch] {
    var stretches: [Stretch] = []
    for token in tokens {
      let isLearnt = token.weight > 0
      if let last = stretches.indices.last, stretches[last].isLearnt == isLearnt {
        stretches[last].bytes += token.bytes
      } else {
        stretches.append(Stretch(isLearnt: isLearnt, bytes: token.bytes))
      }
    }
    return stretches
  }
}

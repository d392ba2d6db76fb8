public import Configuration
public import Tokenization
import Kernels

/// All examples as tokens, and what became of those that were too long.
public struct TokenizedDataset: Sendable, Equatable {
  /// The examples that are left, in the order of the rows.
  public var examples: [TokenizedExample]
  /// What was counted on the way.
  public var counts: Counts

  /// What a run says about its data before it starts.
  public struct Counts: Sendable, Equatable {
    /// Rows read.
    public var rows = 0
    /// Rows left out for their length.
    public var dropped = 0
    /// Rows cut off.
    public var truncated = 0
    /// Tokens of the examples that are left.
    public var tokens = 0
    /// Of these, tokens whose prediction counts.
    public var supervisedTokens = 0
    /// Tokens whose prediction would have counted, lost with dropped rows and cut-off ends.
    public var supervisedTokensLost = 0
    /// Tokens of the longest row, before anything was cut off.
    public var longestRow = 0

    /// Makes counts of nothing.
    public init() {}
  }

  /// Turns rows into tokens, on all threads; the result does not depend on their number.
  ///
  /// - Parameters:
  ///   - template: The model's chat template; `nil` if it has none.
  ///   - maxLength: The most tokens an example may have.
  ///   - overlong: What becomes of an example with more.
  ///   - assistantOnly: Whether only what the assistant generates counts; see ``TokenizedExample/make``.
  /// - Throws: ``DatasetError`` for the first row that cannot be learnt from.
  public init(
    _ rows: [Example], tokenizer: Tokenizer, template: ChatTemplate?, maxLength: Int,
    overlong: RunConfiguration.Overlong = .error, assistantOnly: Bool = true
  ) throws(DatasetError) {
    precondition(maxLength > 1, "an example has a token to predict")
    examples = []
    examples.reserveCapacity(rows.count)
    counts = Counts()
    counts.rows = rows.count
    let made = Self.inParallel(rows) { row in
      Result<TokenizedExample, DatasetError> { () throws(DatasetError) in
        try TokenizedExample.make(
          row, tokenizer: tokenizer, template: template, assistantOnly: assistantOnly)
      }
    }
    for result in made {
      try append(try result.get(), maxLength: maxLength, overlong: overlong)
    }
    guard rows.isEmpty || !examples.isEmpty else {
      throw .allTooLong(rows: rows.count, maximum: maxLength)
    }
    counts.tokens = examples.reduce(0) { $0 + $1.tokens.count }
    counts.supervisedTokens = examples.reduce(0) { $0 + $1.supervisedTokens }
  }

  private mutating func append(
    _ example: TokenizedExample, maxLength: Int, overlong: RunConfiguration.Overlong
  ) throws(DatasetError) {
    counts.longestRow = max(counts.longestRow, example.tokens.count)
    guard example.tokens.count > maxLength else {
      examples.append(example)
      return
    }
    switch overlong {
    case .error:
      throw .tooLong(example.source, tokens: example.tokens.count, maximum: maxLength)
    case .drop:
      counts.dropped += 1
      counts.supervisedTokensLost += example.supervisedTokens
    case .truncate:
      let kept = TokenizedExample(
        tokens: Array(example.tokens.prefix(maxLength)),
        lossWeights: Array(example.lossWeights.prefix(maxLength)), source: example.source)
      guard kept.supervisedTokens > 0 else {
        throw .nothingToLearn(example.source, why: .truncated(maximum: maxLength))
      }
      counts.truncated += 1
      counts.supervisedTokensLost += example.supervisedTokens - kept.supervisedTokens
      examples.append(kept)
    }
  }

  /// `transform` of every row, in blocks that any thread may take.
  static func inParallel<Made>(
    _ rows: [Example], _ transform: (Example) -> Made
  ) -> [Made] {
    let block = 64
    let blocks = (rows.count + block - 1) / block
    var parts = [[Made]](repeating: [], count: blocks)
    parts.withUnsafeMutableBufferPointer { parts in
      // Every task writes one element of its own.
      nonisolated(unsafe) let parts = parts
      Parallel.run(blocks) { task, _ in
        parts[task] = rows[(task * block)..<min(rows.count, (task + 1) * block)].map(transform)
      }
    }
    return parts.flatMap { $0 }
  }
}

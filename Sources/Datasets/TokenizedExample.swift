/// An example as token ids, with how much predicting each of them counts.
public struct TokenizedExample: Sendable, Equatable {
  /// The ids.
  public var tokens: [Int32]
  /// For each token the factor of the loss of predicting *it*; the first is never predicted and has 0.
  public var lossWeights: [Float]
  /// The row it came from.
  public var source: ExampleSource

  /// Makes an example; the weight of the first token is set to 0.
  public init(tokens: [Int32], lossWeights: [Float], source: ExampleSource) {
    precondition(tokens.count == lossWeights.count, "every token has a weight")
    self.tokens = tokens
    self.lossWeights = lossWeights
    self.source = source
    if !lossWeights.isEmpty { self.lossWeights[0] = 0 }
  }

  /// The number of tokens whose prediction counts.
  public var supervisedTokens: Int { lossWeights.count { $0 > 0 } }

  /// The sum of the factors.
  public var totalLossWeight: Double { lossWeights.reduce(0) { $0 + Double($1) } }
}

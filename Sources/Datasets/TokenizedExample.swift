/// stub
public struct TokenizedExample: Sendable, Equatable {
  public var tokens: [Int32]
  public var lossWeights: [Float]
  public var source: ExampleSource
  public init(tokens: [Int32], lossWeights: [Float], source: ExampleSource) {
    self.tokens = tokens
    self.lossWeights = lossWeights
    self.source = source
  }
}

public import Kernels

/// Some examples in one row of tokens, end to end, without padding.
///
/// For every position the row also says which token comes next and how much predicting it counts, so that
/// neither model nor loss knows of examples: `segments` tell attention where each begins, and the last
/// position of an example predicts nothing.
public struct MicroBatch: Sendable, Equatable {
  /// The tokens of all examples.
  public var tokens: [Int32]
  /// For each position the token to predict there; 0 where nothing is predicted.
  public var targets: [Int32]
  /// For each position the factor of its prediction's loss; 0 where nothing is predicted.
  public var lossWeights: [Float]
  /// Where the examples lie, one segment each.
  public var segments: [Segment]
  /// For each segment the index of its example in the data.
  public var exampleIndices: [Int]

  /// Lays `examples[i]` end to end for each `i` in `indices`.
  public init(_ examples: [TokenizedExample], indices: [Int]) {
    let count = indices.reduce(0) { $0 + examples[$1].tokens.count }
    tokens = []
    targets = []
    lossWeights = []
    tokens.reserveCapacity(count)
    targets.reserveCapacity(count)
    lossWeights.reserveCapacity(count)
    segments = []
    exampleIndices = indices
    for index in indices {
      let example = examples[index]
      segments.append(Segment(start: tokens.count, count: example.tokens.count))
      tokens += example.tokens
      targets += example.tokens.dropFirst()
      lossWeights += example.lossWeights.dropFirst()
      if !example.tokens.isEmpty {
        targets.append(0)
        lossWeights.append(0)
      }
    }
  }

  /// The positions whose prediction counts, ascending.
  public var supervisedRows: [Int] { lossWeights.indices.filter { lossWeights[$0] != 0 } }

  /// The number of predictions whose loss counts.
  public var supervisedTokens: Int { lossWeights.count { $0 > 0 } }

  /// The sum of the factors: what a sum of losses is divided by to be a mean.
  ///
  /// Equal to ``supervisedTokens`` where every weight is 0 or 1.
  public var totalLossWeight: Double { lossWeights.reduce(0) { $0 + Double($1) } }
}

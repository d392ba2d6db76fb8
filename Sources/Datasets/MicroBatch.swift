public import Kernels

/// Some examples in one row of tokens, without padding, and what is to be predicted where.
///
/// Neither model nor loss knows of examples: `segments` tell attention which tokens see which, and
/// `predictions` say what comes next at which position and how much predicting it counts. Examples that begin
/// alike may share the tokens of that beginning; its positions then predict what any of them calls for.
public struct MicroBatch: Sendable, Equatable {
  /// What should come next at a position.
  public struct Prediction: Sendable, Equatable {
    /// Index in the row of tokens.
    public var row: Int
    /// The token to predict there.
    public var target: Int32
    /// The factor of its loss, summed over the examples that call for it; never 0.
    public var weight: Float
    /// How many examples call for it.
    public var count: Int
  }

  /// Where the examples' tokens lie.
  public let layout: TokenLayout
  /// What is to be predicted, by row and then by target, no two alike in both.
  ///
  /// The last position of an example predicts nothing for it, and a shared position may predict several tokens.
  public let predictions: [Prediction]
  /// The index in the data of each example, in the order of ``TokenLayout/lastSegments``.
  public let exampleIndices: [Int]
  /// Tokens of the examples, those that several share counted for each.
  public let exampleTokens: Int

  /// The tokens to run.
  public var tokens: [Int32] { layout.tokens }
  /// Who continues whom among them.
  public var segments: [Segment] { layout.segments }

  /// Lays out `examples[i]` for each `i` in `indices`.
  ///
  /// - Parameter sharesPrefixes: whether a beginning that examples share stands once, where that pays off. Loss and
  ///   gradients are the same either way, but for the order in which they are summed.
  public init(_ examples: [TokenizedExample], indices: [Int], sharesPrefixes: Bool = false) {
    layout = TokenLayout(indices.map { examples[$0].tokens }, sharesPrefixes: sharesPrefixes)
    exampleIndices = indices
    exampleTokens = indices.reduce(0) { $0 + examples[$1].tokens.count }

    // Keyed by row and target, in this order; weights are summed in the order of the examples.
    var found: [UInt64: Prediction] = [:]
    for (sequence, index) in indices.enumerated() {
      Self.supervise(layout.ranges(of: sequence), examples[index]) { row, target, weight in
        found[
          Prediction.key(row, target),
          default: Prediction(row: row, target: target, weight: 0, count: 0)
        ].add(weight: weight)
      }
    }
    predictions = found.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Calls `body` with what an example, whose tokens lie in `ranges`, predicts: where, what, and how much it counts.
  private static func supervise(
    _ ranges: [Range<Int>], _ example: TokenizedExample,
    _ body: (_ row: Int, _ target: Int32, _ weight: Float) -> Void
  ) {
    for (row, next) in zip(ranges.joined(), example.tokens.indices.dropFirst())
    where example.lossWeights[next] != 0 {
      body(row, example.tokens[next], example.lossWeights[next])
    }
  }

  /// What the example at `sequence` predicts, in the order of its tokens.
  ///
  /// - Parameter examples: those that the batch was made of.
  public func supervision(
    of sequence: Int, in examples: [TokenizedExample]
  ) -> [(row: Int, target: Int32, weight: Float)] {
    var positions: [(row: Int, target: Int32, weight: Float)] = []
    Self.supervise(layout.ranges(of: sequence), examples[exampleIndices[sequence]]) {
      positions.append(($0, $1, $2))
    }
    return positions
  }

  /// The number of predictions whose loss counts, for each example that calls for them.
  public var supervisedTokens: Int { predictions.reduce(0) { $0 + $1.count } }

  /// The sum of the factors: what a sum of losses is divided by to be a mean.
  ///
  /// Equal to ``supervisedTokens`` where every weight is 0 or 1.
  public var totalLossWeight: Double { predictions.reduce(0) { $0 + Double($1.weight) } }
}

extension MicroBatch.Prediction {
  /// What tells the predictions of a batch apart, in their order.
  public static func key(_ row: Int, _ target: Int32) -> UInt64 {
    UInt64(row) << 32 | UInt64(UInt32(bitPattern: target))
  }

  /// What tells it from the others of its batch.
  public var key: UInt64 { Self.key(row, target) }

  /// Counts one more example that calls for the prediction.
  fileprivate mutating func add(weight: Float) {
    self.weight += weight
    count += 1
  }
}

internal import Datasets
public import Kernels

/// Tokens to run the model on: a ragged row and its segments.
public struct TokenBatch: Sendable {
  /// The tokens, segment after segment.
  public var tokens: [Int32]
  /// Who continues whom.
  public var segments: [Segment]

  /// Makes a batch.
  public init(tokens: [Int32], segments: [Segment]) {
    self.tokens = tokens
    self.segments = segments
  }

  /// The tokens and segments of a layout.
  init(_ layout: TokenLayout) { self.init(tokens: layout.tokens, segments: layout.segments) }

  /// The tokens and segments of a micro-batch.
  init(_ batch: MicroBatch) { self.init(batch.layout) }

  /// Makes a batch of sequences that have nothing to do with each other.
  public init(sequences: [[Int32]]) {
    tokens = []
    segments = []
    for sequence in sequences {
      segments.append(Segment(start: tokens.count, count: sequence.count))
      tokens += sequence
    }
  }
}

/// The random masks of one training pass.
public struct DropoutSeed: Sendable, Equatable {
  /// The run's seed.
  public var seed: UInt64
  /// The optimizer step, from 0.
  public var step: UInt64

  /// Names the masks of a step.
  public init(seed: UInt64, step: UInt64) {
    self.seed = seed
    self.step = step
  }
}

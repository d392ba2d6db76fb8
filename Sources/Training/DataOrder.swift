internal import Kernels

/// Which examples each optimizer step takes: a pure function of the seed, so that a resumed run needs only its step.
///
/// An epoch is a permutation of all examples, cut into windows of batch size × accumulation; its last window may be
/// smaller and is stepped all the same.
public struct DataOrder: Sendable, Equatable {
  /// Number of examples.
  public let count: Int
  /// Examples of one micro-batch.
  public let batchSize: Int
  /// Micro-batches of one step.
  public let accumulation: Int
  /// Seed of the permutations; nil keeps the file's order.
  public let seed: UInt64?

  /// Makes an order.
  public init(count: Int, batchSize: Int, accumulation: Int, seed: UInt64?) {
    self.count = count
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.seed = seed
  }

  /// Optimizer steps in an epoch.
  public var stepsPerEpoch: Int { max(1, (count + batchSize * accumulation - 1) / (batchSize * accumulation)) }

  /// The examples of epoch `epoch`, in order.
  public func epoch(_ epoch: Int) -> [Int] {
    guard let seed else { return Array(0..<count) }
    return CounterRandom(seed: seed, purpose: "shuffle").permutation(count, stream: UInt64(epoch))
  }

  /// The micro-batches of step `step`, from 0, given its epoch's examples.
  public func window(_ step: Int, in epoch: [Int]) -> [[Int]] {
    let start = (step % stepsPerEpoch) * batchSize * accumulation
    let examples = epoch[start..<min(count, start + batchSize * accumulation)]
    return stride(from: examples.startIndex, to: examples.endIndex, by: batchSize).map {
      Array(examples[$0..<min(examples.endIndex, $0 + batchSize)])
    }
  }
}

import Kernels

/// In which order examples are learnt from, and after which of them the optimiser steps.
///
/// A pure function of its numbers: the plan of an epoch is the same on every machine, after every resume
/// and whatever was asked before. The order within an epoch is a permutation drawn from the counter-based
/// generator under the purpose `"shuffle"`, with the epoch as its stream; neither will change.
public struct BatchPlan: Sendable, Equatable {
  /// The examples whose gradients are summed before one step of the optimiser.
  public struct Window: Sendable, Equatable {
    /// The indices of the examples of each micro-batch.
    public var microBatches: [[Int]]

    /// The number of examples in the window.
    public var exampleCount: Int { microBatches.reduce(0) { $0 + $1.count } }
  }

  /// The number of examples.
  public var exampleCount: Int
  /// Examples in a micro-batch, `per_device_train_batch_size`.
  public var batchSize: Int
  /// Micro-batches in a window, `gradient_accumulation_steps`.
  public var accumulationSteps: Int
  /// The seed of the run, from which each epoch's order comes; `nil` keeps the order of the files.
  public var shuffleSeed: UInt64?

  /// Makes a plan for at least one example.
  public init(
    exampleCount: Int, batchSize: Int, accumulationSteps: Int = 1, shuffleSeed: UInt64? = nil
  ) {
    precondition(exampleCount > 0, "a plan needs an example")
    precondition(batchSize > 0 && accumulationSteps > 0, "batches and windows are not empty")
    self.exampleCount = exampleCount
    self.batchSize = batchSize
    self.accumulationSteps = accumulationSteps
    self.shuffleSeed = shuffleSeed
  }

  /// The number of steps in an epoch; the last, partial window is one.
  public var windowsPerEpoch: Int {
    let microBatches = (exampleCount - 1) / batchSize + 1
    return (microBatches - 1) / accumulationSteps + 1
  }

  /// The number of steps in a run of `epochs`; a part of a step is one, and a run has at least one.
  public func steps(epochs: Double) -> Int {
    let steps = (epochs * Double(windowsPerEpoch)).rounded(.up)
    return max(1, Int(exactly: steps) ?? Int.max)
  }

  /// The order of the examples in `epoch`, counted from 0.
  public func order(epoch: Int) -> [Int] {
    guard let shuffleSeed else { return Array(0..<exampleCount) }
    return CounterRandom(seed: shuffleSeed, purpose: "shuffle")
      .permutation(exampleCount, stream: UInt64(epoch))
  }

  /// The windows of `epoch`, counted from 0; every example is in exactly one.
  public func windows(epoch: Int) -> [Window] {
    let batches = slices(of: order(epoch: epoch), length: batchSize)
    return slices(of: batches, length: accumulationSteps).map(Window.init)
  }

  /// `elements` in pieces of `length`, the last of which may be shorter.
  private func slices<Element>(of elements: [Element], length: Int) -> [[Element]] {
    stride(from: 0, to: elements.count, by: length).map { start in
      Array(elements[start..<min(elements.count - start, length) + start])
    }
  }
}

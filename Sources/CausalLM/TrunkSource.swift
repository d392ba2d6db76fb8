public import Datasets
public import Kernels

/// Keeps the input of the lowest adapted block, so that the blocks below it are run once for each example.
///
/// No adapter acts below that block, so what reaches it is a function of an example's tokens alone: the same to the
/// bit in every step, in every micro-batch, and whether or not beginnings are shared.
public protocol TrunkSource {
  /// Writes the rows of a micro-batch.
  ///
  /// - Parameters:
  ///   - rows: the input of the lowest adapted block, `[batch.tokens, hidden]`, rows end to end.
  /// - Returns: whether every row has been written; if not, `rows` is computed and handed to `keep`.
  func fill(_ rows: Matrix, of batch: MicroBatch) -> Bool

  /// Takes rows that have been computed, `[batch.tokens, hidden]`.
  func keep(_ rows: Matrix, of batch: MicroBatch)
}

extension CausalLM {
  /// The blocks below the lowest adapted one, whose activations are the same in every step; 0 without an adapter.
  public var trunkBlockCount: Int { adapter == nil ? 0 : lowestAdaptedLayer }

  /// Writes the input of the lowest adapted block: read from `trunk`, or computed and given to it.
  ///
  /// - Parameter batch: what the tokens of `pass` are.
  /// - Returns: the first block that is still to run.
  func runTrunk(_ pass: Pass, of batch: MicroBatch, from trunk: any TrunkSource) -> Int {
    let first = trunkBlockCount
    guard first > 0, first < layers.count else { return 0 }
    let rows = pass.stream(first)
      .matrix(rows: pass.tokens, columns: configuration.hiddenSize)
    guard !profile.measure(.trunk, { trunk.fill(rows, of: batch) }) else { return first }
    embed(batch.tokens, pass)
    for index in 0..<first { forward(layer: index, pass, nil) }
    profile.measure(.trunk) { trunk.keep(rows, of: batch) }
    return first
  }
}

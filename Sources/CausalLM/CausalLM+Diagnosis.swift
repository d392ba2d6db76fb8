public import Datasets
internal import Kernels

/// Where numbers first stop being finite.
public enum NonFinitePlace: Sendable, Equatable, CustomStringConvertible {
  /// In the output of a block.
  case block(Int)
  /// Behind the last block: in the final norm, the head or the loss.
  case head

  /// `"block 3"`, or `"the head"`.
  public var description: String {
    switch self {
    case .block(let index): "block \(index)"
    case .head: "the head"
    }
  }
}

extension CausalLM {
  /// Where a forward pass over a batch first gives a number that is not finite; nil where all are.
  ///
  /// - Parameters:
  ///   - dropout: the masks of the step in question.
  ///   - noise: the noise of the step in question.
  public func firstNonFinite(
    _ supervised: MicroBatch, dropout: DropoutSeed? = nil, noise: EmbeddingNoise? = nil
  ) -> NonFinitePlace? {
    let prepared = PreparedBatch(supervised)
    var place: NonFinitePlace?
    let pass = forward(
      prepared.input, isRecording: false, dropout: dropout, noise: noise.map { ($0, supervised) },
      blockSink: { block, output in
        if place == nil, !output.isFinite { place = .block(block) }
      })
    if let place { return place }
    var logitsAreFinite = true
    withLogits(pass) { _, logits in logitsAreFinite = logitsAreFinite && logits.isFinite }
    return logitsAreFinite ? nil : .head
  }
}

extension Matrix {
  /// Whether no element is infinite or not a number.
  fileprivate var isFinite: Bool {
    for row in 0..<rows {
      let values = self.row(row)
      for column in 0..<columns where !values[column].isFinite { return false }
    }
    return true
  }
}

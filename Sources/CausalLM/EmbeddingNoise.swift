public import Datasets
public import Kernels

/// NEFTune: noise on the embeddings of a training pass.
///
/// Each number of an example's embeddings, `length` tokens of `hidden` numbers, gets a draw of its own:
///
///     x += u · alpha / √(length · hidden),    u uniform in [−1, 1)
///
/// `length` is that of the example itself; Transformers takes the padded length of its batch, and nothing is padded
/// here. A draw is a function of the run's seed, the step, the example and the place in it, so that neither the cut of
/// a micro-batch nor the number of threads nor a resume changes it. Two examples with the same beginning get different
/// noise, so their beginnings are not shared.
///
/// - SeeAlso: Jain et al. 2023, "NEFTune: Noisy Embeddings Improve Instruction Finetuning", arXiv:2310.05914.
public struct EmbeddingNoise: Sendable, Equatable {
  /// The noise's size: `neftune_noise_alpha`.
  public var alpha: Double
  /// The run's seed.
  public var seed: UInt64
  /// The optimizer step, from 0.
  public var step: UInt64

  /// Names the noise of a step.
  public init(alpha: Double, seed: UInt64, step: UInt64) {
    self.alpha = alpha
    self.seed = seed
    self.step = step
  }

  /// Adds the noise of a micro-batch whose examples stand end to end.
  ///
  /// - Parameter rows: the embeddings, `[batch.tokens, hidden]`.
  public func add(to rows: Matrix, of batch: MicroBatch) {
    precondition(
      batch.segments.count == batch.exampleIndices.count
        && batch.segments.allSatisfy { $0.parent == nil }, "examples with noise share nothing")
    let random = CounterRandom(
      key: CounterRandom(seed: seed, purpose: "neftune").key ^ CounterRandom.mix(step))
    // Four draws a counter.
    let quads = (rows.columns + 3) / 4
    for (segment, example) in zip(batch.segments, batch.exampleIndices) {
      let size = Float(alpha / Double(segment.count * rows.columns).squareRoot())
      Parallel.rows(segment.count, block: 8) { range, _ in
        for position in range {
          let x = rows.row(segment.start + position)
          for quad in 0..<quads {
            let w = random.words(UInt64(position * quads + quad), stream: UInt64(example))
            let words = SIMD4<UInt32>(w.0, w.1, w.2, w.3) &>> 8
            let draws = size * (SIMD4<Float>(words) * 0x1p-23 - 1)
            for lane in 0..<min(4, rows.columns - 4 * quad) { x[4 * quad + lane] += draws[lane] }
          }
        }
      }
    }
  }
}

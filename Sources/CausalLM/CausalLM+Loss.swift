public import Datasets
internal import Kernels
internal import ModelFiles
internal import Quantization

/// Sums over supervised positions.
public struct LossSums: Sendable, Equatable {
  /// Σ weight · negative log-likelihood, nats.
  public var loss = 0.0
  /// Σ weight.
  public var weight = 0.0
  /// Positions with a weight.
  public var positions = 0
  /// Those whose target had the largest logit.
  public var correct = 0

  /// Makes empty sums.
  public init() {}

  /// Adds the sums of another batch.
  public static func += (lhs: inout LossSums, rhs: LossSums) {
    lhs.loss += rhs.loss
    lhs.weight += rhs.weight
    lhs.positions += rhs.positions
    lhs.correct += rhs.correct
  }

  /// Mean loss in nats, 0 where nothing was counted.
  public var mean: Double { weight > 0 ? loss / weight : 0 }
}

extension CausalLM {
  /// The loss over a batch, without gradients.
  ///
  /// - Parameter trunk: where the activations below the adapters are kept; nil computes them.
  public func loss(_ supervised: MicroBatch, trunk: (any TrunkSource)? = nil) -> LossSums {
    let prepared = PreparedBatch(supervised)
    let pass = forward(
      prepared.input, isRecording: false, trunk: trunk.map { ($0, prepared.batch) })
    return runHead(pass, prepared, gradientScale: nil)
  }

  /// The loss of each example of a batch: Σ weight · negative log-likelihood over its own tokens, nats.
  ///
  /// - Parameter examples: those that the batch was made of.
  public func losses(_ supervised: MicroBatch, of examples: [TokenizedExample]) -> [Double] {
    let prepared = PreparedBatch(supervised)
    let pass = forward(prepared.input, isRecording: false)
    _ = runHead(pass, prepared, gradientScale: nil)
    var found: [UInt64: Double] = [:]
    for (prediction, result) in zip(supervised.predictions, prepared.results) {
      found[prediction.key] = Double(result.loss)
    }
    return supervised.exampleIndices.indices.map { sequence in
      supervised.supervision(of: sequence, in: examples).reduce(0) { sum, position in
        let (row, target, weight) = position
        return sum + Double(weight) * (found[MicroBatch.Prediction.key(row, target)] ?? 0)
      }
    }
  }

  /// The loss over a batch; adds the gradient of `gradientScale · Σ weight · loss` to the adapter's gradients.
  ///
  /// Allocates nothing once a batch of this size has been seen.
  ///
  /// - Parameters:
  ///   - gradientScale: 1 / Σ weight over the whole accumulation window, so that the window's step is the step of one
  ///     large batch.
  ///   - dropout: names this step's masks; nil for none.
  ///   - noise: what is added to the embeddings; not with a trunk, nor where beginnings are shared.
  ///   - smoothing: label smoothing of the loss, ε of `CrossEntropy`.
  ///   - trunk: where the activations below the adapters are kept; nil computes them.
  public func accumulateGradients(
    _ prepared: PreparedBatch, gradientScale: Float, dropout: DropoutSeed?,
    noise: EmbeddingNoise? = nil, smoothing: Float = 0, trunk: (any TrunkSource)? = nil
  ) -> LossSums {
    let pass = forward(
      prepared.input, isRecording: true, dropout: dropout,
      noise: noise.map { ($0, prepared.batch) }, trunk: trunk.map { ($0, prepared.batch) })
    let sums = runHead(pass, prepared, gradientScale: gradientScale, smoothing: smoothing)
    backward(pass)
    return sums
  }

  /// `accumulateGradients` of a batch that is made ready first.
  public func accumulateGradients(
    _ supervised: MicroBatch, gradientScale: Float, dropout: DropoutSeed?,
    noise: EmbeddingNoise? = nil, smoothing: Float = 0, trunk: (any TrunkSource)? = nil
  ) -> LossSums {
    accumulateGradients(
      PreparedBatch(supervised), gradientScale: gradientScale, dropout: dropout, noise: noise,
      smoothing: smoothing, trunk: trunk)
  }

  /// Norm, head and loss at supervised positions alone, in chunks; with a gradient scale also their backward pass, whose
  /// result is `gradHidden`.
  private func runHead(
    _ pass: Pass, _ prepared: PreparedBatch, gradientScale: Float?, smoothing: Float = 0
  ) -> LossSums {
    let predictions = prepared.batch.predictions
    if let gradientScale {
      for (index, prediction) in predictions.enumerated() {
        prepared.scales[index] = prediction.weight * gradientScale
      }
    }
    let hidden = pass.hidden(self)
    let gradHidden = gradientScale.map { _ in pass.gradHidden(self) }
    if let gradHidden { profile.measure(.residual) { Elementwise.clear(gradHidden) } }
    withLogits(pass) { chunk, logits in
      profile.measure(.loss) {
        guard let first = prepared.firstTargets.baseAddress,
          let targets = prepared.targets.baseAddress, let results = prepared.results.baseAddress
        else { return }
        CrossEntropy.evaluate(
          logits, firstTargets: first + chunk.lowerBound, targets: targets,
          gradientScales: gradientScale == nil ? nil : UnsafePointer(prepared.scales.baseAddress),
          softCap: configuration.blocks.logitSoftCap, smoothing: smoothing, results: results)
      }
      guard let gradHidden else { return }
      let gradNormed = pass.store.headGrad.matrix(
        rows: chunk.count, columns: configuration.hiddenSize)
      profile.measure(.headBackward) {
        headProducts[0].outputs = logits
        WeightMatrix.backward(headProducts, into: gradNormed, accumulate: false, planes: planes)
      }
      profile.measure(.norm) {
        RMSNorm.backward(
          gradNormed, input: hidden.rows(chunk), weight: finalNorm.base,
          rstd: pass.store.headRstd.base, gradInput: gradHidden.rows(chunk))
      }
    }
    var sums = LossSums()
    for (prediction, result) in zip(predictions, prepared.results) {
      sums.loss += Double(prediction.weight) * Double(result.loss)
      sums.weight += Double(prediction.weight)
      sums.correct += result.isCorrect ? prediction.count : 0
      sums.positions += prediction.count
    }
    return sums
  }
}

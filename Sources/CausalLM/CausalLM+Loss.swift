public import Datasets
internal import Kernels
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
  public func loss(_ supervised: MicroBatch) -> LossSums {
    let rows = supervised.supervisedRows
    let pass = forward(TokenBatch(supervised), isRecording: false, rows: rows)
    var sums = LossSums()
    runHead(pass, rows, supervised, gradientScale: nil, &sums)
    return sums
  }

  /// The loss over a batch; adds the gradient of `gradientScale · Σ weight · loss` to the adapter's gradients.
  ///
  /// - Parameters:
  ///   - gradientScale: 1 / Σ weight over the whole accumulation window, so that the window's step is the step of one
  ///     large batch.
  ///   - dropout: names this step's masks; nil for none.
  public func accumulateGradients(
    _ supervised: MicroBatch, gradientScale: Float, dropout: DropoutSeed?
  ) -> LossSums {
    let rows = supervised.supervisedRows
    let pass = forward(TokenBatch(supervised), isRecording: true, dropout: dropout, rows: rows)
    var sums = LossSums()
    runHead(pass, rows, supervised, gradientScale: gradientScale, &sums)
    backward(pass)
    return sums
  }

  /// Norm, head and loss at supervised positions alone, in chunks; with a gradient scale also their backward pass, whose
  /// result is `gradHidden`.
  private func runHead(
    _ pass: Pass, _ rows: [Int], _ supervised: MicroBatch, gradientScale: Float?,
    _ sums: inout LossSums
  ) {
    // Where every token has an output, those without a target count nothing.
    let rows = pass.selected == nil ? Array(0..<pass.tokens) : rows
    let targets = rows.map { supervised.targets[$0] }
    let weights = rows.map { supervised.lossWeights[$0] }
    let scales = gradientScale.map { scale in weights.map { $0 * scale } }
    var results = [CrossEntropy.RowResult](repeating: .init(), count: rows.count)
    let hidden = pass.hidden(self)
    let gradHidden = gradientScale.map { _ in pass.gradHidden(self) }
    if let gradHidden { profile.measure(.residual) { Elementwise.clear(gradHidden) } }
    withLogits(pass) { chunk, logits in
      profile.measure(.loss) {
        results.withUnsafeMutableBufferPointer { results in
          targets.withUnsafeBufferPointer { targets in
            guard let result = results.baseAddress, let target = targets.baseAddress else { return }
            guard let scales else {
              CrossEntropy.evaluate(
                logits, targets: target + chunk.lowerBound, gradientScales: nil,
                results: result + chunk.lowerBound)
              return
            }
            scales.withUnsafeBufferPointer { scales in
              CrossEntropy.evaluate(
                logits, targets: target + chunk.lowerBound,
                gradientScales: scales.baseAddress.map { $0 + chunk.lowerBound },
                results: result + chunk.lowerBound)
            }
          }
        }
      }
      guard let gradHidden else { return }
      let gradNormed = pass.store.headGrad.matrix(
        rows: chunk.count, columns: configuration.hiddenSize)
      profile.measure(.headBackward) {
        WeightMatrix.backward(
          [WeightMatrix.Product(weight: head, outputs: logits)], into: gradNormed,
          accumulate: false, planes: planes)
      }
      profile.measure(.norm) {
        RMSNorm.backward(
          gradNormed, input: hidden.rows(chunk), weight: finalNorm.base,
          rstd: pass.store.headRstd.base, gradInput: gradHidden.rows(chunk))
      }
    }
    for (index, result) in results.enumerated() where weights[index] != 0 {
      sums.loss += Double(weights[index]) * Double(result.loss)
      sums.weight += Double(weights[index])
      sums.correct += result.isCorrect ? 1 : 0
      sums.positions += 1
    }
  }
}

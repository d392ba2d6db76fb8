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

/// What a pass is to predict: the micro-batch's predictions as the head and the loss take them.
struct PredictionTargets {
  /// Tokens that predict anything, ascending.
  let rows: [Int]
  /// For each of them, where its targets begin; then where the last's end.
  let firstTargets: [Int]
  /// The targets, row by row.
  let targets: [Int32]
  /// The factor of each one's loss.
  let weights: [Float]
  /// How many examples call for each.
  let counts: [Int]

  init(_ batch: MicroBatch) {
    var rows: [Int] = []
    var firstTargets: [Int] = []
    for (index, prediction) in batch.predictions.enumerated() where rows.last != prediction.row {
      rows.append(prediction.row)
      firstTargets.append(index)
    }
    self.rows = rows
    self.firstTargets = firstTargets + [batch.predictions.count]
    targets = batch.predictions.map(\.target)
    weights = batch.predictions.map(\.weight)
    counts = batch.predictions.map(\.count)
  }
}

extension CausalLM {
  /// The loss over a batch, without gradients.
  ///
  /// - Parameter trunk: where the activations below the adapters are kept; nil computes them.
  public func loss(_ supervised: MicroBatch, trunk: (any TrunkSource)? = nil) -> LossSums {
    let targets = PredictionTargets(supervised)
    let pass = forward(
      TokenBatch(supervised), isRecording: false, rows: targets.rows,
      trunk: trunk.map { ($0, supervised) })
    var sums = LossSums()
    runHead(pass, targets, gradientScale: nil, &sums)
    return sums
  }

  /// The loss over a batch; adds the gradient of `gradientScale · Σ weight · loss` to the adapter's gradients.
  ///
  /// - Parameters:
  ///   - gradientScale: 1 / Σ weight over the whole accumulation window, so that the window's step is the step of one
  ///     large batch.
  ///   - dropout: names this step's masks; nil for none.
  ///   - trunk: where the activations below the adapters are kept; nil computes them.
  public func accumulateGradients(
    _ supervised: MicroBatch, gradientScale: Float, dropout: DropoutSeed?,
    trunk: (any TrunkSource)? = nil
  ) -> LossSums {
    let targets = PredictionTargets(supervised)
    let pass = forward(
      TokenBatch(supervised), isRecording: true, dropout: dropout, rows: targets.rows,
      trunk: trunk.map { ($0, supervised) })
    var sums = LossSums()
    runHead(pass, targets, gradientScale: gradientScale, &sums)
    backward(pass)
    return sums
  }

  /// Norm, head and loss at supervised positions alone, in chunks; with a gradient scale also their backward pass, whose
  /// result is `gradHidden`.
  private func runHead(
    _ pass: Pass, _ targets: PredictionTargets, gradientScale: Float?, _ sums: inout LossSums
  ) {
    let scales = gradientScale.map { scale in targets.weights.map { $0 * scale } }
    var results = [CrossEntropy.RowResult](repeating: .init(), count: targets.targets.count)
    let hidden = pass.hidden(self)
    let gradHidden = gradientScale.map { _ in pass.gradHidden(self) }
    if let gradHidden { profile.measure(.residual) { Elementwise.clear(gradHidden) } }
    withLogits(pass) { chunk, logits in
      profile.measure(.loss) {
        evaluate(logits, targets, rows: chunk, scales: scales, &results)
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
    for (index, result) in results.enumerated() {
      sums.loss += Double(targets.weights[index]) * Double(result.loss)
      sums.weight += Double(targets.weights[index])
      sums.correct += result.isCorrect ? targets.counts[index] : 0
      sums.positions += targets.counts[index]
    }
  }

  private func evaluate(
    _ logits: Matrix, _ targets: PredictionTargets, rows: Range<Int>, scales: [Float]?,
    _ results: inout [CrossEntropy.RowResult]
  ) {
    targets.firstTargets.withUnsafeBufferPointer { first in
      targets.targets.withUnsafeBufferPointer { ids in
        results.withUnsafeMutableBufferPointer { results in
          guard let first = first.baseAddress, let ids = ids.baseAddress,
            let results = results.baseAddress
          else { return }
          func run(_ scales: UnsafePointer<Float>?) {
            CrossEntropy.evaluate(
              logits, firstTargets: first + rows.lowerBound, targets: ids, gradientScales: scales,
              results: results)
          }
          if let scales {
            scales.withUnsafeBufferPointer { run($0.baseAddress) }
          } else {
            run(nil)
          }
        }
      }
    }
  }
}

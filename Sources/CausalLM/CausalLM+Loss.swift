public import Datasets
internal import Kernels
internal import LoRA
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
    let pass = forward(TokenBatch(supervised), isRecording: false)
    var sums = LossSums()
    runHead(pass, supervised, gradientScale: nil, &sums)
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
    let pass = forward(TokenBatch(supervised), isRecording: true, dropout: dropout)
    var sums = LossSums()
    pass.store.gradStream.matrix(rows: pass.tokens, columns: configuration.hiddenSize).fill(0)
    runHead(pass, supervised, gradientScale: gradientScale, &sums)
    backward(pass)
    return sums
  }

  /// Norm, head and loss at supervised positions alone, in chunks; with a gradient scale also their backward pass, whose
  /// result lands in `gradStream`.
  private func runHead(
    _ pass: Pass, _ supervised: MicroBatch, gradientScale: Float?, _ sums: inout LossSums
  ) {
    let rows = supervised.lossWeights.indices.filter { supervised.lossWeights[$0] != 0 }
    let targets = rows.map { supervised.targets[$0] }
    let weights = rows.map { supervised.lossWeights[$0] }
    let scales = gradientScale.map { scale in weights.map { $0 * scale } }
    var results = [CrossEntropy.RowResult](repeating: .init(), count: rows.count)
    let d = configuration.hiddenSize
    let hidden = pass.hidden(self)
    withLogits(pass, rows: rows) { chunk, logits in
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
      guard gradientScale != nil else { return }
      let gradNormed = pass.store.headGrad.matrix(rows: chunk.count, columns: d)
      head.backward(logits, into: gradNormed, accumulate: false)
      for (index, row) in rows[chunk].enumerated() {
        RMSNorm.backward(
          gradNormed.rows(index..<index + 1), input: hidden.rows(row..<row + 1),
          weight: finalNorm.base,
          rstd: pass.store.headRstd.base + index,
          gradInput: pass.store.gradStream.matrix(rows: pass.tokens, columns: d).rows(row..<row + 1)
        )
      }
    }
    for (index, result) in results.enumerated() {
      sums.loss += Double(weights[index]) * Double(result.loss)
      sums.weight += Double(weights[index])
      sums.correct += result.isCorrect ? 1 : 0
    }
    sums.positions += rows.count
  }

  /// Carries `gradStream`, ∂loss/∂(last block's output), down to the lowest adapted block.
  private func backward(_ pass: Pass) {
    let lowest = lowestAdaptedLayer
    for index in layers.indices.reversed() where index >= lowest {
      backward(layer: index, pass, needsInputGradient: index > lowest)
    }
  }

  private func backward(layer index: Int, _ pass: Pass, needsInputGradient: Bool) {
    let segments = pass.segments
    let c = configuration
    let (layer, store, t) = (layers[index], pass.store, pass.tokens)
    let kept = store.layer(index)
    let downs = downViews(layer, kept, t)
    let positions = UnsafePointer(store.positions.baseAddress.unsafelyUnwrapped)
    let gradStream = store.gradStream.matrix(rows: t, columns: c.hiddenSize)
    let gradNormed = store.gradNormed.matrix(rows: t, columns: c.hiddenSize)
    let normed = store.normed.matrix(rows: t, columns: c.hiddenSize)
    let middle = kept.middle.matrix(rows: t, columns: c.hiddenSize)

    // y = h + down_proj(silu(gate) · up)
    let gate = kept.gate.matrix(rows: t, columns: c.intermediateSize)
    let up = kept.up.matrix(rows: t, columns: c.intermediateSize)
    let product = store.product.matrix(rows: t, columns: c.intermediateSize)
    let gradProduct = store.gradProduct.matrix(rows: t, columns: c.intermediateSize)
    if layer.down.module != nil { SwiGLU.forward(gate: gate, up: up, output: product) }
    layer.down.backward(
      gradStream, input: product, down: downs[6], gradInput: gradProduct, accumulate: false,
      pass.context)
    // The gradients take the places of gate and up, which nothing reads any more.
    SwiGLU.backward(gradProduct, gate: gate, up: up, gradGate: gate, gradUp: up)
    if layer.gate.module != nil || layer.up.module != nil {
      RMSNorm.recompute(
        middle, weight: layer.postAttentionNorm.base, rstd: kept.middleRstd.base, output: normed)
    }
    layer.gate.backward(
      gate, input: normed, down: downs[4], gradInput: gradNormed, accumulate: false, pass.context)
    layer.up.backward(
      up, input: normed, down: downs[5], gradInput: gradNormed, accumulate: true, pass.context)
    RMSNorm.backward(
      gradNormed, input: middle, weight: layer.postAttentionNorm.base, rstd: kept.middleRstd.base,
      gradInput: gradStream)

    // h = x + o_proj(attention(…))
    let query = kept.query.matrix(rows: t, columns: c.queryWidth)
    let key = kept.key.matrix(rows: t, columns: c.keyValueWidth)
    let value = kept.value.matrix(rows: t, columns: c.keyValueWidth)
    let attended = kept.attention.matrix(rows: t, columns: c.queryWidth)
    let gradAttended = store.gradAttention.matrix(rows: t, columns: c.queryWidth)
    let gradQuery = store.gradQuery.matrix(rows: t, columns: c.queryWidth)
    let gradKey = store.gradKey.matrix(rows: t, columns: c.keyValueWidth)
    let gradValue = store.gradValue.matrix(rows: t, columns: c.keyValueWidth)
    layer.output.backward(
      gradStream, input: attended, down: downs[3], gradInput: gradAttended, accumulate: false,
      pass.context)
    attention.backward(
      gradAttended, output: attended, queries: query, keys: key, values: value, segments: segments,
      logSumExp: kept.logSumExp.base, gradQueries: gradQuery, gradKeys: gradKey,
      gradValues: gradValue)
    rotary.rotate(gradQuery, positions: positions, inverse: true)
    rotary.rotate(gradKey, positions: positions, inverse: true)
    let input = store.stream(index).matrix(rows: t, columns: c.hiddenSize)
    if [layer.query, layer.key, layer.value].contains(where: { $0.module != nil }) {
      RMSNorm.recompute(
        input, weight: layer.inputNorm.base, rstd: kept.inputRstd.base, output: normed)
    }
    let target = needsInputGradient ? gradNormed : nil
    layer.query.backward(
      gradQuery, input: normed, down: downs[0], gradInput: target, accumulate: false, pass.context)
    layer.key.backward(
      gradKey, input: normed, down: downs[1], gradInput: target, accumulate: true, pass.context)
    layer.value.backward(
      gradValue, input: normed, down: downs[2], gradInput: target, accumulate: true, pass.context)
    if needsInputGradient {
      RMSNorm.backward(
        gradNormed, input: input, weight: layer.inputNorm.base, rstd: kept.inputRstd.base,
        gradInput: gradStream)
    }
  }
}

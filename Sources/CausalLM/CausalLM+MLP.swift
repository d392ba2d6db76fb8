internal import Kernels
internal import ModelFiles

/// The second half of a block: norm, gated MLP, and where the family has it a norm of what comes out.
extension CausalLM {
  /// Writes the block's output from `middle`.
  ///
  /// - Parameter isRepetition: makes again what the backward pass reads, and not the output, which is there.
  func forwardMLP(layer index: Int, _ pass: Pass, _ v: LayerViews, isRepetition: Bool) {
    let c = configuration
    let (layer, context, kept) = (layers[index], pass.context, v.kept)
    let normed = v.normed.rows(0..<v.s)
    profile.measure(.norm) {
      RMSNorm.forward(
        v.middle, weight: layer.mlpNorm.base, epsilon: c.rmsNormEpsilon, output: normed,
        rstd: kept.middleRstd.base)
    }
    layer.gateGroup.forward(
      normed, into: v.gate, v.up, down: v.down(3, layer.gateGroup, rows: v.s), keys: v.queryKeys,
      context)
    let down = v.down(4, layer.downGroup, rows: v.s)
    if isRepetition, layer.mlpOutputNorm == nil {
      guard layer.downGroup.readsInput, let down else { return }
      applyGate(v)
      layer.downGroup.project(v.product, into: down, keys: v.queryKeys, context)
      return
    }
    applyGate(v)
    let output = pass.stream(index + 1).matrix(rows: v.s, columns: c.hiddenSize)
    let projected = layer.mlpOutputNorm == nil ? output : v.mlpOutput
    layer.downGroup.forward(v.product, into: projected, down: down, keys: v.queryKeys, context)
    if let norm = layer.mlpOutputNorm {
      profile.measure(.norm) {
        RMSNorm.forward(
          projected, weight: norm.base, epsilon: c.rmsNormEpsilon,
          output: isRepetition ? normed : output, rstd: kept.mlpOutputRstd.base)
      }
      if isRepetition { return }
    }
    profile.measure(.residual) { Elementwise.add(v.middle, to: output) }
  }

  /// Adds the gradient of the norm before the MLP to `gradOutput`, which is ∂loss/∂(the block's output).
  func backwardMLP(layer index: Int, _ pass: Pass, _ v: LayerViews, gradOutput: Matrix) {
    let c = configuration
    let (layer, store, context, kept) = (layers[index], pass.store, pass.context, v.kept)
    let middleNormed = v.normed.rows(0..<v.s)
    let gradMiddleNormed = store.gradNormed.matrix(rows: v.s, columns: c.hiddenSize)

    // y = h + down_proj(f(gate) · up), or its norm
    let gradMLPOutput = throughNorm(
      gradOutput, layer.mlpOutputNorm, of: v.mlpOutput, rstd: kept.mlpOutputRstd, store)
    let gradProduct = store.gradProduct.matrix(rows: v.s, columns: c.intermediateSize)
    if layer.downGroup.readsInput { applyGate(v) }
    layer.downGroup.backward(
      gradMLPOutput, input: v.product, down: v.down(4, layer.downGroup, rows: v.s),
      gradInput: gradProduct, keys: v.queryKeys, context)
    // The gradients take the places of gate and up, which nothing reads any more.
    profile.measure(.swiglu) {
      switch c.blocks.activation {
      case .silu:
        SwiGLU.backward(gradProduct, gate: v.gate, up: v.up, gradGate: v.gate, gradUp: v.up)
      case .geluTanh:
        GeGLU.backward(gradProduct, gate: v.gate, up: v.up, gradGate: v.gate, gradUp: v.up)
      }
    }
    if layer.gateGroup.readsInput {
      profile.measure(.norm) {
        RMSNorm.recompute(
          v.middle, weight: layer.mlpNorm.base, rstd: kept.middleRstd.base, output: middleNormed)
      }
    }
    layer.gateGroup.backward(
      v.gate, v.up, input: middleNormed, down: v.down(3, layer.gateGroup, rows: v.s),
      gradInput: gradMiddleNormed, keys: v.queryKeys, context)
    profile.measure(.norm) {
      RMSNorm.backward(
        gradMiddleNormed, input: v.middle, weight: layer.mlpNorm.base, rstd: kept.middleRstd.base,
        gradInput: gradOutput)
    }
  }

  /// ∂loss/∂(what a norm read), from that of what it gave; the same matrix where there is no norm.
  ///
  /// The result lasts until the next call.
  func throughNorm(
    _ grad: Matrix, _ weight: FloatBuffer?, of input: Matrix, rstd: FloatBuffer,
    _ store: ActivationStore
  ) -> Matrix {
    guard let weight else { return grad }
    let gradInput = store.gradBranch.matrix(rows: grad.rows, columns: grad.columns)
    profile.measure(.norm) {
      // The norm's backward pass adds.
      Elementwise.clear(gradInput)
      RMSNorm.backward(
        grad, input: input, weight: weight.base, rstd: rstd.base, gradInput: gradInput)
    }
    return gradInput
  }

  private func applyGate(_ v: LayerViews) {
    profile.measure(.swiglu) {
      switch configuration.blocks.activation {
      case .silu: SwiGLU.forward(gate: v.gate, up: v.up, output: v.product)
      case .geluTanh: GeGLU.forward(gate: v.gate, up: v.up, output: v.product)
      }
    }
  }
}

internal import Kernels
internal import Quantization

extension CausalLM {
  /// Carries `gradHidden`, ∂loss/∂(last block's output), down to the lowest adapted block.
  func backward(_ pass: Pass) {
    let lowest = lowestAdaptedLayer
    for index in layers.indices.reversed() where index >= lowest {
      switch pass.store.presence(of: index) {
      case .inPlace: break
      case .rounded:
        profile.measure(.keeping) { pass.store.restore(layer: index, tokens: pass.tokens) }
      case .forgotten: forward(layer: index, pass, nil, isRepetition: true)
      }
      backward(layer: index, pass, needsInputGradient: index > lowest)
    }
  }

  private func backward(layer index: Int, _ pass: Pass, needsInputGradient: Bool) {
    guard case .layout(let layout, let last) = pass.visibility else { return }
    let c = configuration
    let (layer, store, context) = (layers[index], pass.store, pass.context)
    let kept = pass.layer(index)
    let v = LayerViews(c, pass, layer: index)
    let gradStream = store.gradStream.matrix(rows: v.t, columns: c.hiddenSize)
    // The gradient of this block's output, one row for each token that has one.
    let gradOutput = v.selects ? pass.gradHidden(self) : gradStream
    let gradNormed = store.gradNormed.matrix(rows: v.t, columns: c.hiddenSize)
    backwardMLP(layer: index, pass, v, gradOutput: gradOutput)

    // h = x + o_proj(attention(…)), or its norm
    let gradAttentionOutput = throughNorm(
      gradOutput, layer.attentionOutputNorm, of: v.attentionOutput,
      rstd: kept.attentionOutputRstd, store)
    let gradAttended = store.gradAttention.matrix(rows: v.s, columns: c.queryWidth)
    let gradFinalQuery = store.gradQuery.matrix(rows: v.s, columns: c.queryWidth)
    let gradFinalKey = store.gradKey.matrix(rows: v.t, columns: c.keyValueWidth)
    let gradValue = store.gradValue.matrix(rows: v.t, columns: c.keyValueWidth)
    layer.outputGroup.backward(
      gradAttentionOutput, input: v.attended, down: v.down(2, layer.outputGroup, rows: v.s),
      gradInput: gradAttended, keys: v.queryKeys, context)
    if layer.queryNorm != nil {
      normalizeHeads(layer, v, isRepetition: true)
      rotate(layer, v)
    }
    profile.measure(.attentionBackward) {
      attention.backward(
        gradAttended, output: v.attended, queries: v.finalQuery, keys: v.finalKey, values: v.value,
        layout: v.selects ? last : layout, window: layer.window, logSumExp: kept.logSumExp.base,
        gradQueries: gradFinalQuery, gradKeys: gradFinalKey, gradValues: gradValue)
    }
    let (gradQuery, gradKey) = backwardOfQueriesAndKeys(gradFinalQuery, gradFinalKey, layer, v)
    let input = pass.stream(index).matrix(rows: v.t, columns: c.hiddenSize)
    let target = needsInputGradient ? gradNormed : nil
    if layer.queryGroup.readsInput || layer.keyValueGroup?.readsInput ?? false {
      profile.measure(.norm) {
        RMSNorm.recompute(
          input, weight: layer.inputNorm.base, rstd: kept.inputRstd.base, output: v.normed)
      }
    }
    if let keyValueGroup = layer.keyValueGroup {
      keyValueGroup.backward(
        gradKey, gradValue, input: v.normed, down: v.down(1, keyValueGroup, rows: v.t),
        gradInput: target, keys: v.keys, context)
      let queryDown = v.down(0, layer.queryGroup, rows: v.s)
      if v.selects, let rows = pass.selected {
        let normed = store.selectedNormed.matrix(rows: v.s, columns: c.hiddenSize)
        let gradSelected = store.selectedInput.matrix(rows: v.s, columns: c.hiddenSize)
        profile.measure(.residual) { Elementwise.gather(v.normed, rows, into: normed) }
        layer.queryGroup.backward(
          gradQuery, input: normed, down: queryDown,
          gradInput: needsInputGradient ? gradSelected : nil, keys: v.queryKeys, context)
        if needsInputGradient {
          profile.measure(.residual) {
            Elementwise.scatterAdd(gradSelected, rows, to: gradNormed)
            Elementwise.clear(gradStream)
            Elementwise.scatterAdd(gradOutput, rows, to: gradStream)
          }
        }
      } else {
        layer.queryGroup.backward(
          gradQuery, input: v.normed, down: queryDown, gradInput: target, accumulate: true,
          keys: v.keys, context)
      }
    } else {
      layer.queryGroup.backward(
        gradQuery, gradKey, gradValue, input: v.normed,
        down: v.down(0, layer.queryGroup, rows: v.t), gradInput: target, keys: v.keys, context)
    }
    if needsInputGradient {
      profile.measure(.norm) {
        RMSNorm.backward(
          gradNormed, input: input, weight: layer.inputNorm.base, rstd: kept.inputRstd.base,
          gradInput: gradStream)
      }
    }
  }
}

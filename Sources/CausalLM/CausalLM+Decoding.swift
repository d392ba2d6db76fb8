internal import Kernels
internal import LoRA
internal import Quantization

extension CausalLM {
  /// Reads prompts into empty caches.
  ///
  /// - Parameters:
  ///   - prompts: none of them empty.
  ///   - caches: one per prompt.
  ///   - body: sees each prompt's index and the logits after its last token, `[vocabulary]`.
  public func prefill(
    _ prompts: [[Int32]], caches: [KeyValueCache],
    _ body: (_ prompt: Int, _ logits: UnsafeBufferPointer<Float>) -> Void
  ) {
    let batch = TokenBatch(sequences: prompts)
    let pass = forward(batch, isRecording: false) { layer, keys, values in
      for (cache, segment) in zip(caches, batch.segments) {
        let rows = segment.start..<segment.start + segment.count
        cache.append(keys: keys.rows(rows), values: values.rows(rows), layer: layer)
      }
    }
    withLogits(pass, rows: batch.segments.map { $0.start + $0.count - 1 }) { chunk, logits in
      for (index, prompt) in chunk.enumerated() {
        body(prompt, UnsafeBufferPointer(start: logits.row(index), count: logits.columns))
      }
    }
  }

  /// Reads one more token of each sequence.
  ///
  /// - Parameters:
  ///   - tokens: the next token of each sequence.
  ///   - caches: one per sequence, of what was read before.
  ///   - body: sees each sequence's index and its logits, `[vocabulary]`.
  public func decode(
    _ tokens: [Int32], caches: [KeyValueCache],
    _ body: (_ sequence: Int, _ logits: UnsafeBufferPointer<Float>) -> Void
  ) {
    let store = store(tokens: tokens.count, isRecording: false)
    for (row, cache) in caches.enumerated() { store.positions[row] = Int32(cache.count) }
    rotary.reserve(positions: (caches.map(\.count).max() ?? 0) + 1)
    let pass = Pass(
      store: store,
      context: PassContext(dropout: nil, scratch: store.linearScratch, up: store.upScratch),
      tokens: tokens.count, segments: [])
    embed(tokens, into: store)
    for index in layers.indices { decode(layer: index, store, caches) }
    withLogits(pass, rows: Array(0..<tokens.count)) { chunk, logits in
      for (index, sequence) in chunk.enumerated() {
        body(sequence, UnsafeBufferPointer(start: logits.row(index), count: logits.columns))
      }
    }
  }

  /// `forward(layer:)` for the next token of each sequence: products that share an input are made together, since with
  /// so few rows it is the meetings of the threads that take the time.
  private func decode(layer index: Int, _ store: ActivationStore, _ caches: [KeyValueCache]) {
    let c = configuration
    let (layer, kept, t) = (layers[index], store.layer(index), caches.count)
    let input = store.stream(index).matrix(rows: t, columns: c.hiddenSize)
    let output = store.stream(index + 1).matrix(rows: t, columns: c.hiddenSize)
    let normed = store.normed.matrix(rows: t, columns: c.hiddenSize)
    let query = kept.query.matrix(rows: t, columns: c.queryWidth)
    let key = kept.key.matrix(rows: t, columns: c.keyValueWidth)
    let value = kept.value.matrix(rows: t, columns: c.keyValueWidth)
    let attended = kept.attention.matrix(rows: t, columns: c.queryWidth)
    let middle = kept.middle.matrix(rows: t, columns: c.hiddenSize)
    let gate = kept.gate.matrix(rows: t, columns: c.intermediateSize)
    let up = kept.up.matrix(rows: t, columns: c.intermediateSize)
    let product = store.product.matrix(rows: t, columns: c.intermediateSize)
    let positions = UnsafePointer(store.positions.baseAddress.unsafelyUnwrapped)

    RMSNorm.forward(
      input, weight: layer.inputNorm.base, epsilon: c.rmsNormEpsilon, output: normed,
      rstd: kept.inputRstd.base)
    WeightMatrix.forward(
      normed,
      [
        layer.query.product(normed, into: query, down: kept.downs[0]),
        layer.key.product(normed, into: key, down: kept.downs[1]),
        layer.value.product(normed, into: value, down: kept.downs[2]),
      ])
    rotary.rotate(query, positions: positions)
    rotary.rotate(key, positions: positions)
    for (row, cache) in caches.enumerated() {
      cache.append(keys: key.rows(row..<row + 1), values: value.rows(row..<row + 1), layer: index)
    }
    attention.decode(
      queries: query, caches: caches.map { $0.sequence(layer: index) }, output: attended)
    WeightMatrix.forward(
      attended, [layer.output.product(attended, into: middle, down: kept.downs[3])])
    Elementwise.add(input, to: middle)

    RMSNorm.forward(
      middle, weight: layer.postAttentionNorm.base, epsilon: c.rmsNormEpsilon, output: normed,
      rstd: kept.middleRstd.base)
    WeightMatrix.forward(
      normed,
      [
        layer.gate.product(normed, into: gate, down: kept.downs[4]),
        layer.up.product(normed, into: up, down: kept.downs[5]),
      ])
    SwiGLU.forward(gate: gate, up: up, output: product)
    WeightMatrix.forward(
      product, [layer.down.product(product, into: output, down: kept.downs[6])])
    Elementwise.add(middle, to: output)
  }
}

extension Linear {
  /// This layer's share of `WeightMatrix.forward`; of an adapted layer `z = A x` is made here, in `down`.
  fileprivate func product(
    _ input: Matrix, into output: Matrix, down: FloatBuffer?
  ) -> WeightMatrix.Product {
    guard let module, let down else { return WeightMatrix.Product(weight, into: output) }
    let projected = down.matrix(rows: input.rows, columns: module.rank)
    module.project(input, into: projected)
    return WeightMatrix.Product(weight, into: output, adding: module.forwardTerm(projected))
  }
}

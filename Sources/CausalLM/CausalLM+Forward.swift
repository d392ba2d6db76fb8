internal import Kernels
internal import LoRA
internal import Quantization

extension CausalLM {
  /// What a pass leaves behind for the head and the backward pass.
  struct Pass {
    let store: ActivationStore
    let context: PassContext
    let tokens: Int
    /// Who sees whom; none in decoding, where each row sees its sequence's cache.
    let segments: [Segment]

    /// The last block's output, before the final norm.
    func hidden(_ model: CausalLM) -> Matrix {
      store.stream(model.layers.count).matrix(rows: tokens, columns: model.configuration.hiddenSize)
    }
  }

  /// Runs all blocks.
  ///
  /// - Parameters:
  ///   - isRecording: keeps what `backward` needs.
  ///   - dropout: the masks, in training.
  ///   - keyValueSink: sees each layer's rotated keys and values, `[tokens, keyValueWidth]`, for a cache.
  func forward(
    _ batch: TokenBatch, isRecording: Bool, dropout: DropoutSeed? = nil,
    keyValueSink: ((_ layer: Int, _ keys: Matrix, _ values: Matrix) -> Void)? = nil
  ) -> Pass {
    let tokens = batch.tokens.count
    let store = store(tokens: tokens, isRecording: isRecording)
    for segment in batch.segments {
      for index in 0..<segment.count {
        store.positions[segment.start + index] = Int32(segment.positionOffset + index)
      }
    }
    rotary.reserve(positions: (batch.segments.map { $0.positionOffset + $0.count }.max() ?? 0))
    let context = PassContext(
      dropout: makeDropoutKeys(batch, dropout, store), scratch: store.linearScratch,
      up: store.upScratch)
    let pass = Pass(store: store, context: context, tokens: tokens, segments: batch.segments)

    embed(batch.tokens, into: store)
    for index in layers.indices { forward(layer: index, pass, keyValueSink) }
    return pass
  }

  /// Writes the tokens' embeddings where the first block reads.
  func embed(_ tokens: [Int32], into store: ActivationStore) {
    let stream = store.stream(0).matrix(rows: tokens.count, columns: configuration.hiddenSize)
    tokens.withUnsafeBufferPointer { tokens in
      nonisolated(unsafe) let tokens = tokens
      Parallel.rows(tokens.count, block: 32) { rows, _ in
        for row in rows { embedding.readRow(Int(tokens[row]), into: stream.row(row)) }
      }
    }
  }

  func forward(
    layer index: Int, _ pass: Pass,
    _ sink: ((_ layer: Int, _ keys: Matrix, _ values: Matrix) -> Void)?
  ) {
    let c = configuration
    let (layer, store, t) = (layers[index], pass.store, pass.tokens)
    let kept = store.layer(index)
    let downs = downViews(layer, kept, t)
    let input = store.stream(index).matrix(rows: t, columns: c.hiddenSize)
    let output = store.stream(index + 1).matrix(rows: t, columns: c.hiddenSize)
    let normed = store.normed.matrix(rows: t, columns: c.hiddenSize)
    let query = kept.query.matrix(rows: t, columns: c.queryWidth)
    let key = kept.key.matrix(rows: t, columns: c.keyValueWidth)
    let value = kept.value.matrix(rows: t, columns: c.keyValueWidth)
    let attended = kept.attention.matrix(rows: t, columns: c.queryWidth)
    let middle = kept.middle.matrix(rows: t, columns: c.hiddenSize)
    let positions = UnsafePointer(store.positions.baseAddress.unsafelyUnwrapped)

    RMSNorm.forward(
      input, weight: layer.inputNorm.base, epsilon: c.rmsNormEpsilon, output: normed,
      rstd: kept.inputRstd.base)
    layer.query.forward(normed, into: query, down: downs[0], pass.context)
    layer.key.forward(normed, into: key, down: downs[1], pass.context)
    layer.value.forward(normed, into: value, down: downs[2], pass.context)
    rotary.rotate(query, positions: positions)
    rotary.rotate(key, positions: positions)
    sink?(index, key, value)
    attention.forward(
      queries: query, keys: key, values: value, segments: pass.segments, output: attended,
      logSumExp: kept.logSumExp.base)
    layer.output.forward(attended, into: middle, down: downs[3], pass.context)
    Elementwise.add(input, to: middle)

    RMSNorm.forward(
      middle, weight: layer.postAttentionNorm.base, epsilon: c.rmsNormEpsilon, output: normed,
      rstd: kept.middleRstd.base)
    let gate = kept.gate.matrix(rows: t, columns: c.intermediateSize)
    let up = kept.up.matrix(rows: t, columns: c.intermediateSize)
    let product = store.product.matrix(rows: t, columns: c.intermediateSize)
    layer.gate.forward(normed, into: gate, down: downs[4], pass.context)
    layer.up.forward(normed, into: up, down: downs[5], pass.context)
    SwiGLU.forward(gate: gate, up: up, output: product)
    layer.down.forward(product, into: output, down: downs[6], pass.context)
    Elementwise.add(middle, to: output)
  }

  func downViews(_ layer: DecoderLayer, _ kept: ActivationStore.Layer, _ tokens: Int) -> [Matrix?] {
    zip(layer.linears, kept.downs).map { linear, buffer in
      guard let module = linear.module, let buffer else { return nil }
      return buffer.matrix(rows: tokens, columns: module.rank)
    }
  }

  /// A key for each row: (seed, step, hash of the tokens up to and including it, position).
  private func makeDropoutKeys(
    _ batch: TokenBatch, _ seed: DropoutSeed?, _ store: ActivationStore
  ) -> PassContext.DropoutKeys? {
    guard let seed, let adapter, adapter.dropout > 0 else { return nil }
    let root = CounterRandom(seed: seed.seed, purpose: "dropout").key ^ CounterRandom.mix(seed.step)
    var lastOf = [UInt64](repeating: root, count: batch.segments.count)
    for (index, segment) in batch.segments.enumerated() {
      var hash = segment.parent.map { lastOf[$0] } ?? root
      for row in segment.start..<segment.start + segment.count {
        hash = CounterRandom.mix(hash ^ UInt64(UInt32(bitPattern: batch.tokens[row])))
        store.dropoutKeys[row] = hash
      }
      lastOf[index] = hash
    }
    return store.dropoutKeys.baseAddress.map {
      PassContext.DropoutKeys(probability: adapter.dropout, keys: UnsafePointer($0))
    }
  }

  /// The logits at chosen rows of a pass, handed over chunk by chunk.
  ///
  /// - Parameter body: sees the positions within `rows` and their logits, `[count, vocabulary]`.
  func withLogits(
    _ pass: Pass, rows: [Int], _ body: (_ chunk: Range<Int>, _ logits: Matrix) -> Void
  ) {
    let store = pass.store
    for first in stride(from: 0, to: rows.count, by: store.headRows) {
      let chunk = first..<min(rows.count, first + store.headRows)
      let normed = normedRows(pass, rows[chunk])
      let logits = store.logits.matrix(rows: chunk.count, columns: configuration.vocabularySize)
      head.forward(normed, into: logits)
      body(chunk, logits)
    }
  }

  /// The final norm's output at some rows, in the head's buffer, with their rstd beside it.
  private func normedRows(_ pass: Pass, _ rows: ArraySlice<Int>) -> Matrix {
    let hidden = pass.hidden(self)
    let normed = pass.store.headNormed.matrix(rows: rows.count, columns: configuration.hiddenSize)
    for (index, row) in rows.enumerated() {
      RMSNorm.forward(
        hidden.rows(row..<row + 1), weight: finalNorm.base, epsilon: configuration.rmsNormEpsilon,
        output: normed.rows(index..<index + 1), rstd: pass.store.headRstd.base + index)
    }
    return normed
  }

  /// Logits at the last token of each segment, or at every token.
  ///
  /// - Returns: `[rows][vocabulary]`.
  public func logits(_ batch: TokenBatch, rows: [Int]? = nil) -> [[Float]] {
    let pass = forward(batch, isRecording: false)
    var result: [[Float]] = []
    withLogits(pass, rows: rows ?? Array(0..<batch.tokens.count)) { _, logits in
      for row in 0..<logits.rows {
        result.append([Float](UnsafeBufferPointer(start: logits.row(row), count: logits.columns)))
      }
    }
    return result
  }
}

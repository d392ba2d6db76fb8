internal import Kernels

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
    let lastTokens = batch.segments.map { $0.start + $0.count - 1 }
    let pass = forward(batch, isRecording: false, rows: lastTokens) { layer, keys, values in
      for (cache, segment) in zip(caches, batch.segments) {
        let rows = segment.start..<segment.start + segment.count
        cache.append(keys: keys.rows(rows), values: values.rows(rows), layer: layer)
      }
    }
    withLogits(pass) { chunk, logits in
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
      store: store, context: context(store, dropout: false), tokens: tokens.count,
      visibility: .caches(caches), selected: nil, drops: false)
    embed(tokens, into: store)
    for index in layers.indices { forward(layer: index, pass, nil) }
    withLogits(pass) { chunk, logits in
      for (index, sequence) in chunk.enumerated() {
        body(sequence, UnsafeBufferPointer(start: logits.row(index), count: logits.columns))
      }
    }
  }
}

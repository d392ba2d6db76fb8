internal import Datasets
internal import Kernels

extension CausalLM {
  /// Reads prompts into caches; a beginning that prompts share is computed once, where that pays off.
  ///
  /// - Parameters:
  ///   - prompts: none of them empty.
  ///   - caches: one per prompt, empty or copies of `prefix`.
  ///   - prefix: what all of the prompts continue, read before; nil where nothing was.
  ///   - sharesPrefixes: if false, every prompt is computed on its own.
  ///   - body: sees each prompt's index and the logits after its last token, `[vocabulary]`.
  public func prefill(
    _ prompts: [[Int32]], caches: [KeyValueCache], after prefix: KeyValueCache? = nil,
    sharesPrefixes: Bool = true,
    _ body: (_ prompt: Int, _ logits: UnsafeBufferPointer<Float>) -> Void
  ) {
    let layout = TokenLayout(prompts, sharesPrefixes: sharesPrefixes)
    let places = prompts.indices.map { layout.ranges(of: $0) }
    var batch = TokenBatch(layout)
    for index in batch.segments.indices {
      batch.segments[index].positionOffset += prefix?.count ?? 0
    }
    // Prompts may share their last token, and need not end in the order in which they stand.
    let lastTokens = places.map { ($0.last?.upperBound ?? 1) - 1 }
    let rows = Array(Set(lastTokens)).sorted()
    let pass = forward(
      PassInput(batch, rows: rows, cached: prefix?.count ?? 0), isRecording: false, after: prefix
    ) {
      layer, keys, values in
      for (cache, ranges) in zip(caches, places) {
        for rows in ranges {
          cache.append(keys: keys.rows(rows), values: values.rows(rows), layer: layer)
        }
      }
    }
    let outputs =
      pass.selected == nil
      ? lastTokens
      : lastTokens.map { last in
        rows.firstIndex(of: last) ?? 0
      }
    withLogits(pass) { chunk, logits in
      for (prompt, output) in outputs.enumerated() where chunk.contains(output) {
        body(
          prompt,
          UnsafeBufferPointer(
            start: logits.row(output - chunk.lowerBound), count: logits.columns))
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
    rotations.reserve(positions: (caches.map(\.count).max() ?? 0) + 1)
    let pass = Pass(
      store: store, context: context(store, dropout: false, streams: true), tokens: tokens.count,
      visibility: .caches(caches), selected: nil, drops: false, isRecording: false)
    embed(tokens, pass)
    for index in layers.indices { forward(layer: index, pass, nil) }
    withLogits(pass) { chunk, logits in
      for (index, sequence) in chunk.enumerated() {
        body(sequence, UnsafeBufferPointer(start: logits.row(index), count: logits.columns))
      }
    }
  }
}

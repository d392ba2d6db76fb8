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
    let pass = forward(batch, isRecording: false, after: prefix) { layer, keys, values in
      for (cache, ranges) in zip(caches, places) {
        for rows in ranges {
          cache.append(keys: keys.rows(rows), values: values.rows(rows), layer: layer)
        }
      }
    }
    withLogits(pass, rows: places.compactMap { $0.last.map { $0.upperBound - 1 } }) {
      chunk, logits in
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
      tokens: tokens.count, visibility: .caches(caches))
    embed(tokens, into: store)
    for index in layers.indices { forward(layer: index, pass, nil) }
    withLogits(pass, rows: Array(0..<tokens.count)) { chunk, logits in
      for (index, sequence) in chunk.enumerated() {
        body(sequence, UnsafeBufferPointer(start: logits.row(index), count: logits.columns))
      }
    }
  }
}

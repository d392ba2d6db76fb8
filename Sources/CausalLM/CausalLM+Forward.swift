internal import Datasets
internal import Kernels
internal import LoRA
internal import ModelFiles
internal import Quantization

extension CausalLM {
  /// What a pass leaves behind for the head and the backward pass.
  struct Pass {
    let store: ActivationStore
    let context: PassContext
    let tokens: Int
    let visibility: Visibility
    /// The tokens whose output exists, ascending; nil for all.
    let selected: [Int]?
    /// Whether adapters drop inputs.
    let drops: Bool
    /// Whether the backward pass follows.
    let isRecording: Bool
    /// What all segments continue, read before.
    var prefix: KeyValueCache?

    /// Who sees whom.
    enum Visibility {
      /// The tokens of each segment see its ancestors and themselves, causally.
      case layout(AttentionLayout, last: AttentionLayout)
      /// Each row is the next token of a sequence, and sees that sequence's cache.
      case caches([KeyValueCache])
    }

    /// Rows of the last block's output.
    var outputs: Int { selected?.count ?? tokens }

    /// The input of layer `index`, or the output of the last.
    func stream(_ index: Int) -> FloatBuffer { store.stream(index, isRecording: isRecording) }

    /// Where layer `index` writes.
    func layer(_ index: Int) -> ActivationStore.Layer {
      store.layer(index, isRecording: isRecording)
    }

    /// The last block's output before the final norm, `[outputs, hidden]`.
    func hidden(_ model: CausalLM) -> Matrix {
      stream(model.layers.count)
        .matrix(rows: outputs, columns: model.configuration.hiddenSize)
    }

    /// ∂loss/∂hidden, `[outputs, hidden]`.
    func gradHidden(_ model: CausalLM) -> Matrix {
      (selected == nil ? store.gradStream : store.gradSelected)
        .matrix(rows: outputs, columns: model.configuration.hiddenSize)
    }
  }

  /// The views of one block in a pass.
  struct LayerViews {
    /// Whether outputs are computed for some of the tokens only.
    let selects: Bool
    /// Tokens, and those of them that have an output.
    let (t, s): (Int, Int)
    let normed, query, key, value, attended, middle, gate, up, product: Matrix
    /// What `o_proj` and `down_proj` come to; the first is `middle` where it is not normalised, the second unused.
    let attentionOutput, mlpOutput: Matrix
    /// What attention reads: queries and keys in place, or where they are normalised beside what they were before.
    let finalQuery, finalKey: Matrix
    let kept: ActivationStore.Layer
    let queryPositions: UnsafePointer<Int32>
    let positions: UnsafePointer<Int32>
    let keys, queryKeys: UnsafePointer<UInt64>?

    init(_ c: ModelConfiguration, _ pass: Pass, layer index: Int) {
      let (store, kept) = (pass.store, pass.layer(index))
      selects = pass.selected != nil && index == c.layerCount - 1
      t = pass.tokens
      s = selects ? pass.outputs : pass.tokens
      self.kept = kept
      normed = store.normed.matrix(rows: t, columns: c.hiddenSize)
      query = kept.query.matrix(rows: s, columns: c.queryWidth)
      key = kept.key.matrix(rows: t, columns: c.keyValueWidth)
      value = kept.value.matrix(rows: t, columns: c.keyValueWidth)
      let isNormed = c.blocks.normalizesQueriesAndKeys
      finalQuery = isNormed ? store.finalQuery.matrix(rows: s, columns: c.queryWidth) : query
      finalKey = isNormed ? store.finalKey.matrix(rows: t, columns: c.keyValueWidth) : key
      attended = kept.attention.matrix(rows: s, columns: c.queryWidth)
      middle = kept.middle.matrix(rows: s, columns: c.hiddenSize)
      let isOutputNormed = c.blocks.normalizesOutputs
      attentionOutput =
        isOutputNormed ? kept.attentionOutput.matrix(rows: s, columns: c.hiddenSize) : middle
      mlpOutput =
        isOutputNormed ? kept.mlpOutput.matrix(rows: s, columns: c.hiddenSize) : middle
      gate = kept.gate.matrix(rows: s, columns: c.intermediateSize)
      up = kept.up.matrix(rows: s, columns: c.intermediateSize)
      product = store.product.matrix(rows: s, columns: c.intermediateSize)
      positions = UnsafePointer(store.positions.baseAddress.unsafelyUnwrapped)
      let allKeys = UnsafePointer(store.dropoutKeys.baseAddress.unsafelyUnwrapped)
      keys = pass.drops ? allKeys : nil
      if selects {
        queryPositions = UnsafePointer(store.selectedPositions.baseAddress.unsafelyUnwrapped)
        let selectedKeys = UnsafePointer(store.selectedDropoutKeys.baseAddress.unsafelyUnwrapped)
        queryKeys = pass.drops ? selectedKeys : nil
      } else {
        queryPositions = positions
        queryKeys = keys
      }
    }

    /// `z` of a group, by its place in `DecoderLayer.groups`.
    func down(_ place: Int, _ group: LinearGroup, rows: Int) -> Matrix? {
      group.rank > 0 ? kept.downs[place].matrix(rows: rows, columns: group.rank) : nil
    }
  }

  /// Runs all blocks; the last computes no output but those that are wanted.
  ///
  /// - Parameters:
  ///   - isRecording: keeps what `backward` needs.
  ///   - dropout: the masks, in training.
  ///   - prefix: what all segments continue; their positions count on from it. Not for recording passes.
  ///   - noise: what is added to the embeddings, in training, and the micro-batch that `input` is of; not with a trunk.
  ///   - trunk: where the input of the lowest adapted block may be known from, and the micro-batch that `input` is of.
  ///   - keyValueSink: sees each layer's rotated keys and values, `[tokens, keyValueWidth]`, for a cache.
  ///   - blockSink: sees each block's output.
  func forward(
    _ input: PassInput, isRecording: Bool, dropout: DropoutSeed? = nil,
    noise: (EmbeddingNoise, batch: MicroBatch)? = nil,
    after prefix: KeyValueCache? = nil, trunk: (source: any TrunkSource, batch: MicroBatch)? = nil,
    keyValueSink: ((_ layer: Int, _ keys: Matrix, _ values: Matrix) -> Void)? = nil,
    blockSink: ((_ block: Int, _ output: Matrix) -> Void)? = nil
  ) -> Pass {
    let (tokens, selected) = (input.tokens.count, input.selected)
    let store = store(tokens: tokens, isRecording: isRecording)
    for segment in input.segments {
      for index in 0..<segment.count {
        store.positions[segment.start + index] = Int32(segment.positionOffset + index)
      }
    }
    rotations.reserve(positions: input.positions)
    let drops = profile.measure(.dropout) { makeDropoutKeys(input, dropout, store) }
    if let selected {
      for (index, row) in selected.enumerated() {
        store.selectedPositions[index] = store.positions[row]
        store.selectedDropoutKeys[index] = store.dropoutKeys[row]
      }
    }
    let pass = Pass(
      store: store, context: context(store, dropout: drops), tokens: tokens,
      visibility: .layout(input.layout, last: input.lastLayout), selected: selected, drops: drops,
      isRecording: isRecording, prefix: prefix)

    let first = trunk.map { runTrunk(pass, of: $0.batch, from: $0.source) } ?? 0
    if first == 0 { embed(input.tokens, pass) }
    if let (noise, batch) = noise {
      precondition(trunk == nil, "what is kept of the trunk has no noise")
      let stream = pass.stream(0).matrix(rows: tokens, columns: configuration.hiddenSize)
      profile.measure(.embedding) { noise.add(to: stream, of: batch) }
    }
    for index in first..<layers.count {
      forward(layer: index, pass, keyValueSink)
      if let blockSink {
        let rows = index == layers.count - 1 ? pass.outputs : tokens
        blockSink(
          index, pass.stream(index + 1).matrix(rows: rows, columns: configuration.hiddenSize))
      }
      if isRecording, store.presence(of: index) == .rounded {
        profile.measure(.keeping) { store.store(layer: index, tokens: tokens) }
      }
    }
    return pass
  }

  func context(_ store: ActivationStore, dropout drops: Bool, streams: Bool = false) -> PassContext
  {
    PassContext(
      dropout: drops ? adapter?.dropout ?? 0 : 0, streams: streams, planes: planes,
      profile: profile,
      scratchBuffer: store.linearScratch, upBuffer: store.upScratch,
      magnitudeBuffer: store.magnitudeScratch)
  }

  /// Writes the tokens' embeddings where the first block reads.
  func embed(_ tokens: [Int32], _ pass: Pass) {
    let stream = pass.stream(0).matrix(rows: tokens.count, columns: configuration.hiddenSize)
    profile.measure(.embedding) {
      tokens.withUnsafeBufferPointer { tokens in
        nonisolated(unsafe) let tokens = tokens
        Parallel.rows(tokens.count, block: 32) { rows, _ in
          for row in rows { embedding.readRow(Int(tokens[row]), into: stream.row(row)) }
        }
      }
      let scale = configuration.blocks.embeddingScale
      if scale != 1 { Elementwise.scale(stream, by: scale) }
    }
  }

  /// Runs one block.
  ///
  /// - Parameter isRepetition: makes again what its backward pass reads, and not its output, which is there.
  func forward(
    layer index: Int, _ pass: Pass,
    _ sink: ((_ layer: Int, _ keys: Matrix, _ values: Matrix) -> Void)?, isRepetition: Bool = false
  ) {
    let c = configuration
    let (layer, store, context) = (layers[index], pass.store, pass.context)
    let v = LayerViews(c, pass, layer: index)
    let input = pass.stream(index).matrix(rows: v.t, columns: c.hiddenSize)
    let kept = pass.layer(index)

    profile.measure(.norm) {
      RMSNorm.forward(
        input, weight: layer.inputNorm.base, epsilon: c.rmsNormEpsilon, output: v.normed,
        rstd: kept.inputRstd.base)
    }
    var residual = input
    if let keyValueGroup = layer.keyValueGroup {
      var normed = v.normed
      if v.selects, let rows = pass.selected {
        normed = store.selectedNormed.matrix(rows: v.s, columns: c.hiddenSize)
        residual = store.selectedInput.matrix(rows: v.s, columns: c.hiddenSize)
        profile.measure(.residual) {
          Elementwise.gather(v.normed, rows, into: normed)
          Elementwise.gather(input, rows, into: residual)
        }
      }
      keyValueGroup.forward(
        v.normed, into: v.key, v.value, down: v.down(1, keyValueGroup, rows: v.t), keys: v.keys,
        context)
      layer.queryGroup.forward(
        normed, into: v.query, down: v.down(0, layer.queryGroup, rows: v.s), keys: v.queryKeys,
        context)
    } else {
      layer.queryGroup.forward(
        v.normed, into: v.query, v.key, v.value, down: v.down(0, layer.queryGroup, rows: v.t),
        keys: v.keys, context)
    }
    normalizeHeads(layer, v)
    rotate(layer, v)
    sink?(index, v.finalKey, v.value)
    switch pass.visibility {
    case .layout(let layout, let last):
      profile.measure(.attentionForward) {
        attention.forward(
          queries: v.finalQuery, keys: v.finalKey, values: v.value,
          layout: v.selects ? last : layout, after: pass.prefix?.sequence(layer: index),
          window: layer.window, output: v.attended, logSumExp: kept.logSumExp.base)
      }
    case .caches(let caches):
      for (row, cache) in caches.enumerated() {
        cache.append(
          keys: v.finalKey.rows(row..<row + 1), values: v.value.rows(row..<row + 1), layer: index)
      }
      attention.decode(
        queries: v.finalQuery,
        caches: caches.map { $0.sequence(layer: index).last(layer.window) }, output: v.attended)
    }
    layer.outputGroup.forward(
      v.attended, into: v.attentionOutput, down: v.down(2, layer.outputGroup, rows: v.s),
      keys: v.queryKeys, context)
    if let norm = layer.attentionOutputNorm {
      profile.measure(.norm) {
        RMSNorm.forward(
          v.attentionOutput, weight: norm.base, epsilon: c.rmsNormEpsilon, output: v.middle,
          rstd: kept.attentionOutputRstd.base)
      }
    }
    profile.measure(.residual) { Elementwise.add(residual, to: v.middle) }
    forwardMLP(layer: index, pass, v, isRepetition: isRepetition)
  }

  /// Writes a key for each row: (seed, step, hash of the tokens up to and including it, position).
  ///
  /// - Returns: whether anything is dropped.
  private func makeDropoutKeys(
    _ batch: PassInput, _ seed: DropoutSeed?, _ store: ActivationStore
  ) -> Bool {
    guard let seed, let adapter, adapter.dropout > 0 else { return false }
    let root = CounterRandom(seed: seed.seed, purpose: "dropout").key ^ CounterRandom.mix(seed.step)
    for segment in batch.segments {
      // What the chain above ended with; a segment without tokens passes on what was above it.
      var above = segment.parent
      while let index = above, batch.segments[index].count == 0 {
        above = batch.segments[index].parent
      }
      var hash =
        above.map { store.dropoutKeys[batch.segments[$0].start + batch.segments[$0].count - 1] }
        ?? root
      for row in segment.start..<segment.start + segment.count {
        hash = CounterRandom.mix(hash ^ UInt64(UInt32(bitPattern: batch.tokens[row])))
        store.dropoutKeys[row] = hash
      }
    }
    return true
  }

  /// The logits at all outputs of a pass, or some, handed over chunk by chunk.
  ///
  /// - Parameter body: sees the range of outputs and their logits, `[count, vocabulary]`.
  func withLogits(_ pass: Pass, _ body: (_ chunk: Range<Int>, _ logits: Matrix) -> Void) {
    let store = pass.store
    let hidden = pass.hidden(self)
    for first in stride(from: 0, to: pass.outputs, by: store.headRows) {
      let chunk = first..<min(pass.outputs, first + store.headRows)
      let normed = store.headNormed.matrix(rows: chunk.count, columns: configuration.hiddenSize)
      let logits = store.logits.matrix(rows: chunk.count, columns: configuration.vocabularySize)
      profile.measure(.norm) {
        RMSNorm.forward(
          hidden.rows(chunk), weight: finalNorm.base, epsilon: configuration.rmsNormEpsilon,
          output: normed, rstd: store.headRstd.base)
      }
      profile.measure(.headForward) {
        headProducts[0].outputs = logits
        WeightMatrix.forward(
          headProducts, normed, planes: planes, streams: pass.context.streams)
        if let cap = configuration.blocks.logitSoftCap { Elementwise.softCap(logits, to: cap) }
      }
      body(chunk, logits)
    }
  }

  /// Logits at the tokens `rows`, ascending, or at every token.
  ///
  /// - Returns: `[rows][vocabulary]`.
  public func logits(_ batch: TokenBatch, rows: [Int]? = nil) -> [[Float]] {
    let pass = forward(PassInput(batch, rows: rows), isRecording: false)
    var result: [[Float]] = []
    withLogits(pass) { _, logits in
      for row in 0..<logits.rows {
        result.append([Float](UnsafeBufferPointer(start: logits.row(row), count: logits.columns)))
      }
    }
    return result
  }
}

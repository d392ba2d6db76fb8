#if canImport(Glibc)
  import Glibc
#endif

/// Causal grouped-query attention over ragged segments, without the full score matrix in memory.
///
/// For a query `q_i` of head `h` and the keys `k_j` that it may see (its segment's ancestors and itself up to `i`):
///
///     s_ij = scale · q_i · k_j,   p_ij = exp(s_ij − lse_i),   lse_i = log Σ_j exp(s_ij),   o_i = Σ_j p_ij v_j
///
/// A model may bound its scores: s_ij = cap · tanh(scale · q_i · k_j / cap). A block with a window of `w` tokens sees the last `w` of them, itself included.
///
/// Scores exist for a block of 48 queries at a time; the backward pass makes them again from `lse`. Heads
/// `h` share the key/value head `h / (heads / keyValueHeads)`.
///
/// - SeeAlso: Ainslie et al. 2023 (grouped queries), arXiv:2305.13245; Dao et al. 2022 (recomputation from the
///   log-sum-exp), arXiv:2205.14135.
public final class CausalAttention: @unchecked Sendable {
  /// Query heads.
  public let heads: Int
  /// Key/value heads, a divisor of `heads`.
  public let keyValueHeads: Int
  /// Numbers in a head.
  public let headDimension: Int
  /// Factor on the scores, 1/√headDimension in Llama.
  public let scale: Float
  /// What no score goes beyond; nil for no bound.
  public let softCap: Float?

  static let queryBlock = 48
  // Gradients of keys and values by turn, where there is more than one.
  private var turnGradKeys = FloatBuffer(count: 0)
  private var turnGradValues = FloatBuffer(count: 0)
  // `gradOutput · output` of each query and head.
  private var deltas = FloatBuffer(count: 0)

  /// Makes attention for one shape of heads.
  public init(
    heads: Int, keyValueHeads: Int, headDimension: Int, scale: Float, softCap: Float? = nil
  ) {
    precondition(heads % keyValueHeads == 0, "query heads come in whole groups")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.scale = scale
    self.softCap = softCap
  }

  /// Floats of scratch memory that a thread has for chains of up to `keys` keys.
  public static func scratchCount(keys: Int, headDimension: Int) -> Int {
    Scratch.count(keys: keys, headDimension: headDimension)
  }

  /// Most bytes that attention holds between passes over up to `tokens` tokens, scratch memory aside.
  public static func byteCount(
    tokens: Int, heads: Int, keyValueHeads: Int, headDimension: Int
  ) -> Int {
    let turns = Split.turns(units: 1, keyValueHeads: keyValueHeads)
    let sums = turns == 1 ? 0 : 2 * turns * keyValueHeads * headDimension
    return 4 * tokens * (sums + heads)
  }

  /// Copies a chain's rows of one head next to each other.
  private func gather(
    _ source: Matrix, _ ranges: some Sequence<Range<Int>>, head: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    var target = target
    for range in ranges {
      for row in range {
        target.update(from: source.row(row) + head * headDimension, count: headDimension)
        target += headDimension
      }
    }
  }

  /// Adds rows that lie next to each other to a chain's rows of one head.
  private func scatter(
    _ source: UnsafeMutablePointer<Float>, _ ranges: some Sequence<Range<Int>>, column: Int,
    into target: Matrix, _ path: KernelPath
  ) {
    var source = source
    for range in ranges {
      for row in range {
        VectorMath.add(headDimension, source, target.row(row) + column, path)
        source += headDimension
      }
    }
  }

  /// Makes the panels that hold the rows from `start` on; those before it stay as they are.
  private func makePanels(
    _ rows: UnsafeMutablePointer<Float>, from start: Int = 0, count: Int,
    into panels: UnsafeMutablePointer<Float>, _ path: KernelPath
  ) {
    for first in stride(from: start / 32 * 32, to: count, by: 32) {
      GEMM.transposePanel(
        k: headDimension, n: min(32, count - first), a: rows + first * headDimension,
        lda: headDimension,
        panel: panels + first * headDimension, path: path)
    }
  }

  /// `c[i][j] = a_i · row_j` for some keys, the first a multiple of 32, from panels.
  private func products(
    _ a: UnsafeMutablePointer<Float>, stride rsa: Int, count m: Int,
    panels: UnsafeMutablePointer<Float>, keys: Range<Int>,
    into c: UnsafeMutablePointer<Float>, stride ldc: Int, _ path: KernelPath
  ) {
    for first in stride(from: keys.lowerBound, to: keys.upperBound, by: 32) {
      GEMM.panel(
        m: m, n: 32, k: headDimension, a: a, rsa: rsa, csa: 1, b: panels + first * headDimension,
        ldb: 32,
        c: c + first, ldc: ldc, path: path)
    }
  }

  /// The first key that a query sees, of `end` in its chain up to itself.
  static func firstVisible(_ end: Int, _ window: Int?) -> Int {
    window.map { max(0, end - $0) } ?? 0
  }

  /// The key from which on a block of queries computes scores, where its first query sees keys up to `end`.
  ///
  /// At most as far as that query sees, and such that a product's sums are split as they are without a window, or not
  /// at all: so a query's bits do not depend on the block it is in.
  static func firstKey(_ end: Int, _ window: Int?) -> Int {
    guard let window else { return 0 }
    let step = window + queryBlock + 32 <= GEMM.summedAtOnce ? 32 : GEMM.summedAtOnce
    return firstVisible(end, window) / step * step
  }

  /// Clears what is before and behind the keys that a query sees.
  private static func clear(
    _ x: UnsafeMutablePointer<Float>, _ before: Range<Int>, _ behind: Range<Int>
  ) {
    (x + before.lowerBound).update(repeating: 0, count: before.count)
    (x + behind.lowerBound).update(repeating: 0, count: behind.count)
  }

  /// Writes the attention's output.
  ///
  /// - Parameters:
  ///   - queries: `[queries, heads · headDimension]`, rotated.
  ///   - keys: `[tokens, keyValueHeads · headDimension]`, rotated.
  ///   - values: as `keys`.
  ///   - layout: who asks, and who sees whom.
  ///   - prefix: keys and values, read before, of tokens that all segments see; as many as the layout was told of.
  ///   - window: most tokens that a query sees, the last of its chain; nil for all.
  ///   - output: as `queries`, overwritten.
  ///   - logSumExp: `[queries, heads]`, overwritten; the backward pass needs it.
  public func forward(
    queries: Matrix, keys: Matrix, values: Matrix, layout: AttentionLayout,
    after prefix: CachedSequence? = nil, window: Int? = nil, output: Matrix,
    logSumExp: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    let cached = prefix?.keys.rows ?? 0
    precondition(cached == layout.cached, "the layout knows of what was read before")
    let longest = layout.longest
    let scratchCount = Scratch.count(keys: longest, headDimension: headDimension)
    let d = headDimension
    let split = Split(units: layout.groups.count, self)
    Parallel.run(split.tasks, scratchCount: scratchCount) { task, scratch in
      var part = split.part(task)
      let group = layout.groups[part.unit]
      guard group.contains(where: { !layout.queries[$0].isEmpty }) else { return }
      let s = Scratch(scratch, keys: longest, headDimension: d)
      let above = layout.ranges[group[0]].dropLast()
      let offset = cached + layout.lengths[group[0]] - layout.segments[group[0]].count
      if let prefix {
        gather(prefix.keys, CollectionOfOne(0..<cached), head: part.sharedHead, into: s.keys)
        gather(prefix.values, CollectionOfOne(0..<cached), head: part.sharedHead, into: s.values)
      }
      gather(keys, above, head: part.sharedHead, into: s.keys + cached * d)
      gather(values, above, head: part.sharedHead, into: s.values + cached * d)
      makePanels(s.keys, count: offset, into: s.keyPanels, path)
      for index in group where !layout.queries[index].isEmpty {
        let rows = layout.queries[index]
        let blocks = part.nextBlocks(of: rows)
        if blocks.first(where: { _ in true }) == nil { continue }
        let length = offset + layout.segments[index].count
        let own = layout.ranges[index].suffix(1)
        gather(keys, own, head: part.sharedHead, into: s.keys + offset * d)
        gather(values, own, head: part.sharedHead, into: s.values + offset * d)
        makePanels(s.keys, from: offset, count: length, into: s.keyPanels, path)
        for row in blocks {
          let count = min(Self.queryBlock, rows.upperBound - row)
          let limit = Int(layout.visible[row + count - 1])
          let start = Self.firstKey(Int(layout.visible[row]), window)
          for head in part.heads {
            products(
              queries.row(row) + head * d, stride: queries.stride, count: count,
              panels: s.keyPanels, keys: start..<limit, into: s.scores, stride: s.stride, path)
            for i in 0..<count {
              let end = Int(layout.visible[row + i])
              let first = Self.firstVisible(end, window)
              let (x, visible) = (s.scores + i * s.stride + first, end - first)
              let (sum, shift) = exponentials(visible, x, path)
              Self.clear(x, start - first..<0, visible..<limit - first)
              logSumExp[(row + i) * heads + head] = shift + logf(sum)
              s.sums[i] = sum
            }
            let o = output.columns(head * d..<(head + 1) * d).rows(row..<row + count)
            GEMM.multiply(
              m: count, n: d, k: limit - start, a: s.scores + start, rsa: s.stride, csa: 1,
              b: s.values + start * d, ldb: d, c: o.base, ldc: o.stride, path: path)
            // A row has fewer outputs than scores, so these are what is divided by the sum.
            for i in 0..<count { VectorMath.scale(d, 1 / s.sums[i], o.row(i), o.row(i), path) }
          }
        }
      }
    }
  }

  /// Writes the gradients of queries, keys and values.
  ///
  /// With `D_i = gradOutput_i · output_i` and `p` made again from `logSumExp`, over the keys that a query sees:
  ///
  ///     gradValue_j = Σ_i p_ij gradOutput_i
  ///     ds_ij       = p_ij (gradOutput_i · v_j − D_i)
  ///     gradQuery_i = scale Σ_j ds_ij k_j,   gradKey_j = scale Σ_i ds_ij q_i
  ///
  /// Where scores are bounded, ds_ij has the factor 1 − (s_ij / cap)² besides.
  ///
  /// All three gradients are overwritten; keys and values of an ancestor collect from all its descendants.
  public func backward(
    _ gradOutput: Matrix, output: Matrix, queries: Matrix, keys: Matrix, values: Matrix,
    layout: AttentionLayout, window: Int? = nil, logSumExp: UnsafeMutablePointer<Float>,
    gradQueries: Matrix, gradKeys: Matrix, gradValues: Matrix, path: KernelPath = .active
  ) {
    let longest = layout.longest
    let scratchCount = Scratch.count(keys: longest, headDimension: headDimension)
    let d = headDimension
    let split = Split(units: layout.trees.count, self)
    reserve(tokens: keys.rows, split)
    // Turns sum on columns of their own; where there is one, on the gradients themselves.
    let columns = split.turns * keyValueHeads * d
    let sumsInPlace = split.turns == 1
    let summedKeys =
      sumsInPlace ? gradKeys : turnGradKeys.matrix(rows: keys.rows, columns: columns)
    let summedValues =
      sumsInPlace ? gradValues : turnGradValues.matrix(rows: keys.rows, columns: columns)
    let deltas = self.deltas
    Parallel.rows(queries.rows, block: 16) { rows, _ in
      for row in rows {
        for head in 0..<heads {
          deltas.base[row * heads + head] = VectorMath.dot(
            d, gradOutput.row(row) + head * d, output.row(row) + head * d, path)
        }
      }
    }

    Parallel.run(split.tasks, scratchCount: scratchCount) { task, scratch in
      var part = split.part(task)
      let s = Scratch(scratch, keys: longest, headDimension: d)
      let target = (part.sharedHead * split.turns + part.turn) * d
      for index in layout.trees[part.unit] {
        let segment = layout.segments[index]
        for row in segment.start..<segment.start + segment.count {
          (summedKeys.row(row) + target).update(repeating: 0, count: d)
          (summedValues.row(row) + target).update(repeating: 0, count: d)
        }
      }
      for siblings in layout.siblings[part.unit]
      where siblings.contains(where: { !layout.queries[$0].isEmpty }) {
        let above = layout.ranges[siblings[0]].dropLast()
        let offset = layout.lengths[siblings[0]] - layout.segments[siblings[0]].count
        gather(keys, above, head: part.sharedHead, into: s.keys)
        gather(values, above, head: part.sharedHead, into: s.values)
        makePanels(s.keys, count: offset, into: s.keyPanels, path)
        makePanels(s.values, count: offset, into: s.valuePanels, path)
        s.gradKeys.update(repeating: 0, count: offset * d)
        s.gradValues.update(repeating: 0, count: offset * d)
        for index in siblings where !layout.queries[index].isEmpty {
          let rows = layout.queries[index]
          let blocks = part.nextBlocks(of: rows)
          if blocks.first(where: { _ in true }) == nil { continue }
          let length = layout.lengths[index]
          let own = layout.ranges[index].suffix(1)
          gather(keys, own, head: part.sharedHead, into: s.keys + offset * d)
          gather(values, own, head: part.sharedHead, into: s.values + offset * d)
          makePanels(s.keys, from: offset, count: length, into: s.keyPanels, path)
          makePanels(s.values, from: offset, count: length, into: s.valuePanels, path)
          (s.gradKeys + offset * d).update(repeating: 0, count: (length - offset) * d)
          (s.gradValues + offset * d).update(repeating: 0, count: (length - offset) * d)
          for row in blocks {
            let count = min(Self.queryBlock, rows.upperBound - row)
            let limit = Int(layout.visible[row + count - 1])
            let start = Self.firstKey(Int(layout.visible[row]), window)
            for head in part.heads {
              let column = head * d
              let (q, dO) = (queries.row(row) + column, gradOutput.row(row) + column)
              products(
                q, stride: queries.stride, count: count, panels: s.keyPanels, keys: start..<limit,
                into: s.scores, stride: s.stride, path)
              products(
                dO, stride: gradOutput.stride, count: count, panels: s.valuePanels,
                keys: start..<limit, into: s.gradScores, stride: s.stride, path)
              for i in 0..<count {
                let end = Int(layout.visible[row + i])
                let first = Self.firstVisible(end, window)
                let visible = end - first
                let (p, dp) = (
                  s.scores + i * s.stride + first, s.gradScores + i * s.stride + first
                )
                backwardOfWeights(
                  visible, logSumExp: logSumExp[(row + i) * heads + head],
                  delta: deltas.base[(row + i) * heads + head], p, dp, path)
                Self.clear(p, start - first..<0, visible..<limit - first)
                Self.clear(dp, start - first..<0, visible..<limit - first)
              }
              let (keyCount, skipped) = (limit - start, start * d)
              GEMM.multiply(
                m: count, n: d, k: keyCount, a: s.gradScores + start, rsa: s.stride, csa: 1,
                b: s.keys + skipped, ldb: d, c: gradQueries.row(row) + column,
                ldc: gradQueries.stride, path: path)
              GEMM.multiply(
                m: keyCount, n: d, k: count, a: s.gradScores + start, rsa: 1, csa: s.stride, b: q,
                ldb: queries.stride, c: s.gradKeys + skipped, ldc: d, accumulate: true, path: path)
              GEMM.multiply(
                m: keyCount, n: d, k: count, a: s.scores + start, rsa: 1, csa: s.stride, b: dO,
                ldb: gradOutput.stride, c: s.gradValues + skipped, ldc: d, accumulate: true,
                path: path)
            }
          }
          scatter(s.gradKeys + offset * d, own, column: target, into: summedKeys, path)
          scatter(s.gradValues + offset * d, own, column: target, into: summedValues, path)
        }
        scatter(s.gradKeys, above, column: target, into: summedKeys, path)
        scatter(s.gradValues, above, column: target, into: summedValues, path)
      }
    }
    if sumsInPlace { return }

    let turns = split.turns
    Parallel.rows(keys.rows, block: 16) { rows, _ in
      for row in rows {
        for shared in 0..<keyValueHeads {
          let (dk, dv) = (gradKeys.row(row) + shared * d, gradValues.row(row) + shared * d)
          let first = shared * turns * d
          dk.update(from: summedKeys.row(row) + first, count: d)
          dv.update(from: summedValues.row(row) + first, count: d)
          for turn in 1..<turns {
            VectorMath.add(d, summedKeys.row(row) + first + turn * d, dk, path)
            VectorMath.add(d, summedValues.row(row) + first + turn * d, dv, path)
          }
        }
      }
    }
  }

  /// Makes room for the backward pass.
  private func reserve(tokens: Int, _ split: Split) {
    let columns = split.turns == 1 ? 0 : split.turns
    let count = tokens * columns * keyValueHeads * headDimension
    if turnGradKeys.count < count {
      turnGradKeys = FloatBuffer(count: count)
      turnGradValues = FloatBuffer(count: count)
    }
    if deltas.count < tokens * heads { deltas = FloatBuffer(count: tokens * heads) }
  }
}

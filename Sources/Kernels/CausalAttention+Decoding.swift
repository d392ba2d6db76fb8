extension CausalAttention {
  /// Keys and values of one sequence, as many as it has so far.
  public struct CachedSequence: @unchecked Sendable {
    /// `[count, keyValueHeads · headDimension]`, rotated.
    public let keys: Matrix
    /// As `keys`.
    public let values: Matrix
    /// Makes a view of a sequence's cache.
    public init(keys: Matrix, values: Matrix) {
      self.keys = keys
      self.values = values
    }

    /// The last `window` tokens of the sequence; nil for all.
    public func last(_ window: Int?) -> CachedSequence {
      guard let window, window < keys.rows else { return self }
      let rows = keys.rows - window..<keys.rows
      return CachedSequence(keys: keys.rows(rows), values: values.rows(rows))
    }
  }

  /// Products of queries and keys below which waking the other threads takes longer than the work.
  private static let smallDecode = 1 << 17

  /// One new query per sequence against its cache, the query's own key and value included.
  ///
  /// - Parameters:
  ///   - queries: `[sequences, heads · headDimension]`, rotated.
  ///   - caches: one per sequence.
  ///   - output: as `queries`, overwritten.
  public func decode(
    queries: Matrix, caches: [CachedSequence], output: Matrix, path: KernelPath = .active
  ) {
    let longest = caches.map(\.keys.rows).max() ?? 0
    let group = heads / keyValueHeads
    let pairs = caches.count * keyValueHeads
    let isSmall = caches.reduce(0) { $0 + $1.keys.rows } * heads * headDimension < Self.smallDecode
    let share = isSmall ? pairs : 1
    Parallel.run(isSmall ? 1 : pairs, scratchCount: group * longest) { task, scores in
      for pair in task * share..<(task + 1) * share {
        decode(
          queries.row(pair / keyValueHeads), cache: caches[pair / keyValueHeads],
          sharedHead: pair % keyValueHeads, scores, output.row(pair / keyValueHeads), path)
      }
    }
  }

  /// The query heads that share one head of keys and values; each key and value is read once for all of them.
  private func decode(
    _ query: UnsafeMutablePointer<Float>, cache: CachedSequence, sharedHead: Int,
    _ scores: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ path: KernelPath
  ) {
    let (d, group, count) = (headDimension, heads / keyValueHeads, cache.keys.rows)
    let first = sharedHead * group * d
    VectorMath.rowProducts(
      cache.keys.columns(sharedHead * d..<(sharedHead + 1) * d),
      by: Matrix(query + first, rows: group, columns: d),
      into: Matrix(scores, rows: group, columns: count), path)
    for head in 0..<group {
      let x = scores + head * count
      let (sum, _) = exponentials(count, x, path)
      VectorMath.scale(count, 1 / sum, x, x, path)
    }
    GEMM.multiply(
      m: group, n: d, k: count, a: scores, rsa: count, csa: 1,
      b: cache.values.base + sharedHead * d, ldb: cache.values.stride, c: output + first, ldc: d,
      path: path)
  }
}

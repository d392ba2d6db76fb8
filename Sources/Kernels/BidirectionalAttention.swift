/// Attention in which every token of a sequence sees all of it, as in an encoder; forward only.
///
/// For each head, `softmax(Q·Kᵀ / √size)·V`. A sequence's weights of one head stand in scratch memory at a time.
///
/// - SeeAlso: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
public enum BidirectionalAttention {
  /// Writes the heads' results to `output`.
  ///
  /// - Parameters:
  ///   - queries: `[tokens, heads · size]`; `keys` and `values` likewise.
  ///   - segments: the rows of each sequence, which see nothing of one another.
  ///   - headCount: how many heads share a row.
  ///   - output: `[tokens, heads · size]`, overwritten.
  public static func forward(
    queries: Matrix, keys: Matrix, values: Matrix, segments: [Range<Int>], headCount: Int,
    output: Matrix, path: KernelPath = .active
  ) {
    let size = queries.columns / headCount
    let longest = segments.reduce(0) { max($0, $1.count) }
    let scale = 1 / Float(size).squareRoot()
    Parallel.run(segments.count * headCount, scratchCount: longest * (longest + size)) {
      task, scratch in
      let rows = segments[task / headCount]
      let columns = task % headCount * size..<(task % headCount + 1) * size
      let count = rows.count
      guard count > 0 else { return }
      let (q, k) = (queries.rows(rows).columns(columns), keys.rows(rows).columns(columns))
      let (v, y) = (values.rows(rows).columns(columns), output.rows(rows).columns(columns))
      let (weights, turned) = (scratch, scratch + longest * longest)
      for row in 0..<count {
        let key = k.row(row)
        for column in 0..<size { turned[column * count + row] = key[column] }
      }
      GEMM.multiply(
        m: count, n: count, k: size, a: q.base, rsa: q.stride, csa: 1, b: turned, ldb: count,
        c: weights, ldc: count, alpha: scale, path: path)
      for row in 0..<count {
        let own = weights + row * count
        let most = VectorMath.max(count, own, path)
        let sum = VectorMath.expSum(count, scale: 1, shift: most, own, path)
        VectorMath.scale(count, 1 / sum, own, own, path)
      }
      GEMM.multiply(
        m: count, n: size, k: count, a: weights, rsa: count, csa: 1, b: v.base, ldb: v.stride,
        c: y.base, ldc: y.stride, path: path)
    }
  }
}

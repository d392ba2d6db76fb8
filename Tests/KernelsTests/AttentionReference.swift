import Foundation
import Kernels
import TestSupport

/// Attention in double, from its definition, one query at a time.
struct AttentionReference {
  let heads: Int
  let keyValueHeads: Int
  let headDimension: Int
  let scale: Double
  var softCap: Double?
  /// For each token the tokens it sees, itself last.
  let visible: [[Int]]

  init(
    heads: Int, keyValueHeads: Int, headDimension: Int, scale: Double, segments: [Segment],
    window: Int? = nil
  ) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.scale = scale
    var chains: [[Int]] = []
    var visible: [[Int]] = []
    for segment in segments {
      let above = segment.parent.map { chains[$0] } ?? []
      let own = Array(segment.start..<segment.start + segment.count)
      for count in 1..<own.count + 1 {
        let all = above + own.prefix(count)
        visible.append(Array(all.suffix(window ?? all.count)))
      }
      chains.append(above + own)
    }
    self.visible = visible
  }

  func output(queries: [Double], keys: [Double], values: [Double]) -> [Double] {
    let (d, group) = (headDimension, heads / keyValueHeads)
    var output = [Double](repeating: 0, count: queries.count)
    queries.withUnsafeBufferPointer { q in
      keys.withUnsafeBufferPointer { k in
        values.withUnsafeBufferPointer { v in
          for (token, seen) in visible.enumerated() {
            for head in 0..<heads {
              let query = (token * heads + head) * d
              var weights = seen.map { other in
                let key = (other * keyValueHeads + head / group) * d
                var score = 0.0
                for c in 0..<d { score += q[query + c] * k[key + c] }
                guard let softCap else { return scale * score }
                return softCap * tanh(scale * score / softCap)
              }
              let largest = weights.reduce(-.infinity, max)
              weights = weights.map { exp($0 - largest) }
              let sum = weights.reduce(0, +)
              for (other, weight) in zip(seen, weights) {
                let value = (other * keyValueHeads + head / group) * d
                for c in 0..<d { output[query + c] += weight / sum * v[value + c] }
              }
            }
          }
        }
      }
    }
    return output
  }
}

/// One problem for `CausalAttention` and what it makes of it.
struct AttentionCase {
  let attention: CausalAttention
  let segments: [Segment]
  let queries, keys, values, gradOutput: [Float]
  var window: Int?

  var tokens: Int { segments.reduce(0) { $0 + $1.count } }
  var width: Int { attention.heads * attention.headDimension }
  var sharedWidth: Int { attention.keyValueHeads * attention.headDimension }

  var reference: AttentionReference {
    var reference = AttentionReference(
      heads: attention.heads, keyValueHeads: attention.keyValueHeads,
      headDimension: attention.headDimension, scale: Double(attention.scale), segments: segments,
      window: window)
    reference.softCap = attention.softCap.map { Double($0) }
    return reference
  }

  struct Result {
    var output, gradQueries, gradKeys, gradValues: [Float]
    var isIntact = true
  }

  func run(_ path: KernelPath) -> Result {
    func wide(_ values: [Float]? = nil) -> GuardedMatrix {
      GuardedMatrix(rows: tokens, columns: width, gap: 5, values)
    }
    func narrow(_ values: [Float]? = nil) -> GuardedMatrix {
      GuardedMatrix(rows: tokens, columns: sharedWidth, gap: 3, values)
    }
    let (q, k, v, dO) = (wide(queries), narrow(keys), narrow(values), wide(gradOutput))
    let (output, gradQ, gradK, gradV) = (wide(), wide(), narrow(), narrow())
    let logSumExp = GuardedMatrix(rows: 1, columns: tokens * attention.heads, gap: 0)
    attention.forward(
      queries: q.matrix, keys: k.matrix, values: v.matrix, layout: AttentionLayout(segments),
      window: window, output: output.matrix, logSumExp: logSumExp.base, path: path)
    attention.backward(
      dO.matrix, output: output.matrix, queries: q.matrix, keys: k.matrix, values: v.matrix,
      layout: AttentionLayout(segments), window: window, logSumExp: logSumExp.base,
      gradQueries: gradQ.matrix, gradKeys: gradK.matrix, gradValues: gradV.matrix, path: path)
    let all = [q, k, v, dO, output, gradQ, gradK, gradV, logSumExp]
    return Result(
      output: output.values, gradQueries: gradQ.values, gradKeys: gradK.values,
      gradValues: gradV.values, isIntact: all.allSatisfy(\.isIntact))
  }
}

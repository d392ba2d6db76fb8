import Kernels
import Testing

@testable import LoRA

@Suite("The decomposition of a thin product") struct LowRankDecompositionTests {
  private static func random(_ rows: Int, _ columns: Int, _ purpose: String) -> [[Double]] {
    let random = CounterRandom(seed: 5, purpose: purpose)
    return (0..<rows).map { row in
      (0..<columns).map { Double(2 * random.uniform(UInt64(row * columns + $0)) - 1) }
    }
  }

  private static func dot(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test(
    "multiplies back to the product, of orthonormal vectors, whatever the shapes",
    arguments: [(7, 5, 1), (13, 17, 3), (4, 9, 6), (33, 2, 8), (1, 1, 1)])
  func multipliesBack(_ rows: Int, _ columns: Int, _ inner: Int) {
    let p = Self.random(inner, rows, "p \(rows)")
    let q = Self.random(inner, columns, "q \(columns)")
    let parts = LowRankDecomposition(columns: p, rows: q)
    #expect(parts.values == parts.values.sorted(by: >))
    for row in 0..<rows {
      for column in 0..<columns {
        let product = (0..<inner).reduce(0.0) { $0 + p[$1][row] * q[$1][column] }
        let sum = parts.values.indices.reduce(0.0) {
          $0 + parts.values[$1] * parts.left[$1][row] * parts.right[$1][column]
        }
        #expect(abs(product - sum) < 1e-12 * Double(inner))
      }
    }
    let rank = min(rows, columns, inner)
    #expect(parts.values.dropFirst(rank).allSatisfy { $0 < 1e-12 * parts.values[0] })
    for i in 0..<rank {
      for j in 0...i {
        let expected = i == j ? 1.0 : 0.0
        #expect(abs(Self.dot(parts.left[i], parts.left[j]) - expected) < 1e-12)
        #expect(abs(Self.dot(parts.right[i], parts.right[j]) - expected) < 1e-12)
      }
    }
  }

  @Test("has zeros for what depends on the rest, and for a product of nothing")
  func dependent() {
    let p = Self.random(2, 9, "p")
    let parts = LowRankDecomposition(
      columns: [p[0], p[1], p[0]], rows: [p[1], p[0], p[1].map { -$0 }])
    #expect(parts.values[0] > 0.1)
    #expect(parts.values[1] < 1e-12 && parts.values[2] < 1e-12)
    let zeros = LowRankDecomposition(columns: [[0, 0], [0, 0]], rows: [[1, 2, 3], [0, 0, 0]])
    #expect(zeros.values == [0, 0])
    #expect(zeros.left[0] == [0, 0] && zeros.right[0] == [0, 0, 0])
    #expect(LowRankDecomposition(columns: [], rows: []).values.isEmpty)
  }

  @Test("spreads evenly over as many directions as there are, and over one where one is alone")
  func effectiveRank() {
    #expect(abs(LowRankDecomposition.effectiveRank([2, 2, 2, 2]) - 4) < 1e-12)
    #expect(LowRankDecomposition.effectiveRank([3, 0, 0]) == 1)
    #expect(LowRankDecomposition.effectiveRank([0, 0]) == 0)
    let between = LowRankDecomposition.effectiveRank([3, 1])
    // exp(¾ log 4⁄3 + ¼ log 4)
    #expect(abs(between - 1.754_765_350_7) < 1e-9)
  }
}

import Kernels
import TestSupport
import Testing

@Suite("GEMM") struct GEMMTests {
  /// How A lies in memory.
  enum Layout: CaseIterable { case rows, columns }

  /// A product of 25 rows and 32 columns in double, whose corner is every smaller product.
  struct Reference {
    static let (rows, columns) = (25, 32)
    let k: Int
    let a, b, initial: [Float]
    /// Σ a·b and Σ |a·b|: rounding errors are shares of the latter.
    let product, magnitude: [Double]

    init(k: Int) {
      var numbers = SeededNumbers(UInt64(100 + k))
      self.k = k
      a = numbers.floats(Self.rows * k)
      b = numbers.floats(k * Self.columns)
      initial = numbers.floats(Self.rows * Self.columns)
      var product = [Double](repeating: 0, count: Self.rows * Self.columns)
      var magnitude = product
      for i in 0..<Self.rows {
        for j in 0..<Self.columns {
          var (sum, size) = (0.0, 0.0)
          for p in 0..<k {
            let term = Double(a[i * k + p]) * Double(b[p * Self.columns + j])
            sum += term
            size += term.magnitude
          }
          product[i * Self.columns + j] = sum
          magnitude[i * Self.columns + j] = size
        }
      }
      self.product = product
      self.magnitude = magnitude
    }

    func matrix(_ layout: Layout) -> GuardedMatrix {
      switch layout {
      case .rows: return GuardedMatrix(rows: Self.rows, columns: k, gap: 1, a)
      case .columns:
        let turned = (0..<k).flatMap { p in (0..<Self.rows).map { a[$0 * k + p] } }
        return GuardedMatrix(rows: k, columns: Self.rows, gap: 1, turned)
      }
    }
  }

  @Test(
    "gives the product for every shape, and a row's bits do not depend on the rows beside it",
    arguments: KernelPath.available, [0, 1, 511, 512, 513])
  func panel(_ path: KernelPath, _ k: Int) {
    let reference = Reference(k: k)
    let width = Reference.columns
    let b = GuardedMatrix(rows: k, columns: width, reference.b)
    let c = GuardedMatrix(rows: Reference.rows, columns: width, reference.initial)
    let pristine = FloatBuffer(reference.initial)
    for layout in Layout.allCases {
      let a = reference.matrix(layout)
      let (rsa, csa) = layout == .rows ? (a.matrix.stride, 1) : (1, a.matrix.stride)
      for (alpha, accumulate) in [(1, false), (-0.375, true)] as [(Float, Bool)] {
        for n in [1, 15, 16, 17, 31, 32] {
          var whole: [Float] = []
          for m in (1...Reference.rows).reversed() {
            for row in 0..<Reference.rows {
              c.matrix.row(row).update(from: pristine.base + row * width, count: width)
            }
            GEMM.panel(
              m: m, n: n, k: k, a: a.base, rsa: rsa, csa: csa, b: b.base, ldb: b.matrix.stride,
              c: c.base, ldc: c.matrix.stride, alpha: alpha, accumulate: accumulate, path: path)
            let values = c.values
            let shape = "\(layout) m \(m) n \(n) alpha \(alpha)"
            if whole.isEmpty {
              whole = values
              expectProduct(values, reference, n: n, alpha: alpha, accumulate, shape)
            } else {
              let boundary = m * width
              expectSameBits(Array(values[..<boundary]), Array(whole[..<boundary]), shape)
              expectSameBits(
                Array(values[boundary...]), Array(reference.initial[boundary...]), shape)
            }
          }
        }
      }
      #expect(a.isIntact)
    }
    #expect(b.isIntact)
    #expect(c.isIntact)
  }

  private func expectProduct(
    _ values: [Float], _ reference: Reference, n: Int, alpha: Float, _ accumulate: Bool,
    _ label: String
  ) {
    for (index, value) in values.enumerated() {
      let initial = Double(reference.initial[index])
      guard index % Reference.columns < n else {
        if Double(value) != initial { Issue.record("\(label): wrote beyond column \(n)") }
        continue
      }
      let expected = Double(alpha) * reference.product[index] + (accumulate ? initial : 0)
      let allowed = 1e-6 * (reference.magnitude[index] + initial.magnitude)
      if !((Double(value) - expected).magnitude <= allowed) {
        Issue.record("\(label): element \(index) is \(value), expected \(expected)")
      }
    }
  }

  @Test(
    "takes any number of columns", arguments: KernelPath.available, [1, 32, 33, 67, 100])
  func multiply(_ path: KernelPath, _ n: Int) {
    var numbers = SeededNumbers(16)
    let (m, k) = (7, 19)
    let (aValues, bValues) = (numbers.floats(m * k), numbers.floats(k * n))
    let a = GuardedMatrix(rows: m, columns: k, aValues)
    let b = GuardedMatrix(rows: k, columns: n, bValues)
    let c = GuardedMatrix(rows: m, columns: n)
    GEMM.multiply(
      m: m, n: n, k: k, a: a.base, rsa: a.matrix.stride, csa: 1, b: b.base, ldb: b.matrix.stride,
      c: c.base, ldc: c.matrix.stride, alpha: 2, path: path)
    var expected: [Double] = []
    for i in 0..<m {
      for j in 0..<n {
        expected.append(
          (0..<k).reduce(0) { $0 + 2 * Double(aValues[i * k + $1]) * Double(bValues[$1 * n + j]) })
      }
    }
    expectClose(c.values, expected, relative: 1e-6, absolute: 5e-6)
    #expect(c.isIntact)
  }

  @Test(
    "a single row is the same said by rows or by columns", arguments: KernelPath.available, [2, 37])
  func singleRow(_ path: KernelPath, _ k: Int) {
    // Rank 1 makes such matrices: both strides are 1 and say nothing of the length.
    var numbers = SeededNumbers(17)
    let (aValues, bValues) = (numbers.floats(k), numbers.floats(k * 5))
    let (a, b) = (GuardedMatrix(aValues), GuardedMatrix(rows: k, columns: 5, bValues))
    let expected = (0..<5).map { j in
      (0..<k).reduce(0) { $0 + Double(aValues[$1]) * Double(bValues[$1 * 5 + j]) }
    }
    for rsa in [1, k] {
      let c = GuardedMatrix(rows: 1, columns: 5)
      GEMM.panel(
        m: 1, n: 5, k: k, a: a.base, rsa: rsa, csa: 1, b: b.base, ldb: b.matrix.stride, c: c.base,
        ldc: c.matrix.stride, path: path)
      expectClose(c.values, expected, relative: 1e-6, absolute: 5e-6, "rsa \(rsa)")
    }
  }

  @Test("a term is added to every result", arguments: KernelPath.available, [5, 16, 17, 32])
  func term(_ path: KernelPath, _ n: Int) {
    var numbers = SeededNumbers(19)
    for (m, k, rank) in [(1, 3, 1), (13, 700, 16), (25, 1_300, 5), (50, 0, 3)] {
      let (a, b) = (numbers.floats(m * k), numbers.floats(k * n))
      let (a2, b2) = (numbers.floats(m * rank), numbers.floats(rank * n))
      let before = numbers.floats(m * n)
      let (left, right) = (
        GuardedMatrix(rows: m, columns: rank, a2), GuardedMatrix(rows: rank, columns: n, b2)
      )
      let (x, y) = (GuardedMatrix(rows: m, columns: k, a), GuardedMatrix(rows: k, columns: n, b))
      let c = GuardedMatrix(rows: m, columns: n, before)
      GEMM.panel(
        m: m, n: n, k: k, a: x.base, rsa: x.matrix.stride, csa: 1, b: y.base, ldb: y.matrix.stride,
        c: c.base, ldc: c.matrix.stride, alpha: 0.5, accumulate: true,
        adding: GEMM.Term(
          count: rank, a: left.base, rsa: left.matrix.stride, b: right.base,
          ldb: right.matrix.stride), path: path)
      var expected = before.map(Double.init)
      for i in 0..<m {
        for j in 0..<n {
          var sum = 0.0
          for p in 0..<k { sum += Double(a[i * k + p]) * Double(b[p * n + j]) }
          for q in 0..<rank { sum += Double(a2[i * rank + q]) * Double(b2[q * n + j]) }
          expected[i * n + j] += 0.5 * sum
        }
      }
      expectClose(c.values, expected, relative: 1e-6, absolute: 2e-5, "\(m) × \(n) × \(k)")
      #expect(c.isIntact)
    }
  }

  @Test("a panel is the rows on their side, absent rows zero", arguments: KernelPath.available)
  func transposePanel(_ path: KernelPath) {
    var numbers = SeededNumbers(18)
    for n in [1, 7, 31, 32] {
      for k in [1, 15, 16, 17, 67] {
        let values = numbers.floats(n * k)
        let rows = GuardedMatrix(rows: n, columns: k, values)
        let panel = GuardedMatrix(rows: 1, columns: 32 * k, gap: 0)
        GEMM.transposePanel(
          k: k, n: n, a: rows.base, lda: rows.matrix.stride, panel: panel.base, path: path)
        let expected = (0..<k).flatMap { p in (0..<32).map { $0 < n ? values[$0 * k + p] : 0 } }
        expectSameBits(panel.values, expected, "\(n) rows of \(k)")
        #expect(panel.isIntact)
      }
    }
  }
}

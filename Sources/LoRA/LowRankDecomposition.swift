internal import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// The singular values and vectors of a product `P Q`, `[rows, columns]`, of two thin matrices, without making it.
///
/// With `P = U_P R_P` and `Qᵀ = U_Q R_Q`, columns of each U orthonormal, all that is left to decompose is the small core
///
///     P Q = U_P (R_P R_Qᵀ) U_Qᵀ,    R_P R_Qᵀ = X Σ Yᵀ    ⇒    U = U_P X,  V = U_Q Y
///
/// All numbers are double. Costs about (rows + columns) · inner² and some sweeps of inner³.
///
/// - SeeAlso: Demmel and Veselić 1992, "Jacobi's Method is More Accurate than QR", SIAM J. Matrix Anal. Appl. 13(4).
struct LowRankDecomposition {
  /// The singular values, the largest first; as many as the product has inner columns.
  let values: [Double]
  /// The left singular vectors, a column each, in the order of `values`; zero where the value is.
  let left: [[Double]]
  /// The right singular vectors, likewise.
  let right: [[Double]]

  /// Decomposes `P Q`.
  ///
  /// - Parameters:
  ///   - p: the columns of P, each of `rows` numbers.
  ///   - q: the rows of Q, each of `columns` numbers; as many as P has columns.
  init(columns p: [[Double]], rows q: [[Double]]) {
    precondition(p.count == q.count, "an inner dimension of its own for each factor")
    let (leftBasis, leftTriangle) = Self.orthonormalized(p)
    let (rightBasis, rightTriangle) = Self.orthonormalized(q)
    let inner = p.count
    // Column j of the core is Σ_k R_P[:, k] · R_Q[j, k].
    var core = [[Double]](repeating: [Double](repeating: 0, count: inner), count: inner)
    for j in 0..<inner {
      for k in j..<inner {
        let factor = rightTriangle[k][j]
        for i in 0...k { core[j][i] += leftTriangle[k][i] * factor }
      }
    }
    let (columns, rotations) = Self.rotated(core)
    let norms = columns.map { Self.dot($0, $0).squareRoot() }
    let order = norms.indices.sorted { (norms[$0], $1) > (norms[$1], $0) }
    values = order.map { norms[$0] }
    left = order.map { index in
      Self.combination(leftBasis, columns[index].map { norms[index] > 0 ? $0 / norms[index] : 0 })
    }
    right = order.map { index in
      norms[index] > 0
        ? Self.combination(rightBasis, rotations[index])
        : [Double](repeating: 0, count: rightBasis.first?.count ?? 0)
    }
  }

  /// The number of directions that the values are spread over: e to the entropy of their shares of the sum.
  ///
  /// 1 where one value is alone, as many as there are where all are alike, 0 where all are 0.
  ///
  /// - SeeAlso: Roy and Vetterli 2007, "The effective rank: A measure of effective dimensionality", EUSIPCO.
  static func effectiveRank(_ values: [Double]) -> Double {
    let sum = values.reduce(0, +)
    guard sum > 0 else { return 0 }
    let entropy = values.reduce(0.0) { entropy, value in
      let share = value / sum
      return share > 0 ? entropy - share * log(share) : entropy
    }
    return exp(entropy)
  }

  /// Orthonormal columns and the upper triangle that makes the given ones of them, by Gram and Schmidt's method, each
  /// projection taken twice ("twice is enough").
  ///
  /// A column that depends on those before it leaves a column of zeros, and zeros in the triangle.
  ///
  /// - Returns: the basis, and of the triangle each column down to its diagonal.
  private static func orthonormalized(
    _ columns: [[Double]]
  ) -> (basis: [[Double]], triangle: [[Double]]) {
    var basis: [[Double]] = []
    var triangle: [[Double]] = []
    for var column in columns {
      let length = dot(column, column).squareRoot()
      var coefficients = [Double](repeating: 0, count: columns.count)
      for _ in 0..<2 {
        for (index, direction) in basis.enumerated() {
          let share = dot(direction, column)
          coefficients[index] += share
          for i in column.indices { column[i] -= share * direction[i] }
        }
      }
      let rest = dot(column, column).squareRoot()
      // What rounding leaves of a dependent column points nowhere.
      let isDependent = rest <= 1e-13 * length
      coefficients[basis.count] = isDependent ? 0 : rest
      basis.append(column.map { isDependent ? 0 : $0 / rest })
      triangle.append(coefficients)
    }
    return (basis, triangle)
  }

  /// Turns columns in pairs until each is orthogonal to all others: one-sided Jacobi.
  ///
  /// - Returns: the columns, each of length of its singular value, and the product of all rotations.
  private static func rotated(
    _ given: [[Double]]
  ) -> (columns: [[Double]], rotations: [[Double]]) {
    var columns = given
    var rotations = given.indices.map { index in
      given.indices.map { $0 == index ? 1.0 : 0.0 }
    }
    // Ten sweeps do for any matrix seen; the bound is for those that hold no numbers.
    for _ in 0..<60 {
      var isDone = true
      for i in columns.indices {
        for j in columns.indices.dropFirst(i + 1) {
          let alpha = dot(columns[i], columns[i])
          let beta = dot(columns[j], columns[j])
          let gamma = dot(columns[i], columns[j])
          guard gamma.magnitude > 1e-15 * (alpha * beta).squareRoot(), gamma != 0 else { continue }
          isDone = false
          let zeta = (beta - alpha) / (2 * gamma)
          let tangent = (zeta < 0 ? -1 : 1) / (zeta.magnitude + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          turn(&columns, i, j, cosine, cosine * tangent)
          turn(&rotations, i, j, cosine, cosine * tangent)
        }
      }
      if isDone { break }
    }
    return (columns, rotations)
  }

  private static func turn(
    _ columns: inout [[Double]], _ i: Int, _ j: Int, _ cosine: Double, _ sine: Double
  ) {
    for k in columns[i].indices {
      let (x, y) = (columns[i][k], columns[j][k])
      columns[i][k] = cosine * x - sine * y
      columns[j][k] = sine * x + cosine * y
    }
  }

  private static func combination(_ basis: [[Double]], _ factors: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: basis.first?.count ?? 0)
    for (direction, factor) in zip(basis, factors) where factor != 0 {
      for i in sum.indices { sum[i] += factor * direction[i] }
    }
    return sum
  }

  private static func dot(_ x: [Double], _ y: [Double]) -> Double {
    var sum = 0.0
    for i in x.indices { sum += x[i] * y[i] }
    return sum
  }
}

extension LoRAModule {
  /// The singular values of `scale · B · A`, the largest first.
  public var deltaSingularValues: [Double] {
    LowRankDecomposition(columns: columnsOfB(times: Double(scale)), rows: rowsOfA).values
  }

  /// The number of directions that ΔW is spread over; at most the rank.
  ///
  /// - SeeAlso: `LowRankDecomposition.effectiveRank`.
  public var effectiveRank: Double { LowRankDecomposition.effectiveRank(deltaSingularValues) }

  /// The columns of B, each number multiplied by `factor`.
  func columnsOfB(times factor: Double) -> [[Double]] {
    (0..<rank).map { column in
      (0..<outputs).map { factor * Double(b[$0 * rank + column]) }
    }
  }

  /// The rows of A.
  var rowsOfA: [[Double]] {
    (0..<rank).map { row in (0..<inputs).map { Double(a[row * inputs + $0]) } }
  }
}

extension LoRAAdapter {
  /// The effective rank of every module, in their order.
  public func effectiveRanks() -> [Double] {
    let ranks = FloatBuffer(count: modules.count)
    Parallel.run(modules.count) { index, _ in
      ranks.base[index] = Float(modules[index].effectiveRank)
    }
    return modules.indices.map { Double(ranks.base[$0]) }
  }
}

/// Sums, products by columns, and copies of matrices.
public enum Elementwise {
  /// Adds `input` to `output`, row by row.
  public static func add(_ input: Matrix, to output: Matrix, path: KernelPath = .active) {
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows { VectorMath.add(input.columns, input.row(row), output.row(row), path) }
    }
  }

  /// Adds `bias`, `[columns]`, to every row of `output`.
  public static func addBias(
    _ bias: UnsafeMutablePointer<Float>, to output: Matrix, path: KernelPath = .active
  ) {
    Parallel.rows(output.rows, block: 16) { rows, _ in
      for row in rows { VectorMath.add(output.columns, bias, output.row(row), path) }
    }
  }

  /// Multiplies every element by `factor`.
  public static func scale(_ output: Matrix, by factor: Float, path: KernelPath = .active) {
    Parallel.rows(output.rows, block: 16) { rows, _ in
      for row in rows {
        VectorMath.scale(output.columns, factor, output.row(row), output.row(row), path)
      }
    }
  }

  /// Bounds every element: `x = cap · tanh(x / cap)`.
  public static func softCap(_ output: Matrix, to cap: Float, path: KernelPath = .active) {
    Parallel.rows(output.rows, block: 1) { rows, _ in
      for row in rows { VectorMath.softCap(output.columns, 1 / cap, cap, output.row(row), path) }
    }
  }

  /// Subtracts `input` from `output`, row by row.
  public static func subtract(_ input: Matrix, from output: Matrix, path: KernelPath = .active) {
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows { VectorMath.subtract(input.columns, input.row(row), output.row(row), path) }
    }
  }

  /// Writes `input · factors`, column by column, to `output`, which may be `input`.
  ///
  /// - Parameter factors: `[columns]`.
  public static func scaleColumns(
    _ input: Matrix, by factors: UnsafeMutablePointer<Float>, into output: Matrix,
    path: KernelPath = .active
  ) {
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows {
        VectorMath.scaleColumns(input.columns, factors, input.row(row), output.row(row), path)
      }
    }
  }

  /// Adds the products of two matrices' columns, each times a factor: `sums_j += factors_j · Σ_i x_ij · y_ij`.
  ///
  /// - Parameters:
  ///   - factors: `[columns]`.
  ///   - sums: `[columns]`, added to.
  public static func addColumnProducts(
    _ x: Matrix, _ y: Matrix, factors: UnsafeMutablePointer<Float>,
    to sums: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    let block = 64
    let sums = UncheckedPointer(sums)
    let factors = UncheckedPointer(factors)
    Parallel.run((x.columns + block - 1) / block, scratchCount: block) { task, products in
      let columns = task * block..<min(x.columns, (task + 1) * block)
      guard let sums = sums.pointer, let factors = factors.pointer else { return }
      products.update(repeating: 0, count: columns.count)
      for row in 0..<x.rows {
        VectorMath.addProduct(
          columns.count, x.row(row) + columns.lowerBound, y.row(row) + columns.lowerBound,
          products, path)
      }
      for (index, column) in columns.enumerated() {
        sums[column] += factors[column] * products[index]
      }
    }
  }

  /// Sets every element to zero.
  public static func clear(_ output: Matrix) {
    Parallel.rows(output.rows, block: 64) { rows, _ in output.rows(rows).fill(0) }
  }

  /// Copies the rows `rows` of `input` next to each other.
  public static func gather(_ input: Matrix, _ rows: [Int], into output: Matrix) {
    for (index, row) in rows.enumerated() {
      output.row(index).update(from: input.row(row), count: input.columns)
    }
  }

  /// Adds row i of `input` to row `rows[i]` of `output`.
  public static func scatterAdd(
    _ input: Matrix, _ rows: [Int], to output: Matrix, path: KernelPath = .active
  ) {
    for (index, row) in rows.enumerated() {
      VectorMath.add(input.columns, input.row(index), output.row(row), path)
    }
  }
}

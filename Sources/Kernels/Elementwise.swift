/// Sums and copies of matrices.
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

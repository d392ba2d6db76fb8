/// Sums of matrices.
public enum Elementwise {
  /// Adds `input` to `output`, row by row.
  public static func add(_ input: Matrix, to output: Matrix, path: KernelPath = .active) {
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows { VectorMath.add(input.columns, input.row(row), output.row(row), path) }
    }
  }
}

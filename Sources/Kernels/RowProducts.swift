/// The product of each row of a matrix with one vector, as a search among vectors needs it.
public enum RowProducts {
  /// Writes `Σ row · vector` of each row.
  ///
  /// - Parameters:
  ///   - rows: `[count, size]`.
  ///   - vector: `[size]`.
  ///   - output: `[count]`, overwritten.
  public static func forward(
    _ rows: Matrix, vector: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>,
    path: KernelPath = .active
  ) {
    let size = rows.columns
    Parallel.rows(rows.rows, block: 256) { range, _ in
      for row in range { output[row] = VectorMath.dot(size, rows.row(row), vector, path) }
    }
  }
}

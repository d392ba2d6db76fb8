public import Kernels

extension WeightMatrix {
  /// ‖W‖, the Frobenius norm of the numbers that the storage decodes to.
  public var frobeniusNorm: Double {
    squaredRowNorms().array.reduce(0.0) { $0 + Double($1) }.squareRoot()
  }

  /// ‖W_j‖² of every row, `[rows]`.
  ///
  /// Reads the weight once, 32 rows at a time. Where products are computed in integers, the pages of a mapped weight are
  /// let go again behind it.
  public func squaredRowNorms() -> FloatBuffer {
    let block = GEMM.panelWidth
    let tasks = rows.dividedRoundingUp(by: block)
    let sums = FloatBuffer(count: rows)
    Parallel.run(tasks, scratchCount: block * columns) { task, scratch in
      let range = task * block..<min(rows, (task + 1) * block)
      read(range, into: scratch)
      for row in 0..<range.count {
        // A row in floats is exact enough, and eight at once.
        let values = scratch + row * columns
        var squares = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= columns {
          let x = UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self)
          squares += x * x
          index += 8
        }
        var sum = Double(squares.sum())
        while index < columns {
          sum += Double(values[index]) * Double(values[index])
          index += 1
        }
        sums.base[range.lowerBound + row] = Float(sum)
      }
    }
    if integer != nil { releaseStoredPages() }
    return sums
  }
}

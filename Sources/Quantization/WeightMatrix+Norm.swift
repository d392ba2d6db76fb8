internal import Kernels

extension WeightMatrix {
  /// ‖W‖, the Frobenius norm of the numbers that the storage decodes to.
  ///
  /// Reads the weight once, 32 rows at a time. Where products are computed in integers, the pages of a mapped weight are
  /// let go again behind it.
  public var frobeniusNorm: Double {
    let block = GEMM.panelWidth
    let tasks = rows.dividedRoundingUp(by: block)
    let sums = FloatBuffer(count: tasks)
    Parallel.run(tasks, scratchCount: block * columns) { task, scratch in
      let range = task * block..<min(rows, (task + 1) * block)
      read(range, into: scratch)
      var sum = 0.0
      for row in 0..<range.count {
        // A row in floats is exact enough, and eight at once; rows are many, so they are summed in double.
        let values = scratch + row * columns
        var squares = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= columns {
          let x = UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self)
          squares += x * x
          index += 8
        }
        sum += Double(squares.sum())
        while index < columns {
          sum += Double(values[index]) * Double(values[index])
          index += 1
        }
      }
      sums.base[task] = Float(sum)
    }
    if integer != nil { releaseStoredPages() }
    return (0..<tasks).reduce(0.0) { $0 + Double(sums.base[$1]) }.squareRoot()
  }
}

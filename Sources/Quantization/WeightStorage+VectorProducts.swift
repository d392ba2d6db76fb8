internal import CMicroKernels
public import Kernels

extension WeightStorage {
  /// Most vectors that `multiply` takes in one pass over the weights.
  public static let vectorLimit = Int(LK_VECTORS)

  /// Writes the products of stored rows with a few vectors: `output[i][j] = Σ_k W[rows[j]][k] · input[i][k]`.
  ///
  /// The weights go from the bytes they are stored in to registers and are never written down as floats, so one vector
  /// takes about as long as reading them. A result's bits depend on its row of W, its vector and the instructions in use,
  /// not on what is computed beside it.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount]`, stored rows; repeats are allowed.
  ///   - rowCount: 0 or more.
  ///   - input: `[vectors, columns]`, at most `vectorLimit` vectors.
  ///   - output: `[vectors, rowCount or more]`, of which the first `rowCount` of each row are overwritten.
  public func multiply(
    rows: UnsafePointer<Int32>, rowCount: Int, by input: Matrix, into output: Matrix
  ) {
    multiply(rows: rows, rowCount: rowCount, by: input, into: output, on: .active)
  }

  /// `multiply` with the instructions named.
  func multiply(
    rows: UnsafePointer<Int32>, rowCount: Int, by input: Matrix, into output: Matrix,
    on instructions: InstructionSet
  ) {
    precondition(
      input.columns == columns && input.rows <= Self.vectorLimit && output.rows == input.rows
        && output.columns >= rowCount, "vectors as long as the rows, four at most")
    let (x, xStride) = (input.base, Int64(input.stride))
    let (y, yStride) = (output.base, Int64(output.stride))
    let (count, vectors) = (Int32(rowCount), Int32(input.rows))
    let width = Int64(columns)
    switch self {
    case .blocks(let type, let base, let columns):
      let rowBytes = Int64(columns / type.blockElements * type.blockBytes)
      let type = Int32(type.ggufType)
      switch instructions {
      #if arch(x86_64)
        case .avx512:
          lk_multiply_avx512(
            type, base, rowBytes, width, rows, count, x, xStride, vectors, y, yStride)
        case .avx2:
          lk_multiply_avx2(
            type, base, rowBytes, width, rows, count, x, xStride, vectors, y, yStride)
      #endif
      default:
        lk_multiply_portable(
          type, base, rowBytes, width, rows, count, x, xStride, vectors, y, yStride)
      }
    case .nf4(let matrix):
      matrix.withDescription { matrix in
        switch instructions {
        #if arch(x86_64)
          case .avx512:
            lk_nf4_multiply_avx512(matrix, width, rows, count, x, xStride, vectors, y, yStride)
          case .avx2:
            lk_nf4_multiply_avx2(matrix, width, rows, count, x, xStride, vectors, y, yStride)
        #endif
        default:
          lk_nf4_multiply_portable(matrix, width, rows, count, x, xStride, vectors, y, yStride)
        }
      }
    }
  }
}

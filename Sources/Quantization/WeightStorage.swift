internal import CMicroKernels

/// A matrix of weights as it is stored, and the two ways to read tiles of it as floats.
///
/// A tile is some rows, in any order, by a range of columns. Rows are *stored* rows: whoever knows that a file keeps
/// its rows permuted passes permuted indices.
public enum WeightStorage: @unchecked Sendable {
  // Sendable because stored weights are only ever read; the memory is the caller's to keep alive.

  /// Rows of `columns` elements of the given type, one after the other from `base` on; `columns` is a multiple of the
  /// type's `blockElements`. The memory is not owned.
  case blocks(StorageType, base: UnsafeRawPointer, columns: Int)

  /// A matrix in NF4.
  case nf4(NF4Matrix)

  /// Rows of a panel.
  public static let panelRows = 32

  /// Elements of a row.
  public var columns: Int {
    switch self {
    case .blocks(_, _, let columns): columns
    case .nf4(let matrix): matrix.columns
    }
  }

  /// Reads up to 32 rows side by side: `panel[(k - columns.lowerBound) * 32 + j] = W[rows[j]][k]`.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount]`, stored rows; repeats are allowed.
  ///   - rowCount: 0 to 32; the panel is 0 where rows are missing.
  ///   - columns: multiples of 32, or ending with the row. Types that are not made of blocks take any range.
  ///   - panel: `[columns.count][32]`, overwritten; quickest where aligned to 64 bytes.
  public func readPanel(
    rows: UnsafePointer<Int32>, rowCount: Int, columns: Range<Int>,
    into panel: UnsafeMutablePointer<Float>
  ) {
    readPanel(rows: rows, rowCount: rowCount, columns: columns, into: panel, on: .best)
  }

  /// `readPanel` with the instructions named.
  func readPanel(
    rows: UnsafePointer<Int32>, rowCount: Int, columns: Range<Int>,
    into panel: UnsafeMutablePointer<Float>, on instructions: InstructionSet
  ) {
    precondition(rowCount >= 0 && rowCount <= Self.panelRows, "a panel has at most 32 rows")
    checkTile(columns)
    guard !columns.isEmpty else { return }
    let first = Int64(columns.lowerBound)
    let last = Int64(columns.upperBound)
    let count = Int32(rowCount)
    switch self {
    case .blocks(let type, let base, let width):
      let rowBytes = Int64(width / type.blockElements * type.blockBytes)
      let type = Int32(type.ggufType)
      switch instructions {
      #if arch(x86_64)
        case .avx512:
          lk_panel_avx512(type, base, rowBytes, Int64(width), rows, count, first, last, panel)
        case .avx2:
          lk_panel_avx2(type, base, rowBytes, Int64(width), rows, count, first, last, panel)
      #endif
      default:
        lk_panel_portable(type, base, rowBytes, Int64(width), rows, count, first, last, panel)
      }
    case .nf4(let matrix):
      let width = Int64(matrix.columns)
      matrix.withDescription { matrix in
        switch instructions {
        #if arch(x86_64)
          case .avx512: lk_nf4_panel_avx512(matrix, width, rows, count, first, last, panel)
          case .avx2: lk_nf4_panel_avx2(matrix, width, rows, count, first, last, panel)
        #endif
        default: lk_nf4_panel_portable(matrix, width, rows, count, first, last, panel)
        }
      }
    }
  }

  /// Reads rows one after the other: `values[j * leadingDimension + k - columns.lowerBound] = W[rows[j]][k]`.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount]`, stored rows; repeats are allowed.
  ///   - rowCount: 0 or more.
  ///   - columns: multiples of 32, or ending with the row. Types that are not made of blocks take any range.
  ///   - values: `[rowCount][leadingDimension]`, of which the first `columns.count` of each row are overwritten.
  ///   - leadingDimension: floats from one row to the next, at least `columns.count`.
  public func readRows(
    rows: UnsafePointer<Int32>, rowCount: Int, columns: Range<Int>,
    into values: UnsafeMutablePointer<Float>, leadingDimension: Int
  ) {
    readRows(
      rows: rows, rowCount: rowCount, columns: columns, into: values,
      leadingDimension: leadingDimension, on: .best)
  }

  /// `readRows` with the instructions named.
  func readRows(
    rows: UnsafePointer<Int32>, rowCount: Int, columns: Range<Int>,
    into values: UnsafeMutablePointer<Float>, leadingDimension: Int,
    on instructions: InstructionSet
  ) {
    precondition(leadingDimension >= columns.count, "rows would overlap")
    checkTile(columns)
    guard !columns.isEmpty else { return }
    let (rowCount, count, stride) = (
      Int64(rowCount), Int64(columns.count), Int64(leadingDimension)
    )
    switch self {
    case .blocks(let type, let base, let width):
      let rowBytes = Int64(width / type.blockElements * type.blockBytes)
      let (width, first) = (Int64(width), Int64(columns.lowerBound))
      let type = Int32(type.ggufType)
      switch instructions {
      #if arch(x86_64)
        case .avx512:
          lk_dequantize_rows_avx512(
            type, base, rowBytes, width, first, rows, rowCount, count, values, stride)
        case .avx2:
          lk_dequantize_rows_avx2(
            type, base, rowBytes, width, first, rows, rowCount, count, values, stride)
      #endif
      default:
        lk_dequantize_rows_portable(
          type, base, rowBytes, width, first, rows, rowCount, count, values, stride)
      }
    case .nf4(let matrix):
      let (width, first) = (Int64(matrix.columns), Int64(columns.lowerBound))
      matrix.withDescription { matrix in
        switch instructions {
        #if arch(x86_64)
          case .avx512:
            lk_nf4_dequantize_rows_avx512(
              matrix, width, first, rows, rowCount, count, values, stride)
          case .avx2:
            lk_nf4_dequantize_rows_avx2(matrix, width, first, rows, rowCount, count, values, stride)
        #endif
        default:
          lk_nf4_dequantize_rows_portable(
            matrix, width, first, rows, rowCount, count, values, stride)
        }
      }
    }
  }

  /// Traps where `columns` would be read outside the row or cut a block.
  private func checkTile(_ columns: Range<Int>) {
    precondition(
      columns.lowerBound >= 0 && columns.upperBound <= self.columns, "no such columns")
    guard case .blocks(let type, _, _) = self else { return }
    precondition(
      columns.lowerBound % type.tileElements == 0
        && columns.upperBound % type.tileElements == 0, "a tile cuts no block")
  }
}

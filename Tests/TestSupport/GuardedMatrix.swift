public import Kernels

/// A matrix for a kernel under test, its rows apart and everything around them watched.
///
/// Before the first row, between rows and after the last stand words that are NaN: a kernel that reads
/// them spoils its result, and `isIntact` says whether one wrote them. No row is aligned.
public final class GuardedMatrix {
  /// The view to hand to the kernel.
  public let matrix: Matrix
  private let buffer: FloatBuffer
  private static let margin = 17
  private static let guardWord: UInt32 = 0x7FC0_5AFE

  /// Makes a matrix of `values`, or of guard words where the kernel is to overwrite them all.
  ///
  /// - Parameters:
  ///   - rows: number of rows.
  ///   - columns: numbers in a row.
  ///   - gap: guard words between two rows.
  ///   - values: `[rows, columns]`.
  public init(rows: Int, columns: Int, gap: Int = 3, _ values: [Float]? = nil) {
    let stride = columns + gap
    buffer = FloatBuffer(count: rows * stride + 2 * Self.margin)
    for index in 0..<buffer.count { buffer.base[index] = Float(bitPattern: Self.guardWord) }
    matrix = Matrix(buffer.base + Self.margin, rows: rows, columns: columns, stride: stride)
    guard let values else { return }
    precondition(values.count == rows * columns, "\(values.count) numbers for \(rows) × \(columns)")
    for row in 0..<rows {
      for column in 0..<columns { matrix.row(row)[column] = values[row * columns + column] }
    }
  }

  /// A vector of `values`.
  public convenience init(_ values: [Float]) {
    self.init(rows: 1, columns: values.count, gap: 0, values)
  }

  /// The first number, for kernels that take a vector.
  public var base: UnsafeMutablePointer<Float> { matrix.base }

  /// The numbers, rows end to end.
  public var values: [Float] {
    (0..<matrix.rows).flatMap { row in
      Array(UnsafeBufferPointer(start: matrix.row(row), count: matrix.columns))
    }
  }

  /// Whether nothing outside the matrix was written.
  public var isIntact: Bool {
    for index in 0..<buffer.count where buffer.base[index].bitPattern != Self.guardWord {
      let place = index - Self.margin
      guard place >= 0, matrix.stride > 0, place / matrix.stride < matrix.rows,
        place % matrix.stride < matrix.columns
      else { return false }
    }
    return true
  }
}

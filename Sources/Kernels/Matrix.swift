/// A view of a row-major matrix of floats: what every kernel reads and writes.
///
/// A view neither owns nor keeps its memory: buffers do (`FloatBuffer`), and outlive the kernel calls made on them.
/// Kernels split rows among threads through views, which no owning type allows (see `docs/decisions`).
public struct Matrix: @unchecked Sendable {
  /// The first element.
  public let base: UnsafeMutablePointer<Float>
  /// Number of rows.
  public let rows: Int
  /// Numbers in a row.
  public let columns: Int
  /// Numbers from the start of one row to the start of the next.
  public let stride: Int

  /// A view of `rows` rows of `columns` numbers, `stride` apart (default: lying end to end).
  public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The start of row `index`.
  @inlinable
  public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index &* stride }

  /// The view of some of the rows.
  public func rows(_ range: Range<Int>) -> Matrix {
    Matrix(base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// The view of some of the columns.
  public func columns(_ range: Range<Int>) -> Matrix {
    Matrix(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The view in which each row is so many rows of `columns` numbers, such as a row for each head; rows lie end to end.
  public func split(columns count: Int) -> Matrix {
    precondition(
      stride == columns && columns % count == 0, "whole parts of rows that lie end to end")
    return Matrix(base, rows: rows * (columns / count), columns: count)
  }

  /// Fills every element.
  public func fill(_ value: Float) {
    for row in 0..<rows { self.row(row).update(repeating: value, count: columns) }
  }
}

/// An owner of floats, 64-byte aligned and zeroed, freed with its last reference.
///
/// Unchecked: the numeric core hands disjoint parts to its tasks and waits for them.
public final class FloatBuffer: @unchecked Sendable {
  /// The first element.
  public let base: UnsafeMutablePointer<Float>
  /// Number of elements.
  public let count: Int

  /// Allocates `count` zeros.
  public init(count: Int) {
    let padded = Self.padded(count)
    base = ZeroedMemory.allocate(byteCount: padded * 4).bindMemory(to: Float.self, capacity: padded)
    self.count = count
  }

  /// Allocates a copy of `values`.
  public convenience init(_ values: [Float]) {
    self.init(count: values.count)
    for index in values.indices { base[index] = values[index] }
  }

  deinit { ZeroedMemory.deallocate(base, byteCount: Self.padded(count) * 4) }

  /// A kernel may read a vector beyond the last element.
  private static func padded(_ count: Int) -> Int { max(count, 16) + 32 }

  /// The first `rows × columns` elements as a matrix.
  public func matrix(rows: Int, columns: Int) -> Matrix {
    precondition(rows * columns <= count, "a view larger than its buffer")
    return Matrix(base, rows: rows, columns: columns)
  }

  /// The elements as an array.
  public var array: [Float] { [Float](UnsafeBufferPointer(start: base, count: count)) }
}

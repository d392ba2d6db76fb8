public import Quantization

/// A tensor of an opened model, under its Hugging Face name, as its file stores it.
///
/// The value keeps the file mapped.
public struct StoredTensor: Sendable {
  /// The Hugging Face name, such as `model.layers.0.self_attn.q_proj.weight`.
  public let name: String
  /// Row-major; a linear layer's weight is `[out, in]`.
  public let shape: [Int]
  /// How the elements are stored.
  public let type: StorageType
  /// The number of attention heads whose rows stand in GGUF's order, or nil where the order is
  /// Hugging Face's.
  ///
  /// GGUF interleaves the two halves of a head that RoPE rotates together: logical row
  /// `h·d + t·(d/2) + j` is stored as row `h·d + 2·j + t`, for head `h`, head size `d`, half `t`.
  public let rowPermutationHeads: Int?
  /// What the file has added to every value; 1 for Gemma's norms in GGUF, else 0.
  public let valueOffset: Float

  /// The file that holds the values.
  public let file: MappedFile
  /// Where they start in it.
  public let byteOffset: Int
  /// How many bytes they take.
  public let byteCount: Int

  /// Describes a tensor of `file`; its bytes lie there, and its rows divide into the heads, where there are some.
  package init(
    name: String, shape: [Int], type: StorageType, rowPermutationHeads: Int?,
    valueOffset: Float = 0, file: MappedFile, byteOffset: Int, byteCount: Int
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.rowPermutationHeads = rowPermutationHeads
    self.valueOffset = valueOffset
    self.file = file
    self.byteOffset = byteOffset
    self.byteCount = byteCount
  }

  /// The stored bytes; valid while `file` lives.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[byteOffset..<byteOffset + byteCount])
  }

  /// How many elements there are.
  public var elementCount: Int { shape.reduce(1, *) }

  /// How many rows there are: all dimensions but the last, 1 for a vector.
  public var rowCount: Int { shape.dropLast().reduce(1, *) }

  /// How many elements a row has.
  public var columnCount: Int { shape.last ?? 1 }

  /// Where logical row `row` of a matrix is stored.
  public func storedRow(_ row: Int) -> Int {
    guard let heads = rowPermutationHeads else { return row }
    return RowPermutation(rows: rowCount, heads: heads).ggufRow(row)
  }

  /// Writes the values of logical rows `rows`, in Hugging Face order.
  ///
  /// - Parameter values: `[rows.count, columnCount]`, overwritten.
  public func dequantize(rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows outside the tensor")
    let columns = columnCount
    guard columns > 0, !rows.isEmpty else { return }
    let rowBytes = byteCount / rowCount
    let start = file.baseAddress + byteOffset
    guard let heads = rowPermutationHeads else {
      type.dequantize(
        start + rows.lowerBound * rowBytes, count: rows.count * columns, into: values)
      guard valueOffset != 0 else { return }
      for index in 0..<rows.count * columns { values[index] -= valueOffset }
      return
    }
    guard shape.count > 1 else {
      // A bias: its elements are permuted as the rows of its matrix are.
      type.dequantize(start, count: columns, into: values)
      let stored = Array(UnsafeBufferPointer(start: values, count: columns))
      let permutation = RowPermutation(rows: columns, heads: heads)
      for index in 0..<columns { values[index] = stored[permutation.ggufRow(index)] }
      return
    }
    let permutation = RowPermutation(rows: rowCount, heads: heads)
    for (index, row) in rows.enumerated() {
      type.dequantize(
        start + permutation.ggufRow(row) * rowBytes, count: columns,
        into: values + index * columns)
    }
  }

  /// All values in Hugging Face order; for tests and small tensors.
  public func values() -> [Float] {
    [Float](unsafeUninitializedCapacity: elementCount) { buffer, initializedCount in
      if let start = buffer.baseAddress { dequantize(rows: 0..<rowCount, into: start) }
      initializedCount = elementCount
    }
  }

  /// Lets the memory of the stored bytes go; a later read brings it back.
  public func releasePages() {
    file.releasePages(offset: byteOffset, count: byteCount)
  }
}

/// The order in which GGUF's `llama` architecture stores the rows of a query or key projection.
public struct RowPermutation: Sendable {
  private let headRows: Int

  /// The permutation of `rows` rows that belong to `heads` heads of an even number of rows.
  public init(rows: Int, heads: Int) {
    precondition(heads > 0 && rows % (2 * heads) == 0, "rows do not divide into heads")
    headRows = rows / heads
  }

  /// Where GGUF stores row `row` of Hugging Face's order.
  public func ggufRow(_ row: Int) -> Int {
    let (head, within) = row.quotientAndRemainder(dividingBy: headRows)
    let (half, index) = within.quotientAndRemainder(dividingBy: headRows / 2)
    return head * headRows + 2 * index + half
  }

  /// Which row of Hugging Face's order GGUF stores as row `row`.
  public func huggingFaceRow(_ row: Int) -> Int {
    let (head, within) = row.quotientAndRemainder(dividingBy: headRows)
    return head * headRows + within % 2 * (headRows / 2) + within / 2
  }
}

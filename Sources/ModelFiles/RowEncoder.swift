package import Quantization

/// Gives rows of a tensor in Hugging Face order: fills `[rows.count, columns]` values.
///
/// A writer asks for one tensor after another, and for its rows from first to last, so the giver need
/// hold no more than it is asked for. A vector is one row.
public typealias RowSource = (
  _ tensor: String, _ rows: Range<Int>, _ values: UnsafeMutableBufferPointer<Float>
) throws -> Void

/// Turns the rows a `RowSource` gives into the bytes of a file, a few rows at a time.
package struct RowEncoder {
  /// The name the source knows the tensor by.
  let name: String
  let shape: [Int]
  let type: StorageType
  /// The number of heads whose rows are to be stored in GGUF's order, or nil for Hugging Face's.
  let rowPermutationHeads: Int?
  /// What is to be added to every value.
  let valueOffset: Float

  /// How the scales of blocks are chosen.
  let fitting: ScaleFitting

  /// Describes a tensor to be written; its rows divide into the heads, where there are some.
  package init(
    name: String, shape: [Int], type: StorageType, rowPermutationHeads: Int?,
    valueOffset: Float = 0,
    fitting: ScaleFitting = .plain
  ) {
    self.fitting = fitting
    self.name = name
    self.shape = shape
    self.type = type
    self.rowPermutationHeads = rowPermutationHeads
    self.valueOffset = valueOffset
  }

  /// About how many values are in memory at once.
  static let chunkElements = 1 << 20

  /// Asks `source` for all rows and gives their bytes to `write`, in order.
  package func encode(
    from source: RowSource, to write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var unmeasured: Deviation?
    try encode(from: source, deviation: &unmeasured, to: write)
  }

  /// Asks `source` for all rows and gives their bytes to `write`, in order.
  ///
  /// - Parameter deviation: of the numbers written from those given is added to; nil where it is not to be known.
  func encode(
    from source: RowSource, deviation: inout Deviation?,
    to write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let columns = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    guard columns > 0, rows > 0 else { return }
    // A bias is permuted element by element, a matrix row by row; a chunk holds whole heads.
    let isVector = shape.count <= 1
    let unitRows = isVector ? 1 : rowPermutationHeads.map { rows / $0 } ?? 1
    let chunkRows = max(1, Self.chunkElements / columns / unitRows) * unitRows
    let capacity = min(chunkRows, rows) * columns
    try withUnsafeTemporaryAllocation(of: Float.self, capacity: capacity) { values in
      values.initialize(repeating: 0)
      let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: capacity / type.blockElements * type.blockBytes, alignment: 16)
      defer { bytes.deallocate() }
      for first in stride(from: 0, to: rows, by: chunkRows) {
        let range = first..<min(first + chunkRows, rows)
        let chunk = UnsafeMutableBufferPointer(rebasing: values[..<(range.count * columns)])
        try source(name, range, chunk)
        if let heads = rowPermutationHeads {
          permute(chunk, rows: isVector ? columns : range.count, headRows: headRows(heads))
        }
        if valueOffset != 0 {
          for index in chunk.indices { chunk[index] += valueOffset }
        }
        try write(encoded(chunk, into: bytes, &deviation))
      }
    }
  }

  /// How many rows, or elements of a bias, belong to one head.
  private func headRows(_ heads: Int) -> Int { (shape.first ?? 0) / heads }

  private func permute(_ chunk: UnsafeMutableBufferPointer<Float>, rows: Int, headRows: Int) {
    let columns = chunk.count / rows
    let original = Array(chunk)
    let permutation = RowPermutation(rows: rows, heads: rows / headRows)
    for row in 0..<rows {
      let from = permutation.huggingFaceRow(row) * columns
      let target = UnsafeMutableBufferPointer(
        rebasing: chunk[(row * columns)..<((row + 1) * columns)])
      _ = target.update(from: original[from..<(from + columns)])
    }
  }

  private func encoded(
    _ chunk: UnsafeMutableBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer,
    _ deviation: inout Deviation?
  ) -> UnsafeRawBufferPointer {
    let count = chunk.count / type.blockElements * type.blockBytes
    if let source = chunk.baseAddress, let target = bytes.baseAddress {
      type.quantize(
        source, count: chunk.count, into: target, fitting: fitting, deviation: &deviation)
    }
    return UnsafeRawBufferPointer(rebasing: bytes[..<count])
  }
}

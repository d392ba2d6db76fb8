internal import Kernels

/// The vectors of a knowledge base, each compared with a question's.
///
/// The first search reads them block by block and keeps none. From the second on they stay in memory, until the file
/// changes: who asks once needs none for them, and who asks often does not read them again.
final class VectorTable {
  private let database: Database
  private var ids: [Int] = []
  private var rows = FloatBuffer(count: 0)
  /// The state of the file that `ids` and `rows` hold; nil where they hold none.
  private var kept: State?
  /// The state of the file that the last search saw.
  private var seen: State?

  private struct State: Equatable {
    /// Changes with what others write, and with what this connection does.
    let (others, own): (Int, Int)
  }

  /// How many vectors are read before they are compared.
  private static let block = 1_024

  init(_ database: Database) { self.database = database }

  /// The product of every vector with `vector`, in the order of the passages' numbers.
  ///
  /// - Throws: ``RetrievalError/damaged(path:reason:)`` where one has another length.
  func scores(of vector: [Float]) throws(RetrievalError) -> (ids: [Int], scores: [Float]) {
    let state = State(
      others: try database.integer("PRAGMA data_version"), own: database.changeCount)
    if state != kept, state == seen {
      let count = try database.integer("SELECT count(*) FROM vectors")
      (ids, rows) = ([], FloatBuffer(count: count * vector.count))
      kept = nil
      try read(vector.count) { id, bytes in
        copy(bytes, to: ids.count)
        ids.append(id)
      }
      kept = state
    }
    seen = state
    if state == kept { return (ids, products(ids.count, vector)) }
    (ids, rows) = ([], FloatBuffer(count: Self.block * vector.count))
    kept = nil
    var (all, scores): ([Int], [Float]) = ([], [])
    var filled = 0
    try read(vector.count) { id, bytes in
      copy(bytes, to: filled)
      all.append(id)
      filled += 1
      if filled == Self.block {
        scores += products(filled, vector)
        filled = 0
      }
    }
    return (all, scores + products(filled, vector))
  }

  private func read(
    _ dimensions: Int, _ body: (_ id: Int, _ bytes: UnsafeRawBufferPointer) -> Void
  ) throws(RetrievalError) {
    let statement = try database.prepare("SELECT passage, vector FROM vectors ORDER BY passage")
    while try statement.step() {
      let bytes = statement.bytes(1)
      guard bytes.count == 4 * dimensions else {
        throw .damaged(path: database.path, reason: "a vector has another length")
      }
      body(statement.integer(0), bytes)
    }
  }

  private func copy(_ bytes: UnsafeRawBufferPointer, to row: Int) {
    let start = row * (bytes.count / 4)
    // The file may have grown between counting and reading only if this is no snapshot.
    precondition(start + bytes.count / 4 <= rows.count, "as many vectors as were counted")
    UnsafeMutableRawPointer(rows.base + start).copyMemory(
      from: bytes.baseAddress ?? UnsafeRawPointer(rows.base), byteCount: bytes.count)
  }

  private func products(_ count: Int, _ vector: [Float]) -> [Float] {
    let query = FloatBuffer(vector)
    let output = FloatBuffer(count: count)
    RowProducts.forward(
      rows.matrix(rows: count, columns: vector.count), vector: query.base, output: output.base)
    return Array(UnsafeBufferPointer(start: output.base, count: count))
  }
}

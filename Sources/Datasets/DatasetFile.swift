public import Serialization

/// A JSONL file whose rows are at hand as they are written, not only as what they mean.
public struct DatasetFile: Sendable {
  /// One row.
  public struct Row: Sendable {
    /// The line, without what ends it.
    public var bytes: [UInt8]
    /// The line's value.
    public var object: JSONObject
    /// What the row means.
    public var example: Example
  }

  /// The file, as it was named.
  public var path: String
  /// The format of its rows.
  public var format: DatasetFormat
  /// Its rows, in order.
  public var rows: [Row]

  /// Reads a file; its rows have one format, as in ``Dataset``.
  ///
  /// - Throws: ``DatasetError`` for the first bad line.
  public init(readingFrom path: String) throws(DatasetError) {
    try self.init(try FileBytes.read(path), path: path)
  }

  /// Reads a file that is already in memory; `path` is what its errors call it.
  public init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    var rows: [Row] = []
    format = try Self.read(bytes, path: path) { line, object, example in
      let end = line.bytes.last == UInt8(ascii: "\r") ? line.bytes.count - 1 : line.bytes.count
      rows.append(Row(bytes: Array(line.bytes.prefix(end)), object: object, example: example))
    }
    self.path = path
    self.rows = rows
  }

  /// Hands out each row of a file, and returns the format of all.
  static func read(
    _ bytes: [UInt8], path: String, row: (JSONLine, JSONObject, Example) -> Void
  ) throws(DatasetError) -> DatasetFormat {
    let result = bytes.withUnsafeBytes { raw in
      Result<DatasetFormat, DatasetError> { () throws(DatasetError) in
        try read(raw, path: path, row: row)
      }
    }
    return try result.get()
  }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, path: String, row: (JSONLine, JSONObject, Example) -> Void
  ) throws(DatasetError) -> DatasetFormat {
    var reader: RowReader?
    for line in JSONLines(bytes, path: path) {
      let object = try line.object()
      let known: RowReader
      if let reader {
        known = reader
      } else {
        known = RowReader(format: try line.format(of: object))
      }
      reader = known
      do throws(RowProblem) {
        row(line, object, Example(try known.content(of: object), source: line.source))
      } catch {
        throw line.invalid(error)
      }
    }
    guard let reader else { throw .noRows(path: path) }
    return reader.format
  }
}

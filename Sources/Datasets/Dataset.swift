/// The examples of some JSONL files, in the files' order.
public struct Dataset: Sendable, Equatable {
  /// What a file turned out to be.
  public struct File: Sendable, Equatable, CustomStringConvertible {
    /// The file, as it was named.
    public var path: String
    /// The format of its rows.
    public var format: DatasetFormat
    /// The number of rows.
    public var rows: Int

    /// `"train.jsonl: 600 rows of chat messages"`.
    public var description: String {
      "\(path): \(rows) row\(rows == 1 ? "" : "s") of \(format)"
    }
  }

  /// The rows of all files.
  public var examples: [Example] = []
  /// The files read.
  public var files: [File] = []

  /// Reads JSONL files, one after the other; each file has its own format, the same for all its rows.
  ///
  /// A byte-order mark, blank lines, `\r\n` and a last line without `\n` are fine.
  ///
  /// - Throws: ``DatasetError`` for the first bad line of the first bad file.
  public init(readingFrom paths: [String]) throws(DatasetError) {
    for path in paths {
      let bytes = try FileBytes.read(path)
      try append(bytes, path: path)
    }
  }

  /// Reads one file that is already in memory; `path` is what its errors call it.
  public init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    try append(bytes, path: path)
  }

  private mutating func append(_ bytes: [UInt8], path: String) throws(DatasetError) {
    var rows: [Example] = []
    let format = try DatasetFile.read(bytes, path: path) { _, _, example in rows.append(example) }
    files.append(File(path: path, format: format, rows: rows.count))
    examples += rows
  }
}

import Serialization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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
    let result = bytes.withUnsafeBytes { raw in
      Result<(File, [Example]), DatasetError> { () throws(DatasetError) in
        try Self.rows(raw, path: path)
      }
    }
    let (file, rows) = try result.get()
    files.append(file)
    examples += rows
  }

  private static func rows(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(DatasetError) -> (File, [Example]) {
    let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    var start = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
    var lineNumber = 0
    var reader: RowReader?
    var examples: [Example] = []
    while start < bytes.count {
      let end = endOfLine(from: start, in: bytes)
      lineNumber += 1
      let line = Line(
        bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), offset: start, path: path,
        number: lineNumber)
      start = end + 1
      guard !line.isBlank else { continue }
      let row = try line.object()
      let known: RowReader
      if let reader { known = reader } else { known = RowReader(format: try line.format(of: row)) }
      reader = known
      do throws(RowProblem) {
        let source = ExampleSource(path: path, line: lineNumber)
        examples.append(Example(try known.content(of: row), source: source))
      } catch {
        throw line.invalid(error)
      }
    }
    guard let reader else { throw .noRows(path: path) }
    return (File(path: path, format: reader.format, rows: examples.count), examples)
  }

  private static func endOfLine(from start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress,
      let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(newline) - base
  }
}

/// One line of a file, while the file's bytes are at hand.
private struct Line {
  let bytes: UnsafeRawBufferPointer
  let offset: Int
  let path: String
  let number: Int

  var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }

  func object() throws(DatasetError) -> JSONObject {
    if number == 1, bytes.first(where: { $0 != 0x20 }) == UInt8(ascii: "[") {
      throw .jsonArray(place: place(1))
    }
    let value: JSONValue
    do throws(JSONError) {
      value = try JSON.parse(bytes)
    } catch {
      if let invalid = UTF8Validation.firstInvalidOffset(in: bytes) {
        throw .notUTF8(
          place: place(JSONPath.column(at: invalid, in: bytes)), offset: offset + invalid,
          byte: bytes[invalid])
      }
      throw .invalidJSON(place: place(error.column), message: error.message)
    }
    guard let row = value.objectValue else {
      let fault = RowFault.wrongType(
        name: "the row", expected: "an object", found: value.kindDescription)
      throw invalid(RowProblem(fault: fault, path: []))
    }
    return row
  }

  func format(of row: JSONObject) throws(DatasetError) -> DatasetFormat {
    guard let format = DatasetFormat(keysOf: row) else {
      throw .unknownFormat(place: place(JSONPath.column(of: [], in: bytes)), keys: row.keys)
    }
    return format
  }

  func invalid(_ problem: RowProblem) -> DatasetError {
    .invalidRow(
      place: place(JSONPath.column(of: problem.path, in: bytes)), fault: problem.fault)
  }

  private func place(_ column: Int) -> DatasetPlace {
    DatasetPlace(path: path, line: number, column: column)
  }
}

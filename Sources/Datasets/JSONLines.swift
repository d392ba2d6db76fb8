package import Serialization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The lines of a JSONL file that are not blank, while the file's bytes are at hand.
///
/// A byte-order mark, `\r\n` and a last line without `\n` are fine.
package struct JSONLines: Sequence, IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var start: Int
  private var number = 0

  /// The lines of a file; `path` is what errors call it.
  package init(_ bytes: UnsafeRawBufferPointer, path: String) {
    let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    self.bytes = bytes
    self.path = path
    start = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
  }

  /// The next line that is not blank.
  package mutating func next() -> JSONLine? {
    while start < bytes.count {
      let end = endOfLine
      number += 1
      let line = JSONLine(
        bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), offset: start, path: path,
        number: number)
      start = end + 1
      if !line.isBlank { return line }
    }
    return nil
  }

  private var endOfLine: Int {
    guard let base = bytes.baseAddress,
      let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(newline) - base
  }
}

/// One line of a file, while the file's bytes are at hand.
package struct JSONLine {
  let bytes: UnsafeRawBufferPointer
  let offset: Int
  let path: String
  /// The line's number in the file, from 1.
  package let number: Int

  var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }

  var source: ExampleSource { ExampleSource(path: path, line: number) }

  /// The object that the line holds.
  ///
  /// - Throws: ``DatasetError`` with its place where it holds anything else.
  package func object() throws(DatasetError) -> JSONObject {
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
      throw .unknownFormat(place: place(of: []), keys: row.keys)
    }
    return format
  }

  func invalid(_ problem: RowProblem) -> DatasetError {
    .invalidRow(place: place(of: problem.path), fault: problem.fault)
  }

  /// The place of the value that `path` leads to.
  func place(of path: [JSONStep]) -> DatasetPlace { place(JSONPath.column(of: path, in: bytes)) }

  func place(_ column: Int) -> DatasetPlace {
    DatasetPlace(path: path, line: number, column: column)
  }
}

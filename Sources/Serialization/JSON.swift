/// Why a text is not JSON, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The line, counted from 1.
  public let line: Int
  /// The column, counted from 1 in Unicode scalars.
  public let column: Int
  /// The offset from the start of the text, in bytes.
  public let offset: Int
  /// What was expected and what was found.
  public let message: String

  /// One line naming the place and the fault.
  public var description: String {
    "line \(line), column \(column) (byte \(offset)): \(message)"
  }
}

/// Reads JSON from bytes.
///
/// Strict by design: what it accepts is RFC 8259, with three choices where the standard leaves them open.
/// A key that occurs twice in an object is an error, half of a surrogate pair is an error, and nesting stops
/// at ``maximumDepth``. A byte-order mark before the text is skipped.
///
/// - SeeAlso: RFC 8259, "The JavaScript Object Notation (JSON) Data Interchange Format".
public enum JSON {
  /// How deep arrays and objects may nest.
  public static let maximumDepth = 128

  /// The value that `bytes` hold, and nothing after it.
  ///
  /// - Throws: ``JSONError`` with the place of the first fault.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> JSONValue {
    if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
      throw error(
        "the byte 0x\(hexadecimal(bytes[offset])) is not UTF-8; save the file as UTF-8",
        at: offset, in: bytes)
    }
    do throws(JSONFault) {
      var parser = JSONParser(bytes)
      return try parser.document()
    } catch {
      throw self.error(error.message, at: error.offset, in: bytes)
    }
  }

  /// The value that `bytes` hold, and nothing after it.
  ///
  /// - Throws: ``JSONError`` with the place of the first fault.
  public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    let result = bytes.withUnsafeBytes { raw in
      Result<JSONValue, JSONError> { () throws(JSONError) in try parse(raw) }
    }
    return try result.get()
  }

  /// The value that `text` holds, and nothing after it.
  ///
  /// - Throws: ``JSONError`` with the place of the first fault.
  public static func parse(_ text: String) throws(JSONError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  /// Lines and columns are counted only here, once a parse has failed.
  private static func error(
    _ message: String, at offset: Int, in bytes: UnsafeRawBufferPointer
  ) -> JSONError {
    var line = 1
    var column = 1
    for byte in bytes.prefix(offset) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return JSONError(line: line, column: column, offset: offset, message: message)
  }

  static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count < 2 ? "0" + digits : digits
  }
}

/// A fault by offset alone, before its line is known.
struct JSONFault: Error {
  let message: String
  let offset: Int
}

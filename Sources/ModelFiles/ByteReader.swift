/// Reads little-endian values from a mapped file, one after another, never past its end.
///
/// Sizes and counts in a file are claims. Each is compared with the bytes that remain before
/// anything is allocated, multiplied or skipped on its word.
struct ByteReader {
  let file: MappedFile
  /// Where the next value starts; always in `0 ... file.count`.
  private(set) var offset = 0

  init(_ file: MappedFile) {
    self.file = file
  }

  /// How many bytes are left.
  var remaining: Int { file.count - offset }

  /// The next integer; `place` names it in the error.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ place: @autoclosure () -> String
  ) throws(ModelFileError) -> T {
    let start = try advance(MemoryLayout<T>.size, place())
    return T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  /// The next 64-bit count, which must not promise more than what remains can hold.
  ///
  /// - Parameter minimumBytes: what one counted thing takes at the very least.
  mutating func count(
    ofThingsTaking minimumBytes: Int, _ place: @autoclosure () -> String
  ) throws(ModelFileError) -> Int {
    let claimed = try integer(UInt64.self, place())
    guard let count = Int(exactly: claimed), count <= remaining / minimumBytes else {
      throw .malformed(
        path: file.path, place: place(),
        problem: "is \(claimed), more than the \(remaining) bytes that follow can hold")
    }
    return count
  }

  /// Where the bytes of the next length-prefixed string lie.
  mutating func string(_ place: @autoclosure () -> String) throws(ModelFileError) -> Range<Int> {
    let length = try count(ofThingsTaking: 1, "the length of \(place())")
    let start = try advance(length, place())
    return start..<start + length
  }

  /// Passes over `byteCount` bytes and returns where they start.
  @discardableResult
  mutating func advance(
    _ byteCount: Int, _ place: @autoclosure () -> String
  ) throws(ModelFileError) -> Int {
    guard byteCount <= remaining else {
      let (needed, overflow) = offset.addingReportingOverflow(byteCount)
      throw .truncated(
        path: file.path, place: place(), needed: overflow ? Int.max : needed, fileSize: file.count)
    }
    defer { offset += byteCount }
    return offset
  }
}

extension MappedFile {
  /// The text of `range`, which lies inside the file, or nil where those bytes are not UTF-8.
  func text(_ range: Range<Int>) -> String? {
    String(validating: bytes[range], as: UTF8.self)
  }
}

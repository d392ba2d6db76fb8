/// Tells whether bytes are UTF-8, and if not, where they stop being it.
///
/// - SeeAlso: The Unicode Standard 15, section 3.9, table 3-7 (well-formed UTF-8 byte sequences).
public enum UTF8Validation {
  /// The offset of the first byte that is not part of a well-formed sequence, or `nil` if all are.
  ///
  /// Overlong forms, surrogates and values above U+10FFFF are not well-formed. A sequence is reported at
  /// its first byte.
  public static func firstInvalidOffset(in bytes: UnsafeRawBufferPointer) -> Int? {
    let count = bytes.count
    var index = 0
    while index < count {
      // Text is mostly ASCII: eight bytes at a time while no top bit is set.
      while count &- index >= 8,
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index &+= 8
      }
      guard index < count else { break }
      if bytes[index] < 0x80 {
        index &+= 1
        continue
      }
      let length = sequenceLength(at: index, in: bytes)
      if length == 0 { return index }
      index &+= length
    }
    return nil
  }

  /// The offset of the first byte that is not part of a well-formed sequence, or `nil` if all are.
  public static func firstInvalidOffset(in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { firstInvalidOffset(in: $0) }
  }

  /// The length of the well-formed multi-byte sequence that starts at `index`, or 0.
  private static func sequenceLength(at index: Int, in bytes: UnsafeRawBufferPointer) -> Int {
    func continues(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      index + offset < bytes.count && range.contains(bytes[index + offset])
    }
    // The second byte's range is what excludes overlong forms, surrogates and values above U+10FFFF.
    switch bytes[index] {
    case 0xC2...0xDF: return continues(1) ? 2 : 0
    case 0xE0: return continues(1, 0xA0...0xBF) && continues(2) ? 3 : 0
    case 0xED: return continues(1, 0x80...0x9F) && continues(2) ? 3 : 0
    case 0xE1...0xEF: return continues(1) && continues(2) ? 3 : 0
    case 0xF0: return continues(1, 0x90...0xBF) && continues(2) && continues(3) ? 4 : 0
    case 0xF1...0xF3: return continues(1) && continues(2) && continues(3) ? 4 : 0
    case 0xF4: return continues(1, 0x80...0x8F) && continues(2) && continues(3) ? 4 : 0
    default: return 0
    }
  }
}

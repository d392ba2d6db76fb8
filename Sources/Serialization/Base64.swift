/// Bytes as printable text.
///
/// - SeeAlso: RFC 4648, section 4.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  /// The value of each character, or -1.
  private static let values: [Int8] = {
    var values = [Int8](repeating: -1, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = Int8(value) }
    return values
  }()

  /// The text of `bytes`, padded to a multiple of four characters.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for (place, byte) in group.enumerated() { bits |= UInt32(byte) << UInt32(16 - 8 * place) }
      for place in 0..<4 {
        let isPadding = place > group.count
        text.append(isPadding ? padding : alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`; nil where it is not padded base64, or its last bits are not zero.
  public static func decode(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 4 == 0 else { return nil }
    let digits = characters.prefix(while: { $0 != padding })
    let paddings = characters.count - digits.count
    guard paddings <= 2, characters[digits.count...].allSatisfy({ $0 == padding }) else {
      return nil
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3)
    var (bits, count): (UInt32, UInt32) = (0, 0)
    for character in digits {
      let value = values[Int(character)]
      guard value >= 0 else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        bits &= 1 << count - 1
      }
    }
    return bits == 0 ? bytes : nil
  }
}

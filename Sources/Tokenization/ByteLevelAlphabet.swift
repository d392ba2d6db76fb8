/// The alphabet of byte-level vocabularies: one printable character for each of the 256 bytes.
///
/// GPT-2 stores its tokens as text although they are bytes. A byte that is a printable Latin-1 character
/// stands for itself; the others take the characters from U+0100 on, so that a space is written `Ġ`.
///
/// - SeeAlso: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
///   `bytes_to_unicode` in the released code.
enum ByteLevelAlphabet {
  /// The scalar that stands for each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte that each scalar below U+0144 stands for, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// Appends the bytes that the UTF-8 text of a token stands for.
  ///
  /// - Returns: Whether every character is of the alphabet; if not, `output` holds what came before.
  static func appendBytes(ofText text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) -> Bool
  {
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < text.count {
        let scalar: Int
        let lead = text[index]
        if lead < 0x80 {
          scalar = Int(lead)
          index &+= 1
        } else if lead < 0xE0, index &+ 1 < text.count {
          // Every character of the alphabet beyond ASCII takes two bytes.
          scalar = Int(lead & 0x1F) << 6 | Int(text[index &+ 1] & 0x3F)
          index &+= 2
        } else {
          return false
        }
        guard scalar < bytes.count, bytes[scalar] >= 0 else { return false }
        output.append(UInt8(truncatingIfNeeded: bytes[scalar]))
      }
      return true
    }
  }

  /// The UTF-8 text that stands for `bytes`.
  static func text(ofBytes bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    for byte in bytes {
      let scalar = scalars[Int(byte)]
      if scalar < 0x80 {
        text.append(UInt8(scalar))
      } else {
        text.append(UInt8(0xC0 | scalar >> 6))
        text.append(UInt8(0x80 | scalar & 0x3F))
      }
    }
    return text
  }
}

/// The backslash escapes of Python's string constants.
enum PythonEscapes {
  /// The string that the inside of a quoted constant stands for.
  static func unescaped(_ source: ArraySlice<UInt32>) throws(TemplateFault) -> String {
    var result = String.UnicodeScalarView()
    var index = source.startIndex
    while index < source.endIndex {
      let scalar = source[index]
      index += 1
      guard scalar == 0x5C, index < source.endIndex else {
        result.append(Glyph(scalar).unicode)
        continue
      }
      let escape = source[index]
      index += 1
      switch Glyph(escape).unicode {
      case "\n": break
      case "\\", "'", "\"": result.append(Glyph(escape).unicode)
      case "a": result.append("\u{07}")
      case "b": result.append("\u{08}")
      case "f": result.append("\u{0C}")
      case "n": result.append("\n")
      case "r": result.append("\r")
      case "t": result.append("\t")
      case "v": result.append("\u{0B}")
      case "0"..."7":
        var value = escape - 0x30
        var length = 1
        while length < 3, index < source.endIndex, (0x30...0x37).contains(source[index]) {
          value = value * 8 + source[index] - 0x30
          index += 1
          length += 1
        }
        result.append(Glyph(value).unicode)
      case "x": result.append(try hexadecimal(source, at: &index, digits: 2))
      case "u": result.append(try hexadecimal(source, at: &index, digits: 4))
      case "U": result.append(try hexadecimal(source, at: &index, digits: 8))
      case "N": throw TemplateFault("a character named by \\N{…} is not supported in a string")
      default:
        // Python keeps the backslash of an escape it does not know. Jinja escapes other than ASCII
        // characters before it unescapes, which turns a backslash before one into that escape's
        // text.
        result.append("\\")
        if escape < 0x80 {
          result.append(Glyph(escape).unicode)
        } else {
          result.append(contentsOf: pythonEscape(escape).unicodeScalars.dropFirst())
        }
      }
    }
    return String(result)
  }

  private static func hexadecimal(
    _ source: ArraySlice<UInt32>, at index: inout Int, digits: Int
  ) throws(TemplateFault) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard index < source.endIndex, source[index] < 0x80,
        let digit = Character(Glyph(source[index]).unicode).hexDigitValue, value < 1 << 27
      else { throw TemplateFault("a \\x, \\u or \\U escape in a string lacks hexadecimal digits") }
      value = value * 16 + UInt32(digit)
      index += 1
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw TemplateFault("an escape in a string is no Unicode character")
    }
    return scalar
  }

  /// `\xe9`, `\u2581` or `\U0001f600`, the way Python writes a character it does not print.
  static func pythonEscape(_ scalar: UInt32) -> String {
    let digits = String(scalar, radix: 16)
    let (letter, width) = scalar < 0x100 ? ("x", 2) : scalar < 0x10000 ? ("u", 4) : ("U", 8)
    return "\\" + letter + String(repeating: "0", count: width - digits.utf8.count) + digits
  }
}

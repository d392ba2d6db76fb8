/// A call as it stands in a text: a dotted name and, in parentheses, arguments as Python writes them.
public struct CallExpression: Sendable, Equatable {
  /// A value that is passed.
  public struct Argument: Sendable, Equatable {
    /// Its name; nil where it is passed by position.
    public let name: String?
    /// A string's content, or whatever else as it stands.
    public let value: String

    /// Describes an argument.
    public init(name: String?, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What is called, such as `torch.hub.load`.
  public let name: String
  /// What is passed, in order.
  public let arguments: [Argument]
  /// The call as it stands, from its name to the parenthesis that closes it, or to the text's end where none does.
  public let text: String

  /// Finds the first call in a text.
  ///
  /// Where the text ends inside a call, its last argument may be cut off and is left out.
  ///
  /// - Parameter name: what must be called, as a whole; nil for anything.
  public init?(in text: String, named name: String? = nil) {
    let bytes = Array(text.utf8)
    for open in bytes.indices where bytes[open] == UInt8(ascii: "(") {
      let start = bytes[..<open].lastIndex { !Self.isName($0) }.map { $0 + 1 } ?? 0
      guard start < open, !Self.isDigit(bytes[start]) else { continue }
      let found = String(decoding: bytes[start..<open], as: UTF8.self)
      guard name == nil || found == name else { continue }
      var reader = ArgumentReader(bytes: bytes, position: open + 1)
      self.name = found
      arguments = reader.arguments()
      self.text = String(decoding: bytes[start..<reader.position], as: UTF8.self)
      return
    }
    return nil
  }

  static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2E, 0x80...0xFF: true
    default: false
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// Reads what stands between the parentheses of a call.
private struct ArgumentReader {
  let bytes: [UInt8]
  var position: Int

  /// The arguments up to the parenthesis that closes the call; `position` is behind it then.
  mutating func arguments() -> [CallExpression.Argument] {
    var arguments: [CallExpression.Argument] = []
    var (start, depth) = (position, 0)
    var quote: UInt8?
    func end(_ index: Int) {
      if let argument = Self.argument(bytes[start..<index]) { arguments.append(argument) }
    }
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if let open = quote {
        if byte == UInt8(ascii: "\\") { position = min(bytes.count, position + 1) }
        if byte == open { quote = nil }
        continue
      }
      switch byte {
      case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: ")") where depth == 0:
        end(position - 1)
        return arguments
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
      case UInt8(ascii: ",") where depth == 0:
        end(position - 1)
        start = position
      default: break
      }
    }
    return arguments
  }

  /// `name=value` or `value`; nil for white space alone.
  private static func argument(_ bytes: ArraySlice<UInt8>) -> CallExpression.Argument? {
    let text = trimmed(bytes)
    guard !text.isEmpty else { return nil }
    let name = text.prefix(while: CallExpression.isName)
    let rest = trimmed(text.dropFirst(name.count))
    if !name.isEmpty, rest.first == UInt8(ascii: "="), rest.dropFirst().first != rest.first {
      return .init(
        name: String(decoding: name, as: UTF8.self), value: value(trimmed(rest.dropFirst())))
    }
    return .init(name: nil, value: value(text))
  }

  /// The content of a string that is the whole text, its escapes resolved to the character behind the backslash.
  private static func value(_ text: ArraySlice<UInt8>) -> String {
    guard let quote = text.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { return String(decoding: text, as: UTF8.self) }
    var content: [UInt8] = []
    var rest = text.dropFirst()
    while let byte = rest.popFirst() {
      if byte == quote {
        return String(decoding: rest.isEmpty ? content[...] : text, as: UTF8.self)
      }
      content.append(byte == UInt8(ascii: "\\") ? rest.popFirst() ?? byte : byte)
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    let start = text.drop(while: isSpace)
    return start.prefix(through: (start.lastIndex { !isSpace($0) } ?? start.startIndex - 1))
  }
}

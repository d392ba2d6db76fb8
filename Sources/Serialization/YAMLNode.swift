/// A place in a text.
public struct TextPosition: Sendable, Equatable {
  /// The line, counted from 1.
  public let line: Int
  /// The column, counted from 1 in Unicode scalars.
  public let column: Int

  /// Makes a position.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// A YAML value with the place it was written at.
///
/// A scalar keeps its text: whether `1e-5` is a number is for whoever knows the type to decide.
public indirect enum YAMLNode: Sendable, Equatable {
  /// Text, `isQuoted` if it stood in quotes or in a block (`|`, `>`) and so is nothing but text.
  case scalar(String, isQuoted: Bool, TextPosition)
  /// A list.
  case sequence([YAMLNode], TextPosition)
  /// Keys and values in the order written; no key occurs twice.
  case mapping([YAMLMember], TextPosition)

  /// Where the value starts.
  public var position: TextPosition {
    switch self {
    case .scalar(_, _, let position), .sequence(_, let position), .mapping(_, let position):
      position
    }
  }

  /// Whether this is `null`, `~` or nothing at all, without quotes.
  public var isNull: Bool {
    guard case .scalar(let text, isQuoted: false, _) = self else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The value of the key `key`, or `nil` if this is not a mapping or has no such key.
  public subscript(key: String) -> YAMLNode? {
    guard case .mapping(let members, _) = self else { return nil }
    return members.first { $0.key.hasSameBytes(as: key) }?.value
  }
}

/// A key of a YAML mapping and its value.
public struct YAMLMember: Sendable, Equatable {
  /// The key's text.
  public let key: String
  /// Where the key starts.
  public let position: TextPosition
  /// The value.
  public let value: YAMLNode

  /// Makes a member.
  public init(key: String, position: TextPosition, value: YAMLNode) {
    self.key = key
    self.position = position
    self.value = value
  }
}

/// Why a text is not the YAML that is read here, and where.
public struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The line, counted from 1.
  public let line: Int
  /// The column, counted from 1.
  public let column: Int
  /// What is wrong, and where it helps, what to write instead.
  public let message: String

  /// Makes an error.
  public init(line: Int, column: Int, message: String) {
    self.line = line
    self.column = column
    self.message = message
  }

  /// One line naming the place and the fault.
  public var description: String { "line \(line), column \(column): \(message)" }
}

/// A place in a data file.
public struct DatasetPlace: Sendable, Equatable, CustomStringConvertible {
  /// The file, as it was named.
  public var path: String
  /// The line, counted from 1.
  public var line: Int
  /// The column, counted from 1 in Unicode scalars.
  public var column: Int

  /// Makes a place.
  public init(path: String, line: Int, column: Int) {
    self.path = path
    self.line = line
    self.column = column
  }

  /// `"train.jsonl line 12, column 5"`.
  public var description: String { "\(path) line \(line), column \(column)" }
}

/// Why data cannot be learnt from.
///
/// Its description is one sentence for the person who wrote the file.
public enum DatasetError: Error, Equatable {
  /// There is no file `path`.
  case missingFile(path: String)
  /// The file `path` cannot be read.
  case unreadableFile(path: String, reason: String)
  /// The file has no row.
  case noRows(path: String)
  /// A byte, `offset` bytes into the file, is not UTF-8.
  case notUTF8(place: DatasetPlace, offset: Int, byte: UInt8)
  /// The file holds one array of rows instead of a row a line.
  case jsonArray(place: DatasetPlace)
  /// A line is not JSON.
  case invalidJSON(place: DatasetPlace, message: String)
  /// The first row has the keys of no known format.
  case unknownFormat(place: DatasetPlace, keys: [String])
  /// A row is JSON and not what the file's format asks for.
  case invalidRow(place: DatasetPlace, fault: RowFault)
  /// A conversation is to be learnt by a model that has no chat template.
  case noChatTemplate(ExampleSource)
  /// The chat template cannot write out a row, for the reason that `message` gives in a sentence.
  case templateFailed(ExampleSource, message: String)
  /// A row has no token whose loss counts.
  case nothingToLearn(ExampleSource, why: UnsupervisedReason)
  /// A row has more than `maximum` tokens.
  case tooLong(ExampleSource, tokens: Int, maximum: Int)
  /// Every row has more than `maximum` tokens, so that none is left.
  case allTooLong(rows: Int, maximum: Int)
}

/// Why no token of a row counts.
public enum UnsupervisedReason: Sendable, Equatable {
  /// All assistant messages have weight 0.
  case zeroWeights
  /// The template writes nothing that an assistant message generates.
  case nothingGenerated
  /// The text has no token after its first.
  case noText
  /// What counts lies beyond `maximum` tokens and was cut off.
  case truncated(maximum: Int)
}

/// What is wrong with a row that is JSON.
public enum RowFault: Sendable, Equatable {
  /// A key is not there.
  case missingKey(String)
  /// `name` is of the wrong type.
  case wrongType(name: String, expected: String, found: String)
  /// A role, or a ShareGPT speaker, is none of `known`.
  case unknownRole(String, known: [String])
  /// The list of messages is empty.
  case emptyConversation
  /// No message is the assistant's.
  case noAssistantTurn
  /// A message has no content, nor calls a tool.
  case missingContent(role: String)
  /// A weight is negative or not finite.
  case invalidWeight(found: String)
  /// A message that the model does not generate has a weight.
  case misplacedWeight(role: String)
  /// A message that the model does not generate calls tools.
  case misplacedToolCalls(role: String)
  /// A part of a content is not text.
  case unsupportedContentPart(type: String)
}

extension DatasetError: CustomStringConvertible {
  /// One sentence: where, what is wrong, what to do.
  public var description: String {
    switch self {
    case .missingFile(let path):
      "\(path): there is no such file; give the path of a JSONL file"
    case .unreadableFile(let path, let reason):
      "\(path): cannot be read: \(reason)"
    case .noRows(let path):
      "\(path): has no row; write one JSON object a line"
    case .notUTF8(let place, let offset, let byte):
      "\(place): the byte 0x\(hexadecimal(byte)) at offset \(offset) is not UTF-8; "
        + "save the file as UTF-8"
    case .jsonArray(let place):
      "\(place): the file is a JSON array; write one JSON object a line"
    case .invalidJSON(let place, let message):
      "\(place): \(message); write one JSON object a line"
    case .unknownFormat(let place, let keys):
      "\(place): no known format has the keys \(RowFault.list(keys)); a row has "
        + DatasetFormat.allCases.map { $0.requiredKeys.joined(separator: " and ") }
        .joined(separator: ", or ")
    case .invalidRow(let place, let fault):
      "\(place): \(fault)"
    case .noChatTemplate(let source):
      "\(source): is a conversation, but the model has no chat template; use a chat model, or rows "
        + "with prompt and completion"
    case .templateFailed(let source, let message):
      "\(source): \(message)"
    case .nothingToLearn(let source, let why):
      "\(source): the row has nothing to learn: \(why)"
    case .tooLong(let source, let tokens, let maximum):
      "\(source): the row has \(tokens) tokens, more than data.max_length = \(maximum); raise it, or "
        + "set data.overlong to drop or truncate"
    case .allTooLong(let rows, let maximum):
      "all \(rows) rows have more than data.max_length = \(maximum) tokens; raise it"
    }
  }
}

extension UnsupervisedReason: CustomStringConvertible {
  /// The reason and the remedy.
  public var description: String {
    switch self {
    case .zeroWeights:
      "all its assistant messages have weight 0; remove the row or give one a weight"
    case .nothingGenerated:
      "the chat template writes no assistant message of it; remove the row or check the template"
    case .noText:
      "its text is shorter than two tokens; remove the row"
    case .truncated(let maximum):
      "what counts lies beyond data.max_length = \(maximum) tokens; raise it, or set data.overlong "
        + "to drop"
    }
  }
}

extension RowFault: CustomStringConvertible {
  /// The fault and the remedy.
  public var description: String {
    switch self {
    case .missingKey(let key):
      "the key \"\(key)\" is missing; add it"
    case .wrongType(let name, let expected, let found):
      "\(name) should be \(expected), but it is \(found)"
    case .unknownRole(let role, let known):
      "the role \"\(shortened(role))\" is unknown; use \(Self.list(known, last: "or"))"
    case .emptyConversation:
      "the conversation is empty; remove the row or add messages"
    case .noAssistantTurn:
      "the conversation has no assistant message, so there is nothing to learn; add one or remove "
        + "the row"
    case .missingContent(let role):
      "this \(role) message has no content; give it a text"
    case .invalidWeight(let found):
      "a message's weight should be a number of at least 0, but it is \(found)"
    case .misplacedWeight(let role):
      "this \(role) message has a weight, but only what the assistant says is learnt; remove the "
        + "weight"
    case .misplacedToolCalls(let role):
      "this \(role) message has tool_calls, but only the assistant calls tools; remove them"
    case .unsupportedContentPart(let type):
      "a content part of type \"\(shortened(type))\" is not text, which is all the model reads; "
        + "remove it"
    }
  }
}

extension RowFault {
  /// Names as a sentence lists them, the first eight at most.
  static func list(_ names: [String], last: String = "and") -> String {
    let shown = names.prefix(8).map { "\"\(shortened($0))\"" }
    guard names.count <= 8 else { return shown.joined(separator: ", ") + " …" }
    guard shown.count > 1, let end = shown.last else { return shown.first ?? "none" }
    return shown.dropLast().joined(separator: ", ") + " \(last) \(end)"
  }
}

/// A name from a file may be as long as the file; a message is not.
private func shortened(_ text: String) -> String {
  let start = text.unicodeScalars.prefix(41)
  return start.count > 40 ? String(String.UnicodeScalarView(start.prefix(40))) + "…" : text
}

private func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  return digits.count < 2 ? "0" + digits : digits
}

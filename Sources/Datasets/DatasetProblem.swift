/// Something about data that a person should know before training on it.
public struct DatasetProblem: Sendable, Equatable {
  /// What a problem does to a run.
  public enum Severity: String, Sendable, CaseIterable {
    /// `train` refuses the file.
    case error
    /// `train` goes ahead.
    case warning
  }

  /// What is wrong.
  ///
  /// The first seven have the names, and count what they count, in OpenAI's "Data preparation and analysis
  /// for chat model fine-tuning".
  public enum Kind: String, Sendable, CaseIterable {
    /// A row, or a message, is not an object.
    case dataType = "data_type"
    /// A row has no list of messages, or an empty one.
    case missingMessagesList = "missing_messages_list"
    /// A message has no role or no content.
    case messageMissingKey = "message_missing_key"
    /// A message has a key that the format does not know.
    case messageUnrecognizedKey = "message_unrecognized_key"
    /// A role is none of those known.
    case unrecognizedRole = "unrecognized_role"
    /// A message has no text and calls no tool.
    case missingContent = "missing_content"
    /// No message is the assistant's.
    case exampleMissingAssistantMessage = "example_missing_assistant_message"

    /// A file has no row.
    case noRows = "no_rows"
    /// A file is one JSON array.
    case jsonArray = "json_array"
    /// A line is not JSON.
    case invalidJSON = "invalid_json"
    /// A byte is not UTF-8.
    case notUTF8 = "not_utf8"
    /// A row has the keys of no format.
    case unknownFormat = "unknown_format"
    /// A row lacks a key of its format.
    case missingKey = "missing_key"
    /// A value is of the wrong type.
    case wrongType = "wrong_type"
    /// A weight is no number of at least 0, or stands where nothing is learnt.
    case invalidWeight = "invalid_weight"
    /// A tool call is incomplete, or not the assistant's.
    case invalidToolCalls = "invalid_tool_calls"
    /// A content has a part that is not text.
    case unsupportedContentPart = "unsupported_content_part"

    /// The model has no chat template, and the row is a conversation.
    case noChatTemplate = "no_chat_template"
    /// The chat template refuses the row.
    case templateFailed = "template_failed"
    /// No token of the row counts.
    case nothingToLearn = "nothing_to_learn"
    /// The row has too many tokens.
    case tooLong = "too_long"

    /// The same row twice.
    case exactDuplicate = "exact_duplicate"
    /// The same question with another answer.
    case conflictingAnswers = "conflicting_answers"
    /// A row, or its question, is in training and validation.
    case validationLeakage = "validation_leakage"
    /// An answer without text.
    case emptyAnswer = "empty_answer"
    /// An answer of one word where answers are not labels.
    case oneWordAnswer = "one_word_answer"
    /// Roles follow one another as in no conversation.
    case roleOrder = "role_order"
    /// A text holds a control character.
    case controlCharacter = "control_character"
    /// Some labels have many more rows than others.
    case unbalancedLabels = "unbalanced_labels"
  }

  /// What is wrong.
  public var kind: Kind
  /// What it does to a run.
  public var severity: Severity
  /// Where it is; line 0 for a file as a whole.
  public var place: DatasetPlace
  /// What is wrong here, and what to do.
  public var message: String

  /// Makes a problem.
  public init(_ kind: Kind, _ severity: Severity, at place: DatasetPlace, _ message: String) {
    self.kind = kind
    self.severity = severity
    self.place = place
    self.message = message
  }
}

extension DatasetProblem: CustomStringConvertible {
  /// One sentence with its place.
  public var description: String {
    place.line > 0 ? "\(place): \(message)" : "\(place.path): \(message)"
  }
}

extension DatasetProblem {
  /// What stops a run, as a problem among others.
  init(_ error: DatasetError) {
    let (kind, place): (Kind, DatasetPlace) =
      switch error {
      case .notUTF8(let place, _, _): (.notUTF8, place)
      case .jsonArray(let place): (.jsonArray, place)
      case .invalidJSON(let place, _): (.invalidJSON, place)
      case .unknownFormat(let place, _): (.unknownFormat, place)
      case .invalidRow(let place, _): (.dataType, place)
      case .noChatTemplate(let source): (.noChatTemplate, source.place)
      case .templateFailed(let source, _): (.templateFailed, source.place)
      case .nothingToLearn(let source, _): (.nothingToLearn, source.place)
      case .tooLong(let source, _, _): (.tooLong, source.place)
      case .noRows(let path), .missingFile(let path), .unreadableFile(let path, _):
        (.noRows, DatasetPlace(path: path, line: 0, column: 0))
      case .allTooLong: (.tooLong, DatasetPlace(path: "data", line: 0, column: 0))
      }
    // An error begins with its place, which is a field of its own here.
    var message = error.description[...]
    let source = ExampleSource(path: place.path, line: place.line)
    for prefix in ["\(place): ", "\(source): ", "\(place.path): "] where message.hasPrefix(prefix) {
      message = message.dropFirst(prefix.count)
      break
    }
    self.init(kind, .error, at: place, String(message))
  }
}

extension ExampleSource {
  /// The start of the line.
  var place: DatasetPlace { DatasetPlace(path: path, line: line, column: 1) }
}

import Serialization

/// Finds everything that is wrong with one row, where reading it would stop at the first fault.
///
/// What is an error is decided by `RowReader` alone, which is shown a message again and again with its
/// faults mended one by one; so `check` and `train` refuse the same rows.
struct RowCheck {
  let line: JSONLine
  let format: DatasetFormat
  private(set) var problems: [DatasetProblem] = []

  init(_ line: JSONLine, format: DatasetFormat) {
    self.line = line
    self.format = format
  }

  /// The row's meaning, if it has one; what is wrong with it is added to `problems`.
  mutating func read(_ row: JSONObject) -> Example? {
    switch format {
    case .messages: checkMessages(of: row, "messages", read: RowReader.message)
    case .shareGPT: checkMessages(of: row, "conversations", read: RowReader.turn)
    case .alpaca, .promptCompletion, .text:
      for key in format.requiredKeys where row[key] == nil {
        add(RowProblem(fault: .missingKey(key), path: []), .missingKey)
      }
    }
    do throws(RowProblem) {
      let example = Example(
        try RowReader(format: format).content(of: row), source: line.source)
      checkTexts(of: example, in: row)
      return example
    } catch {
      if !problems.contains(where: { $0.severity == .error }) { add(error, kind(of: error)) }
      return nil
    }
  }

  private mutating func add(_ problem: RowProblem, _ kind: DatasetProblem.Kind) {
    add(kind, .error, at: problem.path, problem.fault.description)
  }

  private mutating func add(
    _ kind: DatasetProblem.Kind, _ severity: DatasetProblem.Severity, at path: [JSONStep],
    _ message: String
  ) {
    problems.append(DatasetProblem(kind, severity, at: line.place(of: path), message))
  }

  // MARK: Messages

  private mutating func checkMessages(
    of row: JSONObject, _ key: String,
    read: (Field) throws(RowProblem) -> (JSONValue, Float)
  ) {
    guard let value = row[key] else {
      return add(RowProblem(fault: .missingKey(key), path: []), .missingMessagesList)
    }
    guard let messages = value.arrayValue else {
      return add(Field(row, key).wrongType("a list"), .missingMessagesList)
    }
    guard !messages.isEmpty else {
      return add(
        RowProblem(fault: .emptyConversation, path: [.key(key)]), .missingMessagesList)
    }
    for (index, message) in messages.enumerated() {
      check(
        Field(
          value: message, name: "item \(index + 1) of \"\(key)\"", path: [.key(key), .index(index)]),
        read: read)
    }
    let roleKey = format == .messages ? "role" : "from"
    let assistants = format == .messages ? ["assistant"] : RowReader.assistantSpeakers
    if !messages.contains(where: { assistants.contains($0[roleKey]?.stringValue ?? "") }) {
      add(
        RowProblem(fault: .noAssistantTurn, path: [.key(key)]), .exampleMissingAssistantMessage)
    }
  }

  /// Adds all faults of a message: reads it, mends what was found, and reads it again.
  private mutating func check(
    _ field: Field, read: (Field) throws(RowProblem) -> (JSONValue, Float)
  ) {
    guard var message = field.value.objectValue else {
      return add(field.wrongType("an object"), .dataType)
    }
    checkKeys(of: message, at: field.path)
    let original = message
    // There are fewer kinds of fault than this, and each is found once; the bound is for the unforeseen.
    for _ in 0..<8 {
      do throws(RowProblem) {
        _ = try read(Field(value: .object(message), name: field.name, path: field.path))
        return
      } catch {
        var found = error
        if case .missingContent = found.fault {
          found.fault = .missingContent(role: original["role"]?.stringValue ?? "unattributed")
        }
        report(found, original, at: field.path)
        mend(&message, error, at: field.path)
      }
    }
  }

  /// Adds a fault of a message under the name, or the two names, that it has in OpenAI's list.
  private mutating func report(
    _ problem: RowProblem, _ message: JSONObject, at path: [JSONStep]
  ) {
    let kind = kind(of: problem)
    if kind == .missingContent, message["content"] == nil {
      add(RowProblem(fault: .missingKey("content"), path: path), .messageMissingKey)
    }
    add(problem, kind)
    if problem.fault == .missingKey("role") {
      add(
        .unrecognizedRole, .error, at: path, "the message has no role; use \(RowReader.knownRoles)")
    }
  }

  private mutating func checkKeys(of message: JSONObject, at path: [JSONStep]) {
    let known =
      format == .messages
      ? ["role", "content", "name", "function_call", "weight", "tool_calls", "tool_call_id"]
      : ["from", "value", "weight"]
    let unknown = message.keys.filter { !known.contains($0) }
    if let first = unknown.first {
      let names = RowFault.list(unknown)
      add(
        .messageUnrecognizedKey, .warning, at: path + [.key(first)],
        "the format does not know the key\(unknown.count == 1 ? "" : "s") \(names) in a message; "
          + "remove it unless the chat template reads it")
    }
    guard format == .messages else { return }
    let calls = message["tool_calls"]?.arrayValue ?? []
    let isEmpty = message["content"] == "" || message["content"] == []
    if isEmpty, calls.isEmpty {
      add(
        .missingContent, .warning, at: path + [.key("content")],
        "the content is empty; write what is said or remove the message")
    }
  }

  /// Puts something readable in place of what `problem` is about.
  private func mend(_ message: inout JSONObject, _ problem: RowProblem, at path: [JSONStep]) {
    func placeholder(_ key: String) -> JSONValue? {
      switch key {
      // The assistant may have whatever else a message has, so that no second fault follows from this.
      case "role": "assistant"
      case "from": "gpt"
      case "content", "value": ""
      default: nil
      }
    }
    if problem.path.count > path.count, case .key(let key) = problem.path[path.count] {
      message[key] = placeholder(key)
    } else if case .missingKey(let key) = problem.fault {
      message[key] = placeholder(key)
    } else {
      message["content"] = ""
    }
  }

  // MARK: Names of faults

  private func kind(of problem: RowProblem) -> DatasetProblem.Kind {
    /// The member of the message, or of the row, that the fault is in.
    func member(_ depth: Int) -> String? {
      guard problem.path.count > depth, case .key(let key) = problem.path[depth] else { return nil }
      return key
    }
    let isInMessage = member(2) != nil
    switch problem.fault {
    case .unknownRole: return .unrecognizedRole
    case .emptyConversation: return .missingMessagesList
    case .noAssistantTurn: return .exampleMissingAssistantMessage
    case .missingContent: return .missingContent
    case .invalidWeight, .misplacedWeight: return .invalidWeight
    case .misplacedToolCalls: return .invalidToolCalls
    case .unsupportedContentPart: return .unsupportedContentPart
    case .missingKey, .wrongType: break
    }
    switch member(2) {
    case "tool_calls": return .invalidToolCalls
    case "role", "from": return .unrecognizedRole
    case "content", "value": return .missingContent
    default: break
    }
    if case .missingKey = problem.fault {
      return problem.path.isEmpty ? .missingKey : isInMessage ? .wrongType : .messageMissingKey
    }
    return problem.path.count == 2 ? .dataType : .wrongType
  }

  // MARK: Texts

  /// Adds what a run would not stop at.
  private mutating func checkTexts(of example: Example, in row: JSONObject) {
    for (path, text) in texts(of: example, in: row) {
      guard let control = text.unicodeScalars.first(where: Self.isControl) else { continue }
      let digits = String(control.value, radix: 16, uppercase: true)
      let name = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      add(
        .controlCharacter, .warning, at: path,
        "the text holds the control character \(name); remove it or write what it stands for")
    }
    if let answer = example.answer, answer.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
      add(
        .emptyAnswer, .warning, at: answerPath(of: example, in: row),
        "the answer is empty, so that silence is learnt; write one or remove the row")
    }
    if case .conversation(let conversation) = example.content {
      checkOrder(of: conversation, in: row)
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .control && !["\t", "\n", "\r"].contains(scalar)
  }

  /// The row's texts with the way to each.
  private func texts(of example: Example, in row: JSONObject) -> [([JSONStep], String)] {
    switch example.content {
    case .conversation(let conversation):
      conversation.messages.enumerated().compactMap { index, message in
        message["content"]?.stringValue.map { (path(of: index, conversation, in: row), $0) }
      }
    case .completion(let prompt, let completion):
      [([.key("prompt")], prompt), ([.key("completion")], completion)]
    case .text(let text):
      [([.key("text")], text)]
    }
  }

  private func answerPath(of example: Example, in row: JSONObject) -> [JSONStep] {
    guard case .conversation(let conversation) = example.content,
      let exchange = conversation.finalExchange
    else { return [.key("completion")] }
    return path(of: exchange.prompt.count, conversation, in: row)
  }

  /// The way to the message at `index` of a conversation, which the reader may have put together.
  private func path(
    of index: Int, _ conversation: Conversation, in row: JSONObject
  ) -> [JSONStep] {
    switch format {
    case .messages:
      return [.key("messages"), .index(index)]
    case .shareGPT:
      // A `system` beside the turns was put before them.
      let turns = row["conversations"]?.arrayValue?.count ?? 0
      let first = conversation.messages.count - turns
      return index < first
        ? [.key("system")] : [.key("conversations"), .index(index - first)]
    case .alpaca:
      let isAnswer = index == conversation.messages.count - 1
      return [.key(isAnswer ? "output" : "instruction")]
    case .promptCompletion:
      let asked = row["prompt"]?.arrayValue?.count ?? 0
      return index < asked
        ? [.key("prompt"), .index(index)] : [.key("completion"), .index(index - asked)]
    case .text:
      return []
    }
  }

  /// Adds a warning for each message whose role cannot follow those before it.
  private mutating func checkOrder(of conversation: Conversation, in row: JSONObject) {
    let roles = conversation.messages.map { message in
      MessageRole(rawValue: message["role"]?.stringValue ?? "") ?? .user
    }
    func warn(_ index: Int, _ message: String, _ check: inout Self) {
      check.add(
        .roleOrder, .warning, at: check.path(of: index, conversation, in: row), message)
    }
    for (index, role) in roles.enumerated() {
      let previous = index > 0 ? roles[index - 1] : nil
      switch (previous, role) {
      case (.some, .system):
        warn(index, "a system message stands after another message; put it first", &self)
      case (.user, .user):
        warn(index, "two user messages follow one another; join them", &self)
      case (.assistant, .assistant):
        warn(index, "two assistant messages follow one another; join them", &self)
      case (nil, .assistant),
        (.system, .assistant) where !roles[..<index].contains(.user):
        warn(index, "the assistant speaks before the user does; add what it answers", &self)
      case (nil, .tool), (.system, .tool), (.user, .tool):
        warn(index, "a tool answers that the assistant has not called; add the call", &self)
      default: break
      }
    }
    if let last = roles.last, last != .assistant, roles.contains(.assistant) {
      warn(
        roles.count - 1,
        "the conversation ends with a \(last.rawValue) message, which is never learnt; add the "
          + "answer or remove it", &self)
    }
  }
}

extension RowReader {
  /// The speakers of a ShareGPT conversation whose words are learnt.
  static var assistantSpeakers: [String] {
    speakers.filter { $0.role == .assistant }.map(\.name)
  }

  /// The roles of a message, as a sentence names them.
  static var knownRoles: String {
    RowFault.list(MessageRole.allCases.map(\.rawValue), last: "or")
  }
}

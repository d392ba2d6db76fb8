public import Serialization

/// Writes rows of one format as rows of another that mean the same.
///
/// What is learnt of a row stays what it was. Keys that no format uses, such as an `id`, are kept.
public struct DatasetConversion: Sendable {
  /// Why a format cannot say what a row says.
  public enum Obstacle: Error, Sendable, Equatable {
    /// A text is to be made of something of which only a part is learnt.
    case learnsOnlyAPart
    /// A conversation is to be made of plain text, which has no roles.
    case hasNoRoles
    /// The row tells the model of tools.
    case hasTools
    /// A message calls tools, or answers such a call.
    case callsTools
    /// A message has a key that the format has no room for.
    case hasKey(String)
    /// A message has no text.
    case hasNoContent
    /// An assistant message has a weight that the format has no room for.
    case hasWeight(Float)
    /// The roles are not those of questions and answers in turn.
    case isNoExchange
    /// A system message stands elsewhere than at the start, or is empty.
    case hasLooseSystemMessage
    /// More than one stretch of the conversation is learnt.
    case hasSeveralCompletions
    /// No message is learnt.
    case learnsNothing
  }

  /// A row that cannot be written.
  public struct Inexpressible: Error, Sendable, Equatable {
    /// Where it stands.
    public var source: ExampleSource
    /// The format that has no room for it.
    public var format: DatasetFormat
    /// Why.
    public var obstacle: Obstacle
  }

  /// The format to write.
  public var format: DatasetFormat

  /// Makes a conversion.
  public init(to format: DatasetFormat) { self.format = format }

  /// A row in the format to write.
  ///
  /// - Throws: ``Inexpressible`` where the format cannot say what the row says.
  public func convert(_ row: DatasetFile.Row) throws(Inexpressible) -> JSONObject {
    do throws(Obstacle) {
      var object = try members(row.example.content)
      for (key, value) in row.object where !Self.formatKeys.contains(key) { object[key] = value }
      return object
    } catch {
      throw Inexpressible(source: row.example.source, format: format, obstacle: error)
    }
  }

  /// Keys with a meaning in some format: one left over from the old could be read as the new.
  private static let formatKeys: Set<String> = [
    "messages", "conversations", "instruction", "input", "output", "prompt", "completion", "text",
    "system", "history", "tools",
  ]

  private func members(_ content: Example.Content) throws(Obstacle) -> JSONObject {
    switch (format, content) {
    case (.text, .text(let text)):
      return ["text": .string(text)]
    case (.text, .completion(prompt: "", completion: let completion)):
      return ["text": .string(completion)]
    case (.text, _):
      throw .learnsOnlyAPart
    case (.promptCompletion, .text(let text)):
      return ["prompt": "", "completion": .string(text)]
    case (.promptCompletion, .completion(let prompt, let completion)):
      return ["prompt": .string(prompt), "completion": .string(completion)]
    case (_, .text):
      throw .hasNoRoles
    case (.messages, _): return try messages(conversation(content))
    case (.shareGPT, _): return try shareGPT(conversation(content))
    case (.alpaca, _): return try alpaca(conversation(content))
    case (.promptCompletion, _): return try promptCompletion(conversation(content))
    }
  }

  /// The row as a conversation; a plain prompt becomes what the user says, a completion the answer.
  private func conversation(_ content: Example.Content) throws(Obstacle) -> Conversation {
    switch content {
    case .conversation(let conversation): return conversation
    case .completion(let prompt, let completion):
      return Conversation(messages: [
        ["role": "user", "content": .string(prompt)],
        ["role": "assistant", "content": .string(completion)],
      ])
    case .text: throw .hasNoRoles
    }
  }

  // MARK: Formats

  private func messages(_ conversation: Conversation) -> JSONObject {
    var row: JSONObject = ["messages": .array(Self.weighted(conversation))]
    row["tools"] = conversation.tools
    return row
  }

  /// The messages, with a weight where it is not what the role says.
  private static func weighted(_ conversation: Conversation) -> [JSONValue] {
    zip(conversation.messages, conversation.weights).map { message, weight in
      guard var object = message.objectValue, role(of: message) == .assistant, weight != 1 else {
        return message
      }
      object["weight"] = number(weight)
      return .object(object)
    }
  }

  private func shareGPT(_ conversation: Conversation) throws(Obstacle) -> JSONObject {
    var turns: [JSONValue] = []
    for (message, weight) in zip(conversation.messages, conversation.weights) {
      let text = try Self.plainText(message)
      let role = Self.role(of: message)
      let speaker =
        switch role {
        case .system: "system"
        case .user: "human"
        case .assistant: "gpt"
        case .tool: "tool"
        }
      var turn: JSONObject = ["from": .string(speaker), "value": .string(text)]
      if role == .assistant, weight != 1 { turn["weight"] = Self.number(weight) }
      turns.append(.object(turn))
    }
    var row: JSONObject = ["conversations": .array(turns)]
    row["tools"] = conversation.tools
    return row
  }

  private func alpaca(_ conversation: Conversation) throws(Obstacle) -> JSONObject {
    guard conversation.tools == nil else { throw .hasTools }
    var texts: [String] = []
    var roles: [MessageRole] = []
    for (message, weight) in zip(conversation.messages, conversation.weights) {
      texts.append(try Self.plainText(message))
      let role = Self.role(of: message)
      roles.append(role)
      if role == .tool { throw .callsTools }
      if role == .assistant, weight != 1 { throw .hasWeight(weight) }
    }
    var row = JSONObject()
    var system: String?
    if roles.first == .system {
      system = texts.removeFirst()
      roles.removeFirst()
    }
    guard !roles.contains(.system), system != "" else { throw .hasLooseSystemMessage }
    let isExchange = roles.enumerated().allSatisfy { $1 == ($0 % 2 == 0 ? .user : .assistant) }
    guard !roles.isEmpty, roles.count % 2 == 0, isExchange else { throw .isNoExchange }
    row["instruction"] = .string(texts[texts.count - 2])
    row["input"] = ""
    row["output"] = .string(texts[texts.count - 1])
    row["system"] = system.map { .string($0) }
    let history = stride(from: 0, to: texts.count - 2, by: 2).map { index in
      JSONValue.array([.string(texts[index]), .string(texts[index + 1])])
    }
    if !history.isEmpty { row["history"] = .array(history) }
    return row
  }

  /// Two lists of messages, of which only the second is learnt.
  private func promptCompletion(_ conversation: Conversation) throws(Obstacle) -> JSONObject {
    guard let first = conversation.weights.firstIndex(where: { $0 > 0 }) else {
      throw .learnsNothing
    }
    let completion = conversation.messages[first...]
    guard completion.allSatisfy({ Self.role(of: $0) == .assistant }) else {
      throw .hasSeveralCompletions
    }
    var row: JSONObject = [
      "prompt": .array(Array(conversation.messages[..<first])),
      "completion": .array(Array(Self.weighted(conversation)[first...])),
    ]
    row["tools"] = conversation.tools
    return row
  }

  // MARK: Messages

  private static func role(of message: JSONValue) -> MessageRole {
    MessageRole(rawValue: message["role"]?.stringValue ?? "") ?? .user
  }

  /// The text of a message that has nothing else.
  private static func plainText(_ message: JSONValue) throws(Obstacle) -> String {
    for (key, value) in message.objectValue ?? [:] where !["role", "content"].contains(key) {
      if value.isNull || value == [] { continue }
      throw ["tool_calls", "tool_call_id"].contains(key) ? .callsTools : .hasKey(key)
    }
    guard let text = message["content"]?.stringValue else { throw .hasNoContent }
    return text
  }

  /// A weight as it is usually written: `0`, not `0.0`.
  private static func number(_ weight: Float) -> JSONValue {
    Int(exactly: weight).map { .integer($0) } ?? .number(Double(weight))
  }
}

extension DatasetConversion.Inexpressible: CustomStringConvertible {
  /// One sentence: where, why, what to do.
  public var description: String {
    "\(source): \(format) cannot express the row: \(obstacle); convert to another format, or leave "
      + "such rows out with --drop-inexpressible"
  }
}

extension DatasetConversion.Obstacle: CustomStringConvertible {
  /// The reason, as a clause.
  public var description: String {
    switch self {
    case .learnsOnlyAPart: "all of a text is learnt, and of this row only a part"
    case .hasNoRoles: "it is plain text, of which nobody knows who says what"
    case .hasTools: "it tells the model of tools"
    case .callsTools: "a message calls a tool or is a tool's answer"
    case .hasKey(let key): "a message has the key \(RowFault.list([key]))"
    case .hasNoContent: "a message has no text"
    case .hasWeight(let weight): "an answer has the weight \(weight)"
    case .isNoExchange: "it is not question and answer in turn"
    case .hasLooseSystemMessage: "a system message is empty or not the first"
    case .hasSeveralCompletions: "something follows an answer that is learnt"
    case .learnsNothing: "none of its answers is learnt"
    }
  }
}

import Serialization

/// A fault of a row, with the way to the value at fault.
struct RowProblem: Error {
  var fault: RowFault
  var path: [JSONStep]
}

/// Makes examples of rows.
struct RowReader {
  let format: DatasetFormat

  func content(of row: JSONObject) throws(RowProblem) -> Example.Content {
    for key in format.requiredKeys where row[key] == nil {
      throw RowProblem(fault: .missingKey(key), path: [])
    }
    switch format {
    case .messages:
      let messages = try Field(row, "messages").array()
      return .conversation(
        try conversation(messages, at: "messages", tools: try tools(row), read: Self.message))
    case .shareGPT:
      return .conversation(try shareGPT(row))
    case .alpaca:
      return .conversation(try alpaca(row))
    case .promptCompletion:
      return try promptCompletion(row)
    case .text:
      return .text(try Field(row, "text").string())
    }
  }

  /// Joins the messages read from a list, at least one of them the assistant's.
  func conversation(
    _ values: [JSONValue], at key: String, tools: JSONValue?,
    read: (Field) throws(RowProblem) -> (JSONValue, Float)
  ) throws(RowProblem) -> Conversation {
    guard !values.isEmpty else {
      throw RowProblem(fault: .emptyConversation, path: [.key(key)])
    }
    var conversation = Conversation(messages: [], weights: [], tools: tools)
    conversation.messages.reserveCapacity(values.count)
    var hasAssistant = false
    for (index, value) in values.enumerated() {
      let field = Field(
        value: value, name: "item \(index + 1) of \"\(key)\"", path: [.key(key), .index(index)])
      let (message, weight) = try read(field)
      hasAssistant = hasAssistant || message["role"] == .string(MessageRole.assistant.rawValue)
      conversation.messages.append(message)
      conversation.weights.append(weight)
    }
    guard hasAssistant else { throw RowProblem(fault: .noAssistantTurn, path: [.key(key)]) }
    return conversation
  }

  /// A message as OpenAI's files have it: checked, its content one text, its weight taken out.
  static func message(_ field: Field) throws(RowProblem) -> (JSONValue, Float) {
    var message = try field.object()
    guard message["role"] != nil else {
      throw RowProblem(fault: .missingKey("role"), path: field.path)
    }
    let roleField = Field(message, "role", in: field.path)
    let name = try roleField.string()
    guard let role = MessageRole(rawValue: name) else {
      throw RowProblem(
        fault: .unknownRole(name, known: MessageRole.allCases.map(\.rawValue)),
        path: roleField.path)
    }
    let callsTools = try checkToolCalls(&message, role: role, path: field.path)
    switch message["content"] {
    case .string: break
    case .array(let parts):
      message["content"] = .string(try text(of: parts, path: field.path + [.key("content")]))
    case nil, .null:
      guard callsTools else {
        throw RowProblem(fault: .missingContent(role: name), path: field.path)
      }
    default:
      _ = try Field(message, "content", in: field.path).string()
    }
    let weight = try takeWeight(from: &message, role: role, path: field.path)
    return (.object(message), weight)
  }

  /// Takes `weight` out of a message, where templates would not expect it.
  static func takeWeight(
    from message: inout JSONObject, role: MessageRole, path: [JSONStep]
  ) throws(RowProblem) -> Float {
    let isAssistant = role == .assistant
    guard let value = message["weight"] else { return isAssistant ? 1 : 0 }
    let weightPath = path + [.key("weight")]
    message["weight"] = nil
    if value.isNull { return isAssistant ? 1 : 0 }
    guard case .integer = value, let weight = value.doubleValue else {
      guard case .number(let weight) = value else {
        throw RowProblem(fault: .invalidWeight(found: value.kindDescription), path: weightPath)
      }
      return try checked(weight)
    }
    return try checked(weight)

    func checked(_ weight: Double) throws(RowProblem) -> Float {
      guard weight >= 0, Float(weight).isFinite else {
        throw RowProblem(fault: .invalidWeight(found: "\(weight)"), path: weightPath)
      }
      guard isAssistant || weight == 0 else {
        throw RowProblem(fault: .misplacedWeight(role: role.rawValue), path: weightPath)
      }
      return Float(weight)
    }
  }

  /// Whether a message calls tools; arguments that are JSON in a string become the object they hold.
  ///
  /// OpenAI's files hold arguments as strings; the templates of open models write an object with
  /// `tojson`, and a string would come out quoted.
  private static func checkToolCalls(
    _ message: inout JSONObject, role: MessageRole, path: [JSONStep]
  ) throws(RowProblem) -> Bool {
    guard let value = message["tool_calls"], !value.isNull else { return false }
    let callsField = Field(message, "tool_calls", in: path)
    guard role == .assistant else {
      throw RowProblem(
        fault: .misplacedToolCalls(role: role.rawValue), path: callsField.path)
    }
    var calls = try callsField.array()
    for index in calls.indices {
      let callField = Field(
        value: calls[index], name: "a tool call", path: callsField.path + [.index(index)])
      var call = try callField.object()
      guard call["function"] != nil else {
        throw RowProblem(fault: .missingKey("function"), path: callField.path)
      }
      let functionField = Field(call, "function", in: callField.path)
      var function = try functionField.object()
      guard function["name"] != nil else {
        throw RowProblem(fault: .missingKey("name"), path: functionField.path)
      }
      _ = try Field(function, "name", in: functionField.path).string()
      if case .string(let text) = function["arguments"], let object = parsedObject(text) {
        function["arguments"] = object
        call["function"] = .object(function)
        calls[index] = .object(call)
      }
    }
    message["tool_calls"] = .array(calls)
    return !calls.isEmpty
  }

  private static func parsedObject(_ text: String) -> JSONValue? {
    do throws(JSONError) {
      let value = try JSON.parse(text)
      return value.objectValue == nil ? nil : value
    } catch {
      return nil
    }
  }

  /// The text of a content that is a list of parts, `{"type": "text", "text": …}`.
  private static func text(
    of parts: [JSONValue], path: [JSONStep]
  ) throws(RowProblem) -> String {
    var text = ""
    for (index, part) in parts.enumerated() {
      let field = Field(value: part, name: "a content part", path: path + [.index(index)])
      let object = try field.object()
      let type = object["type"]?.stringValue ?? ""
      guard type == "text" else {
        throw RowProblem(fault: .unsupportedContentPart(type: type), path: field.path)
      }
      guard object["text"] != nil else {
        throw RowProblem(fault: .missingKey("text"), path: field.path)
      }
      text += try Field(object, "text", in: field.path).string()
    }
    return text
  }

  /// The row's `tools`: a list, or a list written as a string.
  func tools(_ row: JSONObject) throws(RowProblem) -> JSONValue? {
    guard let value = row["tools"], !value.isNull else { return nil }
    let field = Field(row, "tools")
    if case .string(let text) = value {
      if text.isEmpty { return nil }
      do throws(JSONError) {
        let parsed = try JSON.parse(text)
        if parsed.arrayValue != nil { return parsed }
      } catch {}
    }
    return .array(try field.array())
  }
}

/// A value of a row, with its name and the way to it.
struct Field {
  let value: JSONValue
  let name: String
  let path: [JSONStep]

  init(value: JSONValue, name: String, path: [JSONStep]) {
    self.value = value
    self.name = name
    self.path = path
  }

  /// The member `key` of `object`, which is known to be there.
  init(_ object: JSONObject, _ key: String, in path: [JSONStep] = []) {
    self.init(value: object[key] ?? .null, name: "\"\(key)\"", path: path + [.key(key)])
  }

  func string() throws(RowProblem) -> String {
    guard case .string(let text) = value else { throw wrongType("a string") }
    return text
  }

  func array() throws(RowProblem) -> [JSONValue] {
    guard case .array(let values) = value else { throw wrongType("a list") }
    return values
  }

  func object() throws(RowProblem) -> JSONObject {
    guard case .object(let object) = value else { throw wrongType("an object") }
    return object
  }

  func wrongType(_ expected: String) -> RowProblem {
    RowProblem(
      fault: .wrongType(name: name, expected: expected, found: value.kindDescription), path: path)
  }
}

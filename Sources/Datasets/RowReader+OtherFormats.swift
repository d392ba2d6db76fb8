import Serialization

extension RowReader {
  /// A ShareGPT row: `conversations`, and if given `system` and `tools`.
  func shareGPT(_ row: JSONObject) throws(RowProblem) -> Conversation {
    let turns = try Field(row, "conversations").array()
    var conversation = try conversation(
      turns, at: "conversations", tools: try tools(row), read: Self.turn)
    if let system = try optionalText(row, "system") {
      conversation.insertSystem(system)
    }
    return conversation
  }

  /// Who speaks a ShareGPT turn, by the names in use.
  static let speakers: [(name: String, role: MessageRole)] = [
    ("human", .user), ("gpt", .assistant), ("system", .system), ("user", .user),
    ("assistant", .assistant), ("model", .assistant), ("chatgpt", .assistant), ("tool", .tool),
    ("observation", .tool), ("function_response", .tool),
  ]

  static func turn(_ field: Field) throws(RowProblem) -> (JSONValue, Float) {
    let turn = try field.object()
    for key in ["from", "value"] where turn[key] == nil {
      throw RowProblem(fault: .missingKey(key), path: field.path)
    }
    let speakerField = Field(turn, "from", in: field.path)
    let name = try speakerField.string()
    let text = try Field(turn, "value", in: field.path).string()
    guard let role = speakers.first(where: { $0.name == name })?.role else {
      throw RowProblem(
        fault: .unknownRole(name, known: speakers.map(\.name)), path: speakerField.path)
    }
    var message: JSONObject = ["role": .string(role.rawValue), "content": .string(text)]
    message["weight"] = turn["weight"]
    let weight = try takeWeight(from: &message, role: role, path: field.path)
    return (.object(message), weight)
  }

  /// An Alpaca row as a conversation: the user says `instruction`, and below it `input` if there is any.
  ///
  /// `system`, and `history` as pairs of what was asked and answered, are read as LLaMA-Factory does.
  func alpaca(_ row: JSONObject) throws(RowProblem) -> Conversation {
    var question = try Field(row, "instruction").string()
    if let input = try optionalText(row, "input") {
      question = question.isEmpty ? input : question + "\n" + input
    }
    let answer = try Field(row, "output").string()
    var messages: [JSONValue] = []
    func say(_ role: MessageRole, _ text: String) {
      messages.append(["role": .string(role.rawValue), "content": .string(text)])
    }
    if let system = try optionalText(row, "system") { say(.system, system) }
    if let history = row["history"], !history.isNull {
      let field = Field(row, "history")
      for (index, value) in try field.array().enumerated() {
        let pairField = Field(
          value: value, name: "an item of \"history\"", path: field.path + [.index(index)])
        let pair = try pairField.array()
        guard pair.count == 2, let asked = pair[0].stringValue, let answered = pair[1].stringValue
        else { throw pairField.wrongType("a pair of strings") }
        say(.user, asked)
        say(.assistant, answered)
      }
    }
    say(.user, question)
    say(.assistant, answer)
    return Conversation(messages: messages)
  }

  /// A row of prompt and completion: two strings, or two lists of messages.
  ///
  /// As in TRL, strings are plain text, and of two lists only the completion's messages are learnt.
  func promptCompletion(_ row: JSONObject) throws(RowProblem) -> Example.Content {
    let prompt = Field(row, "prompt")
    let completion = Field(row, "completion")
    if case .string(let text) = prompt.value {
      return .completion(prompt: text, completion: try completion.string())
    }
    guard case .array(let asked) = prompt.value else {
      throw prompt.wrongType("a string or a list of messages")
    }
    var whole = Conversation(messages: [], weights: [], tools: try tools(row))
    for (index, value) in asked.enumerated() {
      let field = Field(
        value: value, name: "item \(index + 1) of \"prompt\"",
        path: prompt.path + [.index(index)])
      whole.messages.append(try Self.message(field).0)
      whole.weights.append(0)
    }
    let answered = try conversation(
      try completion.array(), at: "completion", tools: nil, read: Self.message)
    whole.messages += answered.messages
    whole.weights += answered.weights
    return .conversation(whole)
  }

  /// The text under `key`; `nil` if it is missing, null or empty.
  private func optionalText(_ row: JSONObject, _ key: String) throws(RowProblem) -> String? {
    guard let value = row[key], !value.isNull else { return nil }
    let text = try Field(row, key).string()
    return text.isEmpty ? nil : text
  }
}

extension Conversation {
  fileprivate mutating func insertSystem(_ text: String) {
    messages.insert(["role": "system", "content": .string(text)], at: 0)
    weights.insert(0, at: 0)
  }
}

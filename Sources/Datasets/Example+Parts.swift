import Serialization

extension Example {
  /// What is asked for: the text of the last assistant message that has one, or the completion.
  ///
  /// `nil` for plain text, and for a conversation in which the assistant only calls tools.
  public var answer: String? {
    switch content {
    case .conversation(let conversation): conversation.finalExchange?.answer
    case .completion(_, let completion): completion
    case .text: nil
    }
  }

  /// The row as it would be with another answer, which alone counts; what came after the answer is gone.
  ///
  /// `nil` where the row has no ``answer``.
  public func answering(_ text: String) -> Example? {
    switch content {
    case .conversation(let conversation):
      guard let prompt = conversation.finalExchange?.prompt else { return nil }
      let answer: JSONValue = [
        "role": .string(MessageRole.assistant.rawValue), "content": .string(text),
      ]
      let weights = [Float](repeating: 0, count: prompt.count) + [1]
      return Example(
        .conversation(
          Conversation(messages: prompt + [answer], weights: weights, tools: conversation.tools)),
        source: source)
    case .completion(let prompt, _):
      return Example(.completion(prompt: prompt, completion: text), source: source)
    case .text:
      return nil
    }
  }

  /// The texts that the row holds, in order; what tools are called with is none.
  public var texts: [String] {
    switch content {
    case .conversation(let conversation):
      conversation.messages.compactMap { $0["content"]?.stringValue }
    case .completion(let prompt, let completion): [prompt, completion]
    case .text(let text): [text]
    }
  }

  /// Bytes that two rows have in common when they are the same to a model.
  var identity: [UInt8] {
    switch content {
    case .conversation(let conversation):
      let weights = conversation.weights.map { JSONValue.number(Double($0)) }
      return Self.bytes([
        .array(conversation.messages), .array(weights), conversation.tools ?? .null,
      ])
    case .completion(let prompt, let completion):
      return Self.bytes([.string(prompt), .string(completion)])
    case .text(let text):
      return Self.bytes([.string(text)])
    }
  }

  /// Bytes that two rows have in common when the same is asked in them; `nil` where nothing is.
  var promptIdentity: [UInt8]? {
    switch content {
    case .conversation(let conversation):
      guard let prompt = conversation.finalExchange?.prompt,
        prompt.contains(where: { $0["role"]?.stringValue != MessageRole.system.rawValue })
      else { return nil }
      return Self.bytes([.array(prompt), conversation.tools ?? .null])
    case .completion(let prompt, _):
      return prompt.isEmpty ? nil : Self.bytes([.string(prompt)])
    case .text:
      return nil
    }
  }

  private static func bytes(_ parts: [JSONValue]) -> [UInt8] {
    Array(JSONValue.array(parts.map(\.sorted)).serialized().utf8)
  }
}

extension JSONValue {
  /// This value with the members of every object in the order of their keys' bytes.
  fileprivate var sorted: JSONValue {
    switch self {
    case .array(let elements):
      return .array(elements.map(\.sorted))
    case .object(let object):
      let members = object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      return .object(JSONObject(members.map { ($0.key, $0.value.sorted) }))
    default:
      return self
    }
  }
}

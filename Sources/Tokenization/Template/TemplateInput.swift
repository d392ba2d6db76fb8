import Serialization

/// A conversation as Transformers hands it to a template.
struct TemplateInput {
  /// The messages, each without members that are `null`.
  var messages: [JSONObject]
  var tools: JSONValue?
  /// Variables besides the messages, such as `enable_thinking`.
  var extra: JSONObject
  var bosToken: String?
  var eosToken: String?

  /// - Throws: ``TemplateError/invalidMessage(index:reason:)``.
  init(
    messages: [JSONValue], tools: JSONValue?, extra: JSONObject, bosToken: String?,
    eosToken: String?
  ) throws(TemplateError) {
    self.messages = []
    for (index, message) in messages.enumerated() {
      guard case .object(let object) = message else {
        throw .invalidMessage(index: index, reason: "is \(message.kindDescription), not an object")
      }
      self.messages.append(Self.normalised(object))
    }
    self.tools = tools
    self.extra = extra
    self.bosToken = bosToken
    self.eosToken = eosToken
  }

  /// How many bytes of text there are, and some for each value.
  var characterCount: Int {
    let values = messages.map { JSONValue.object($0) } + [tools ?? .null, .object(extra)]
    return values.reduce(0) { $0 + Self.characterCount(of: $1) }
  }

  private static func characterCount(of value: JSONValue) -> Int {
    switch value {
    case .string(let text): text.utf8.count
    case .array(let elements): elements.reduce(0) { $0 + 1 + characterCount(of: $1) }
    case .object(let object):
      object.reduce(0) { $0 + $1.key.utf8.count + characterCount(of: $1.value) }
    case .null: 0
    case .bool, .integer, .number: 1
    }
  }

  /// What `apply_chat_template` of Transformers 5 makes of a message before the template sees it.
  ///
  /// A member that is `null` counts as missing, and reasoning is known by each of the names it has
  /// had.
  private static func normalised(_ message: JSONObject) -> JSONObject {
    var present = JSONObject()
    for (key, value) in message where !value.isNull { present[key] = value }
    let reasoning = ["reasoning_content", "thinking", "reasoning"].lazy.compactMap { present[$0] }
    guard let reasoning = reasoning.first else { return present }
    var result = JSONObject([("thinking", reasoning)])
    for (key, value) in present { result[key] = value }
    result["reasoning_content"] = reasoning
    return result
  }
}

extension TemplateInterpreter {
  /// Defines the variables of a chat template.
  func define(_ input: TemplateInput, addsGenerationPrompt: Bool) throws(TemplateFault) {
    if let token = input.bosToken { define("bos_token", .text(token)) }
    if let token = input.eosToken { define("eos_token", .text(token)) }
    for (name, value) in input.extra { define(name, try self.value(of: value, from: Origin())) }
    var messages: [TemplateValue] = []
    for (index, message) in input.messages.enumerated() {
      messages.append(try value(ofMessage: message, number: Int32(index + 1)))
    }
    define("messages", .list(try TemplateList(messages)))
    define("tools", try value(of: input.tools ?? .null, from: Origin()))
    // A list of documents is given as an extra variable, and is there, as None, without one.
    if input.extra["documents"] == nil { define("documents", .null) }
    define("add_generation_prompt", .bool(addsGenerationPrompt))
  }

  private func value(ofMessage message: JSONObject, number: Int32) throws(TemplateFault)
    -> TemplateValue
  {
    let spoken = Origin(message: number)
    let label = Origin(message: number, isLabel: true)
    let result = TemplateDictionary(origin: self.number(of: spoken), message: number)
    for (key, value) in message {
      let isLabel = key == "role" || key == "name"
      try result.set(.text(key), try self.value(of: value, from: isLabel ? label : spoken))
    }
    return .dictionary(result)
  }

  private func value(
    of json: JSONValue, from origin: Origin, depth: Int = 0
  ) throws(TemplateFault) -> TemplateValue {
    guard depth < TemplateLimits.valueDepth else {
      throw .limit("\(TemplateLimits.valueDepth) levels of lists in lists")
    }
    switch json {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .float(value)
    case .string(let text): return .string(TracedString(text, origin: number(of: origin)))
    case .array(let elements):
      var items: [TemplateValue] = []
      items.reserveCapacity(elements.count)
      for element in elements {
        items.append(try value(of: element, from: origin, depth: depth + 1))
      }
      return .list(try TemplateList(items, origin: number(of: origin)))
    case .object(let object):
      let result = TemplateDictionary(origin: number(of: origin))
      for (key, value) in object {
        try result.set(
          .string(TracedString(key, origin: number(of: origin))),
          try self.value(of: value, from: origin, depth: depth + 1))
      }
      return .dictionary(result)
    }
  }
}

public import Serialization

/// The line of a file that an example came from.
public struct ExampleSource: Sendable, Equatable, Hashable, CustomStringConvertible {
  /// The file, as it was named.
  public var path: String
  /// The line, counted from 1.
  public var line: Int

  /// Makes a source.
  public init(path: String, line: Int) {
    self.path = path
    self.line = line
  }

  /// `"train.jsonl line 12"`.
  public var description: String { "\(path) line \(line)" }
}

/// One row of a data file, whatever its format.
public struct Example: Sendable, Equatable {
  /// What a row holds.
  public enum Content: Sendable, Equatable {
    /// Messages, written out by the model's chat template.
    case conversation(Conversation)
    /// Plain text to be continued and its continuation; no template is applied.
    case completion(prompt: String, completion: String)
    /// Plain text, all of it to be learnt.
    case text(String)
  }

  /// What the row holds.
  public var content: Content
  /// Where the row stands.
  public var source: ExampleSource

  /// Makes an example.
  public init(_ content: Content, source: ExampleSource) {
    self.content = content
    self.source = source
  }
}

/// Messages as a chat template reads them, with how much each counts in the loss.
public struct Conversation: Sendable, Equatable {
  /// Objects with `role`, `content` and whatever else the row gave, but `weight`.
  public var messages: [JSONValue]
  /// For each message the factor of its tokens' losses: 0 for all but the assistant's.
  public var weights: [Float]
  /// The tools that the model is told of.
  public var tools: JSONValue?

  /// Makes a conversation; `weights` has an entry for each message.
  public init(messages: [JSONValue], weights: [Float], tools: JSONValue? = nil) {
    precondition(messages.count == weights.count, "every message has a weight")
    self.messages = messages
    self.weights = weights
    self.tools = tools
  }

  /// Makes a conversation in which every assistant message counts fully.
  public init(messages: [JSONValue], tools: JSONValue? = nil) {
    self.init(
      messages: messages,
      weights: messages.map { $0["role"]?.stringValue == MessageRole.assistant.rawValue ? 1 : 0 },
      tools: tools)
  }

  /// The last assistant message that has text, and the messages before it.
  ///
  /// What `evaluate --generate` asks for and what it compares the answer with; `nil` if there is none.
  public var finalExchange: (prompt: [JSONValue], answer: String)? {
    for (index, message) in messages.enumerated().reversed()
    where message["role"]?.stringValue == MessageRole.assistant.rawValue {
      guard let answer = message["content"]?.stringValue else { continue }
      return (Array(messages[..<index]), answer)
    }
    return nil
  }
}

/// Who says a message.
enum MessageRole: String, CaseIterable {
  case system, user, assistant, tool
}

public import Serialization

/// The shape of a file's rows, told by the keys of its first.
public enum DatasetFormat: String, Sendable, CaseIterable, CustomStringConvertible {
  /// `{"messages": [{"role": …, "content": …}, …]}`, as in OpenAI's fine-tuning files.
  case messages
  /// `{"conversations": [{"from": …, "value": …}, …]}`.
  case shareGPT
  /// `{"instruction": …, "input": …, "output": …}`.
  case alpaca
  /// `{"prompt": …, "completion": …}`.
  case promptCompletion
  /// `{"text": …}`.
  case text

  /// The format of a file whose first row has these keys; `nil` if it is none of them.
  public init?(keysOf row: JSONObject) {
    let match = Self.allCases.first { format in
      format.requiredKeys.allSatisfy { row[$0] != nil }
    }
    guard let match else { return nil }
    self = match
  }

  /// The keys that every row has.
  public var requiredKeys: [String] {
    switch self {
    case .messages: ["messages"]
    case .shareGPT: ["conversations"]
    case .alpaca: ["instruction", "output"]
    case .promptCompletion: ["prompt", "completion"]
    case .text: ["text"]
    }
  }

  /// What the format is called: `"chat messages"`.
  public var description: String {
    switch self {
    case .messages: "chat messages"
    case .shareGPT: "ShareGPT conversations"
    case .alpaca: "Alpaca instructions"
    case .promptCompletion: "prompts and completions"
    case .text: "plain text"
    }
  }
}

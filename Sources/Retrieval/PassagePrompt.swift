public import Serialization

/// A question with the passages that are to answer it, as a language model is asked.
///
/// Training, comparing and generating ask alike, so a model that was trained on such messages meets them again in use.
public struct PassagePrompt: Sendable, Equatable {
  /// What is asked.
  public var question: String
  /// What the model is told before; nil for nothing.
  public var system: String?
  /// What it may answer from, the likest first: the first is called `[1]`.
  public var passages: [Passage]

  /// Asks for an answer with citations, and for none where the passages hold none.
  public static let instruction = """
    Answer the question from the passages. After each statement name the passage that it is from, such as [1]. \
    If the passages do not hold the answer, say that they do not.
    """

  /// Describes a prompt.
  public init(question: String, system: String? = nil, passages: [Passage]) {
    self.question = question
    self.system = system
    self.passages = passages
  }

  /// The messages, as chat templates read them; without passages the bare question.
  public var messages: [JSONValue] {
    let asked = Self.message("user", passages.isEmpty ? question : passagesAndQuestion)
    return (system.map { [Self.message("system", $0)] } ?? []) + [asked]
  }

  /// The prompt with the first of its passages, as many as fit.
  ///
  /// - Parameters:
  ///   - limit: the most tokens of the prompt.
  ///   - count: how many tokens messages have.
  /// - Returns: nil where not one passage fits, or without passages the question does not.
  public func fitting(_ limit: Int, count: ([JSONValue]) throws -> Int) rethrows -> PassagePrompt? {
    var prompt = self
    while true {
      if try count(prompt.messages) <= limit { return prompt }
      guard prompt.passages.count > 1 else { return nil }
      prompt.passages.removeLast()
    }
  }

  private var passagesAndQuestion: String {
    let texts = passages.enumerated().map { "[\($0 + 1)] \($1.titledText)" }
    return "Passages:\n\n\(texts.joined(separator: "\n\n"))\n\nQuestion: \(question)"
  }

  private static func message(_ role: String, _ content: String) -> JSONValue {
    .object(JSONObject([("role", .string(role)), ("content", .string(content))]))
  }
}

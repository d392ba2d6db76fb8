internal import Inference
public import Retrieval
public import Serialization

/// The messages that an arm asks a question with.
///
/// Base and tuned ask alike, and so do both arms with passages, in training as in use: what differs is the model alone.
public enum ArmMessages {
  /// The bare question.
  public static func bare(_ question: Question) -> [JSONValue] {
    system(question) + [ChatModel.message("user", question.question)]
  }

  /// The question behind worked examples, each a turn of its own.
  public static func fewShot(_ question: Question, examples: [Question]) -> [JSONValue] {
    let turns = examples.flatMap {
      [ChatModel.message("user", $0.question), ChatModel.message("assistant", $0.answer)]
    }
    return system(question) + turns + [ChatModel.message("user", question.question)]
  }

  /// The question behind passages.
  public static func withPassages(_ question: Question, _ passages: [Passage]) -> [JSONValue] {
    guard !passages.isEmpty else { return bare(question) }
    let texts = passages.enumerated().map { index, passage in
      let text = trimmed(passage.text)
      return text.contains(passage.title)
        ? "[\(index + 1)] \(text)" : "[\(index + 1)] \(passage.title)\n\(text)"
    }
    return system(question) + [
      ChatModel.message(
        "user",
        "Passages:\n\n\(texts.joined(separator: "\n\n"))\n\nQuestion: \(question.question)")
    ]
  }

  private static func system(_ question: Question) -> [JSONValue] {
    question.system.map { [ChatModel.message("system", $0)] } ?? []
  }

  private static func trimmed(_ text: String) -> Substring {
    var text = text[...]
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return text
  }
}

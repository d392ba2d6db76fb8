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
    prompt(question, passages).messages
  }

  static func prompt(_ question: Question, _ passages: [Passage]) -> PassagePrompt {
    PassagePrompt(question: question.question, system: question.system, passages: passages)
  }

  private static func system(_ question: Question) -> [JSONValue] {
    question.system.map { [ChatModel.message("system", $0)] } ?? []
  }
}

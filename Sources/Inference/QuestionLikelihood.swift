internal import CausalLM
internal import Datasets
internal import Training

/// How likely a language model finds it that a question is asked of a text: what passages are ranked by anew.
///
/// A passage's score is the mean log-likelihood of the question's tokens, after the passage and the request to write a
/// question about it. No training is needed, and every word of the question counts, also those that no passage has.
///
/// - SeeAlso: Sachan et al. 2022, "Improving Passage Retrieval with Zero-Shot Question Generation", arXiv:2204.07496.
public struct QuestionLikelihood {
  private let chat: ChatModel

  /// Ranks by a model.
  public init(_ chat: ChatModel) { self.chat = chat }

  /// Each passage's score, in nats a token, 0 at most; what the passages begin with in common is computed once.
  ///
  /// A passage that is longer than the model reads is scored by as much of its beginning as fits.
  ///
  /// - Throws: `DatasetError` where the model cannot read the question alone, or `TemplateError`.
  public func scores(of question: String, passages: [String]) throws -> [Double] {
    guard !passages.isEmpty else { return [] }
    let examples = try TokenizedDataset(
      try passages.map { try fitting($0, question) }, tokenizer: chat.tokenizer,
      template: chat.template, maxLength: chat.model.configuration.maximumPositions
    ).examples
    var scores = [Double](repeating: 0, count: examples.count)
    for part in FineTuning.parts(Array(examples.indices), of: examples) {
      let batch = MicroBatch(examples, indices: part, sharesPrefixes: true)
      let losses = chat.model.losses(batch, of: examples)
      for (index, loss) in zip(part, losses) {
        scores[index] = -loss / Double(max(1, examples[index].supervisedTokens))
      }
    }
    return scores
  }

  /// The row that asks for the question, its passage cut off where it would not fit.
  private func fitting(_ passage: String, _ question: String) throws -> Example {
    var text = passage[...]
    while true {
      let row = row(String(text), question)
      let tokens = try TokenizedExample.make(
        row, tokenizer: chat.tokenizer, template: chat.template, assistantOnly: true)
      if tokens.tokens.count <= chat.model.configuration.maximumPositions || text.isEmpty {
        return row
      }
      text = text.prefix(text.count / 2)
    }
  }

  private func row(_ passage: String, _ question: String) -> Example {
    let request = "Passage: \(passage)\n\nPlease write a question based on this passage."
    let source = ExampleSource(path: "the question", line: 1)
    guard chat.template != nil else {
      return Example(
        .completion(prompt: "\(request)\nQuestion: ", completion: question), source: source)
    }
    return Example(
      .conversation(
        Conversation(messages: [
          ChatModel.message("user", request), ChatModel.message("assistant", question),
        ])), source: source)
  }
}

import CausalLM
import Datasets
import Inference
import TestSupport
import Testing

@Suite("The likelihood of a question after a passage") struct QuestionLikelihoodTests {
  private static let question = "What is the capital of France?"

  @Test("is what the model says of each passage alone, in any company")
  func alone() throws {
    let chat = try ChatModel(path: Fixture.path("models/tiny-tied"))
    let passages = ["Paris is the capital of France.", "Ships sail.", "x", "Paris is large."]
    let likelihood = QuestionLikelihood(chat)
    let scores = try likelihood.scores(of: Self.question, passages: passages)
    #expect(scores.count == 4 && scores.allSatisfy { $0 < 0 && $0.isFinite })
    #expect(Set(scores).count == 4)
    for (passage, score) in zip(passages, scores) {
      let own = try likelihood.scores(of: Self.question, passages: [passage])[0]
      #expect(abs(own - score) < 1e-5 * abs(score), "\(passage)")
    }
    #expect(try likelihood.scores(of: Self.question, passages: []).isEmpty)
  }

  @Test("is the mean over the tokens of question and turn end, by the loss of training")
  func loss() throws {
    let chat = try ChatModel(path: Fixture.path("models/tiny-tied"))
    let passage = "Ships sail."
    let score = try QuestionLikelihood(chat).scores(of: Self.question, passages: [passage])[0]
    let request = "Passage: \(passage)\n\nPlease write a question based on this passage."
    let row = Example(
      .conversation(
        Conversation(messages: [
          ChatModel.message("user", request), ChatModel.message("assistant", Self.question),
        ])), source: ExampleSource(path: "t", line: 1))
    let example = try TokenizedExample.make(
      row, tokenizer: chat.tokenizer, template: chat.template)
    let loss = chat.model.loss(MicroBatch([example], indices: [0], sharesPrefixes: true))
    #expect(abs(score + loss.loss / loss.weight) < 1e-5)
  }

  @Test("takes of a passage that is too long what fits")
  func long() throws {
    let chat = try ChatModel(path: Fixture.path("models/tiny-tied"))
    let long = String(repeating: "word ", count: 20_000)
    let scores = try QuestionLikelihood(chat).scores(of: Self.question, passages: [long, "short"])
    #expect(scores.allSatisfy { $0.isFinite && $0 < 0 })
  }
}

import CausalLM
import Datasets
import Foundation
import Inference
import ModelFiles
import Serialization
import TestSupport
import Testing

@Suite("Scoring labels") struct LabelEvaluationTests {
  private static let labels = ["yes", "no", "not today", "no idea"]

  private static func rows() -> [Example] {
    (0..<5).map { index in
      Example(
        .conversation(
          Conversation(messages: [
            ["role": "system", "content": "Answer."],
            ["role": "user", "content": .string("Is \(index) enough?")],
            ["role": "assistant", "content": .string(labels[index % 4])],
          ])), source: ExampleSource(path: "rows.jsonl", line: index + 1))
    }
  }

  @Test("gives each label the likelihood that it has alone, with the token that ends it")
  func scores() throws {
    let chat = try ChatModel(path: Fixture.path("models/tiny-tied"))
    var heard: [Int] = []
    let evaluation = try LabelEvaluation(chat, Self.rows(), labels: Self.labels) { done, of in
      heard.append(done)
      #expect(of == 5)
    }
    #expect(heard.last == 5 && evaluation.rows.map(\.reference) == [0, 1, 2, 3, 0])
    for (row, scored) in zip(Self.rows(), evaluation.rows) {
      guard case .conversation(let conversation) = row.content else { continue }
      let prompt = conversation.messages.dropLast()
      let asked = try chat.prompt(Array(prompt))
      for (label, score) in zip(Self.labels, scored.scores) {
        // Token by token from the logits, nothing shared.
        let whole = try TokenizedExample.make(
          try #require(row.answering(label)), tokenizer: chat.tokenizer, template: chat.template
        ).tokens
        #expect(Array(whole.prefix(asked.count)) == asked)
        let logits = chat.model.logits(TokenBatch(sequences: [whole]))
        var sum = 0.0
        // The new line after the token that ends the answer is markup.
        for position in asked.count..<(whole.count - 1) {
          let before = logits[position - 1].map(Double.init)
          let most = before.max() ?? 0
          sum +=
            before[Int(whole[position])] - most
            - log(before.reduce(0) { $0 + exp($1 - most) })
        }
        #expect(abs(sum - score) < 1e-4 * abs(sum), "\(label): \(score), alone \(sum)")
      }
    }
  }

  @Test("refuses a row whose answer is none of the labels")
  func unlisted() throws {
    let chat = try ChatModel(path: Fixture.path("models/tiny-tied"))
    #expect(
      throws: LabelError.unlisted(
        ExampleSource(path: "rows.jsonl", line: 3), answer: "not today")
    ) {
      _ = try LabelEvaluation(chat, Self.rows(), labels: ["yes", "no", "no idea"])
    }
    #expect(throws: LabelError.noAnswers) {
      let text = Example(.text("words"), source: ExampleSource(path: "rows.jsonl", line: 1))
      _ = try LabelEvaluation(chat, [text], labels: ["yes", "no"])
    }
  }

  @Test("finds the answers that occur, in the order of the rows")
  func found() { #expect(LabelEvaluation.labels(of: Self.rows()) == Self.labels) }

  /// Six rows of three labels, as log-probabilities, so that the probabilities are these.
  private static func evaluation() -> LabelEvaluation {
    let probabilities: [(Int, [Double])] = [
      (0, [0.80, 0.15, 0.05]), (0, [0.30, 0.60, 0.10]), (0, [0.52, 0.24, 0.24]),
      (1, [0.02, 0.97, 0.01]), (1, [0.62, 0.28, 0.10]), (2, [0.10, 0.75, 0.15]),
    ]
    return LabelEvaluation(
      labels: ["a", "b", "c"],
      rows: probabilities.enumerated().map { index, row in
        .init(
          source: ExampleSource(path: "rows.jsonl", line: index + 1), reference: row.0,
          scores: row.1.map { log($0) - 40 })
      })
  }

  // scikit-learn 1.9.1 gives accuracy_score, f1_score(average="macro") and log_loss of the same rows.
  @Test("counts as scikit-learn does")
  func figures() {
    let evaluation = Self.evaluation()
    #expect(evaluation.rows.map(\.prediction) == [0, 1, 0, 1, 0, 1])
    #expect(evaluation.confusion == [[2, 1, 0], [1, 1, 0], [0, 1, 0]])
    #expect(abs(evaluation.accuracy - 0.5) < 1e-12)
    #expect(abs(evaluation.macroF1 - (2.0 / 3 + 0.4 + 0) / 3) < 1e-12)
    #expect(evaluation.labelScores.map(\.rows) == [3, 2, 1])
    #expect(
      evaluation.labelScores[1].precision == 1.0 / 3 && evaluation.labelScores[1].recall == 0.5)
    let logLoss = -[0.8, 0.3, 0.52, 0.97, 0.28, 0.15].reduce(0) { $0 + log($1) } / 6
    #expect(abs(evaluation.logLoss - logLoss) < 1e-9)
  }

  @Test("says how far confidence and accuracy are apart")
  func calibration() {
    let bins = Self.evaluation().bins
    #expect(bins.map(\.rows) == [0, 0, 0, 0, 0, 1, 2, 1, 1, 1])
    #expect(abs(bins[6].confidence - 0.61) < 1e-9 && bins[6].accuracy == 0)
    // |0.52 − 1| + 2·|0.61 − 0| + |0.75 − 0| + |0.80 − 1| + |0.97 − 1|, over six rows.
    #expect(abs(Self.evaluation().calibrationError - (0.48 + 1.22 + 0.75 + 0.2 + 0.03) / 6) < 1e-9)
  }

  @Test("of two labels that are as likely takes the first, and of no probability makes no nonsense")
  func extremes() {
    let source = ExampleSource(path: "rows.jsonl", line: 1)
    let tie = LabelEvaluation.Row(source: source, reference: 1, scores: [-3, -3])
    #expect(tie.prediction == 0 && !tie.isRight && tie.probabilities == [0.5, 0.5])
    let far = LabelEvaluation(
      labels: ["a", "b"], rows: [.init(source: source, reference: 1, scores: [-1, -10_000])])
    #expect(far.logLoss.isFinite && far.calibrationError == 1)
    #expect(LabelEvaluation(labels: [], rows: []).accuracy == 0)
  }
}

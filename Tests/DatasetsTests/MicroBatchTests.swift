import Kernels
import TestSupport
import Testing

@testable import Datasets

@Suite("MicroBatch") struct MicroBatchTests {
  private typealias Prediction = MicroBatch.Prediction

  private func example(_ tokens: [Int32], _ weights: [Float]) -> TokenizedExample {
    TokenizedExample(
      tokens: tokens, lossWeights: weights, source: ExampleSource(path: "x", line: 1))
  }

  @Test("lays examples end to end and weighs each prediction by the token it predicts")
  func laysEndToEnd() {
    let examples = [
      example([1, 2, 3], [1, 0, 1]), example([7], [1]), example([4, 5, 6, 8], [0, 0.5, 0, 2]),
    ]
    let batch = MicroBatch(examples, indices: [2, 0])
    #expect(batch.tokens == [4, 5, 6, 8, 1, 2, 3])
    #expect(
      batch.predictions == [
        Prediction(row: 0, target: 5, weight: 0.5, count: 1),
        Prediction(row: 2, target: 8, weight: 2, count: 1),
        Prediction(row: 5, target: 3, weight: 1, count: 1),
      ])
    #expect(batch.segments == [Segment(start: 0, count: 4), Segment(start: 4, count: 3)])
    #expect(batch.exampleIndices == [2, 0])
    #expect(batch.exampleTokens == 7)
    #expect(batch.supervisedTokens == 3)
    #expect(batch.totalLossWeight == 3.5)
  }

  @Test("predicts nothing from the last token of an example, nor from its only one")
  func lastPredictsNothing() {
    let batch = MicroBatch([example([7], [1]), example([8, 9], [1, 1])], indices: [0, 1])
    #expect(batch.tokens == [7, 8, 9])
    #expect(batch.predictions == [Prediction(row: 1, target: 9, weight: 1, count: 1)])
  }

  @Test("counts what its examples count", arguments: [false, true])
  func countsAgree(_ sharesPrefixes: Bool) {
    let examples = [
      example([1, 2, 3], [1, 1, 1]), example([4, 5], [0, 0.25]), example([1, 2, 3], [1, 0, 0.5]),
    ]
    let batch = MicroBatch(examples, indices: [0, 1, 2], sharesPrefixes: sharesPrefixes)
    #expect(batch.tokens.count == (sharesPrefixes ? 5 : 8))
    #expect(batch.exampleTokens == 8)
    #expect(batch.supervisedTokens == examples.reduce(0) { $0 + $1.supervisedTokens })
    #expect(batch.totalLossWeight == examples.reduce(0) { $0 + $1.totalLossWeight })
    #expect(batch.totalLossWeight == 2.75)
  }

  @Test("lets a shared position predict what each example calls for, and what several do once")
  func sharedPositions() {
    let beginning = (0..<20).map { Int32($0) }
    let silent = [Float](repeating: 0, count: 20)
    let examples = [
      example(beginning + [50, 51], silent + [1, 1]),
      example(beginning + [60], silent + [0.5]),
      example(beginning + [50, 51], silent + [0.25, 0]),
      example(beginning, silent.dropLast() + [1]),
    ]
    let batch = MicroBatch(examples, indices: [0, 1, 2, 3], sharesPrefixes: true)
    #expect(batch.tokens == beginning + [50, 51, 60])
    #expect(
      batch.predictions == [
        Prediction(row: 18, target: 19, weight: 1, count: 1),
        Prediction(row: 19, target: 50, weight: 1.25, count: 2),
        Prediction(row: 19, target: 60, weight: 0.5, count: 1),
        Prediction(row: 20, target: 51, weight: 1, count: 1),
      ])
  }

  @Test("with shared beginnings predicts what it predicts without", arguments: 0..<20)
  func expands(_ seed: UInt64) {
    var numbers = SeededNumbers(seed)
    let examples = PrefixTrieTests.randomSequences(&numbers).map { tokens in
      example(tokens, tokens.map { _ in Float(numbers.integer(below: 3)) / 2 })
    }
    let indices = examples.indices.reversed().map { $0 }
    let batch = MicroBatch(examples, indices: indices, sharesPrefixes: true)
    // Row and target of each prediction, with what all examples together ask of it.
    var expected: [[Int]: (weight: Float, count: Int)] = [:]
    for (sequence, index) in indices.enumerated() {
      let rows = batch.layout.ranges(of: sequence).flatMap { $0 }
      #expect(rows.map { batch.tokens[$0] } == examples[index].tokens)
      for position in examples[index].tokens.indices.dropFirst() {
        let weight = examples[index].lossWeights[position]
        guard weight > 0 else { continue }
        let key = [rows[position - 1], Int(examples[index].tokens[position])]
        expected[key, default: (0, 0)].weight += weight
        expected[key, default: (0, 0)].count += 1
      }
    }
    #expect(batch.predictions.count == expected.count)
    for prediction in batch.predictions {
      let wanted = expected[[prediction.row, Int(prediction.target)]]
      #expect(prediction.weight == wanted?.weight && prediction.count == wanted?.count)
    }
    let order = batch.predictions.map { [$0.row, Int($0.target)] }
    #expect(order == order.sorted { $0.lexicographicallyPrecedes($1) })
  }
}

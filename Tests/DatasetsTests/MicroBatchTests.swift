import Kernels
import Testing

@testable import Datasets

@Suite("MicroBatch") struct MicroBatchTests {
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
    #expect(batch.targets == [5, 6, 8, 0, 2, 3, 0])
    #expect(batch.lossWeights == [0.5, 0, 2, 0, 0, 1, 0])
    #expect(batch.segments == [Segment(start: 0, count: 4), Segment(start: 4, count: 3)])
    #expect(batch.exampleIndices == [2, 0])
    #expect(batch.supervisedTokens == 3)
    #expect(batch.totalLossWeight == 3.5)
  }

  @Test("predicts nothing from the last token of an example, nor from its only one")
  func lastPredictsNothing() {
    let batch = MicroBatch([example([7], [1]), example([8, 9], [1, 1])], indices: [0, 1])
    #expect(batch.tokens == [7, 8, 9])
    #expect(batch.targets == [0, 9, 0])
    #expect(batch.lossWeights == [0, 1, 0])
  }

  @Test("counts what its examples count")
  func countsAgree() {
    let examples = [example([1, 2, 3], [1, 1, 1]), example([4, 5], [0, 0.25])]
    let batch = MicroBatch(examples, indices: [0, 1])
    #expect(batch.supervisedTokens == examples.reduce(0) { $0 + $1.supervisedTokens })
    #expect(batch.totalLossWeight == examples.reduce(0) { $0 + $1.totalLossWeight })
    #expect(batch.totalLossWeight == 2.25)
  }
}

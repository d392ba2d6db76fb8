import CausalLM
import Configuration
import Datasets
import Kernels
import LoRA
import ModelFiles
import TestSupport
import Testing

@testable import Training

@Suite("Noise on embeddings") struct EmbeddingNoiseTests {
  private static let noise = EmbeddingNoise(alpha: 5, seed: 42, step: 3)

  /// The noise of some rows of the data, one array for each.
  private static func noise(_ indices: [Int], columns: Int = 7) -> [[Float]] {
    let examples = SharedPrefixTrainingTests.examples(9)
    let batch = MicroBatch(examples, indices: indices)
    let buffer = FloatBuffer(count: batch.tokens.count * columns)
    noise.add(to: buffer.matrix(rows: batch.tokens.count, columns: columns), of: batch)
    return batch.segments.map { segment in
      Array(buffer.array[segment.start * columns..<(segment.start + segment.count) * columns])
    }
  }

  @Test("is a row's own, whatever it is run with")
  func ownRows() {
    let together = Self.noise([4, 0, 7])
    for (row, index) in [4, 0, 7].enumerated() {
      expectSameBits(together[row], Self.noise([index])[0], "row \(index)")
    }
    #expect(together[0].prefix(7) != together[1].prefix(7))
  }

  @Test("fills ±alpha / √(length · hidden) evenly")
  func size() {
    for (row, length) in zip(Self.noise([1, 2]), [1, 2].map(Self.length)) {
      let bound = 5 / Double(7 * length).squareRoot()
      #expect(row.allSatisfy { Double($0.magnitude) <= bound })
      #expect(Double(row.max() ?? 0) > 0.97 * bound && Double(row.min() ?? 0) < -0.97 * bound)
      let mean = row.reduce(0) { $0 + Double($1) } / Double(row.count)
      #expect(mean.magnitude < 0.1 * bound)
    }
  }

  private static func length(_ index: Int) -> Int {
    SharedPrefixTrainingTests.examples(9)[index].tokens.count
  }

  @Test(
    "keeps beginnings from being shared, in the memory plan as in steps, and the trunk from being kept"
  )
  func sharesNothing() throws {
    func run(_ alpha: Double?) throws -> FineTuning {
      let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
      let lora = RunConfiguration.LoRA(rank: 4, layersToTransform: [1])
      let examples = SharedPrefixTrainingTests.examples(40)
      return try FineTuning(
        configuration: RunConfiguration.Training(
          outputDir: "", numTrainEpochs: 3, perDeviceTrainBatchSize: 8,
          neftuneNoiseAlpha: alpha),
        model: model, adapter: try LoRAAdapter.starting(lora, for: model, seed: 42),
        examples: examples)
    }
    let (plain, noisy) = (try run(nil), try run(5))
    #expect(plain.paysToKeepTrunk && !noisy.paysToKeepTrunk)
    #expect(noisy.memoryPlan.cut.computedTokens > plain.memoryPlan.cut.computedTokens)
    #expect(
      noisy.memoryPlan.cut.computedTokens == 3 * noisy.examples.reduce(0) { $0 + $1.tokens.count })
    #expect(plain.sharesTrainingPrefixes && !noisy.sharesTrainingPrefixes)
  }
}

import CausalLM
import Configuration
import Datasets
import Kernels
import LoRA
import ModelFiles
import TestSupport
import Testing

@testable import Training

@Suite("Training on shared beginnings") struct SharedPrefixTrainingTests {
  /// Rows after one of two instructions, with tails of a few tokens of which half count.
  static func examples(_ count: Int) -> [TokenizedExample] {
    var numbers = SeededNumbers(11)
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(numbers.integer(below: 320)) }
    }
    let start = tokens(30)
    let instructions = [start + tokens(50), start + tokens(40)]
    return (0..<count).map { index in
      let instruction = instructions[numbers.integer(below: 2)]
      let tail = tokens(2 + numbers.integer(below: 12))
      let weights = instruction.map { _ in Float(0) } + tail.indices.map { $0 % 2 == 0 ? 1 : 0 }
      return TokenizedExample(
        tokens: instruction + tail, lossWeights: weights,
        source: ExampleSource(path: "rows", line: index + 1))
    }
  }

  private static func run(sharesPrefixes: Bool, steps: Int = 20) throws
    -> (run: FineTuning, steps: [StepReport])
  {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let lora = RunConfiguration.LoRA(rank: 4, alpha: 8, dropout: 0.1)
    let adapter = try LoRAAdapter.starting(lora, for: model, seed: 42)
    let examples = examples(40)
    let run = try FineTuning(
      configuration: RunConfiguration.Training(
        outputDir: "", maxSteps: steps, perDeviceTrainBatchSize: 8, gradientAccumulationSteps: 2,
        learningRate: 1e-3),
      model: model, adapter: adapter, examples: examples, validation: Array(examples.suffix(9)))
    run.sharesPrefixes = sharesPrefixes
    var reports: [StepReport] = []
    _ = try run.run { event in
      if case .step(let report) = event { reports.append(report) }
      return .resume
    }
    return (run, reports)
  }

  private static func parameters(_ run: FineTuning) -> [Float] {
    [Float](
      UnsafeBufferPointer(
        start: run.adapter.parameters.base, count: run.adapter.parameters.count))
  }

  @Test("twenty steps give the adapter, losses and counts that they give without sharing")
  func twentySteps() throws {
    let (shared, sharedSteps) = try Self.run(sharesPrefixes: true)
    let (apart, apartSteps) = try Self.run(sharesPrefixes: false)
    #expect(relativeError(Self.parameters(shared), Self.parameters(apart)) < 1e-4)
    #expect(sharedSteps.count == 20 && apartSteps.count == 20)
    for (step, expected) in zip(sharedSteps, apartSteps) {
      #expect(abs(step.loss - expected.loss) < 1e-5 * expected.loss)
      #expect(step.tokens == expected.tokens)
      #expect(step.supervisedTokens == expected.supervisedTokens)
    }
    let (loss, expected) = (shared.validate(), apart.validate())
    #expect(abs(loss - expected) < 1e-5 * expected)
  }

  @Test("steps give the same adapter on any number of threads")
  func threads() throws {
    let adapters = try [1, 2, 3].map { count in
      try ThreadCounts.with(count) {
        Self.parameters(try Self.run(sharesPrefixes: true, steps: 3).run)
      }
    }
    expectSameBits(adapters[1], adapters[0], "2 threads")
    expectSameBits(adapters[2], adapters[0], "3 threads")
  }

  @Test("a part of a micro-batch is as many rows as fit after sharing")
  func parts() {
    let instruction = (0..<300).map { Int32($0) }
    let examples = (0..<80).map { index in
      let tail = [Int32](repeating: Int32(1_000 + index), count: 20)
      return TokenizedExample(
        tokens: instruction + tail, lossWeights: [Float](repeating: 1, count: 320),
        source: ExampleSource(path: "rows", line: index + 1))
    }
    let few = FineTuning.parts(Array(0..<16), of: examples)
    #expect(few == [Array(0..<16)])
    let batch = MicroBatch(examples, indices: few[0], sharesPrefixes: true)
    #expect(batch.tokens.count == 620)
    #expect(batch.exampleTokens == 16 * 320)
    // 300 + 36 · 20 tokens are at most 1,024.
    #expect(FineTuning.parts(Array(0..<80), of: examples).map(\.count) == [36, 36, 8])
    #expect(
      FineTuning.parts(Array(0..<7), of: examples, sharesPrefixes: false).map(\.count) == [3, 3, 1])
    #expect(FineTuning.parts([], of: examples).isEmpty)
  }

  @Test("a row longer than a part stands alone")
  func longRow() {
    let examples = [10, 1_500, 10, 10].enumerated().map { index, count in
      TokenizedExample(
        tokens: [Int32](repeating: Int32(index), count: count),
        lossWeights: [Float](repeating: 1, count: count),
        source: ExampleSource(path: "rows", line: index + 1))
    }
    #expect(FineTuning.parts([0, 1, 2, 3], of: examples) == [[0], [1], [2, 3]])
    #expect(FineTuning.parts([1, 0], of: examples) == [[1], [0]])
  }
}

import CausalLM
import Configuration
import Datasets
import Foundation
import Kernels
import LoRA
import ModelFiles
import Serialization
import TestSupport
import Testing

@testable import Training

@Suite("Training within a memory plan") struct MemoryPlanTrainingTests {
  private static func run(maxMemory: Int? = nil, steps: Int = 6, targets: [String]? = nil) throws
    -> FineTuning
  {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let lora = RunConfiguration.LoRA(
      rank: 4, alpha: 8, dropout: 0.1, targetModules: targets.map { .names($0) } ?? .allLinear)
    let examples = SharedPrefixTrainingTests.examples(40)
    return try FineTuning(
      configuration: RunConfiguration.Training(
        outputDir: "", maxSteps: steps, perDeviceTrainBatchSize: 8, gradientAccumulationSteps: 2,
        maxMemory: maxMemory, learningRate: 1e-3),
      model: model, adapter: try LoRAAdapter.starting(lora, for: model, seed: 42),
      examples: examples, validation: Array(examples.suffix(9)))
  }

  private static func steps(_ run: FineTuning) throws -> [Float] {
    var losses: [Float] = []
    _ = try run.run { event in
      if case .step(let report) = event { losses.append(Float(report.loss)) }
      return .resume
    }
    return losses + [Float(run.validate())] + run.adapter.parameters.array
  }

  /// The bytes of the smallest plan, which a run that fits nowhere names.
  private static func smallest(_ targets: [String]? = nil) throws -> Int {
    do {
      _ = try run(maxMemory: 1_000_000, targets: targets)
    } catch TrainingError.exceedsMemory(let limit, let smallest) {
      #expect(limit == 1_000_000)
      return smallest.totalBytes
    }
    Issue.record("1 MB cannot suffice")
    return 0
  }

  @Test(
    "the least memory gives the adapter of plenty, to the bit",
    arguments: [nil, ["q_proj", "k_proj", "v_proj", "o_proj"]])
  func sameAdapter(_ targets: [String]?) throws {
    let (plenty, least) = (
      try Self.run(targets: targets),
      try Self.run(maxMemory: try Self.smallest(targets), targets: targets)
    )
    #expect(least.memoryPlan.repeatedBlocks == 1)
    #expect(least.memoryPlan.totalBytes < plenty.memoryPlan.totalBytes)
    try least.adopt(
      tokensAtOnce: plenty.memoryPlan.cut.tokensAtOnce,
      storage: plenty.memoryPlan.activations.storage)
    #expect(least.memoryPlan.repeatedBlocks == 1)
    expectSameBits(try Self.steps(least), try Self.steps(plenty))
  }

  @Test("a run that resumes with another limit takes the steps of the run that was stopped")
  func resumes() throws {
    let whole = try Self.run()
    try whole.adopt(tokensAtOnce: 256, storage: .bf16)
    _ = try Self.steps(whole)

    let path = NSTemporaryDirectory() + "lorikeet-memory-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let stopped = try Self.run()
    try stopped.adopt(tokensAtOnce: 256, storage: .bf16)
    _ = try stopped.run { event in
      if case .step(let report) = event, report.step == 3 { return .stop }
      return .resume
    }
    try Checkpoint.write(path, run: stopped, identity: .init(), baseModel: "tiny")

    let resumed = try Self.run()
    #expect(resumed.memoryPlan.activations.storage == .f32)
    try Checkpoint.restore(path, into: resumed, identity: .init())
    #expect(resumed.state.step == 3)
    #expect(resumed.memoryPlan.activations.storage == .bf16)
    #expect(resumed.memoryPlan.cut.tokensAtOnce == 256)
    _ = try Self.steps(resumed)
    expectSameBits(resumed.adapter.parameters.array, whole.adapter.parameters.array)
    // Not rounded, the adapter is another one.
    let exact = try Self.run()
    _ = try Self.steps(exact)
    #expect(exact.adapter.parameters.array != whole.adapter.parameters.array)
  }

  @Test("the largest part of the plan is the largest that is run")
  func largestPart() throws {
    let run = try Self.run(steps: 12)
    var largest = 0
    for epoch in 0...3 {
      for (index, window) in run.plan.windows(epoch: epoch).enumerated()
      where epoch * run.plan.windowsPerEpoch + index < 12 {
        for batch in window.microBatches {
          for part in FineTuning.parts(
            batch, of: run.examples, tokensAtOnce: run.memoryPlan.cut.tokensAtOnce)
          {
            let tokens = MicroBatch(run.examples, indices: part, sharesPrefixes: true).tokens.count
            largest = max(largest, tokens)
          }
        }
      }
    }
    let validation = FineTuning.measuredParts(
      Array(run.validation.indices), of: run.validation,
      tokensAtOnce: run.memoryPlan.cut.tokensAtOnce)
    #expect(
      run.memoryPlan.cut.largestPart == max(largest, validation.map(\.tokens).max() ?? 0))
  }

  @Test("what cannot fit is refused in one sentence")
  func refusal() throws {
    do {
      _ = try Self.run(maxMemory: 1_000_000)
      Issue.record("1 MB cannot suffice")
    } catch {
      let text = "\(error)"
      #expect(
        text.hasPrefix("training.max_memory: 1 MB do not suffice, the smallest plan takes "))
      #expect(text.contains("; raise it, "))
      #expect(text.contains("lower data.max_length") || text.contains("lower lora.r"))
      #expect(!text.contains("\n"))
    }
  }
}

import Datasets
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

@testable import CausalLM

@Suite("Memory plan") struct MemoryPlanTests {
  private static func model(
    _ targets: LoRAConfiguration.Targets = .allLinear, layers: [Int]? = nil, dropout: Double = 0,
    of path: String = "models/tiny-tied", usesDoRA: Bool = false
  ) throws -> CausalLM {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path(path)))
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, dropout: dropout, targets: targets, layers: layers, usesDoRA: usesDoRA)
    model.attach(
      LoRAAdapter(
        shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration))
    return model
  }

  private static let workload = MemoryPlan.Workload(
    cuts: [
      .init(tokensAtOnce: 256, largestPart: 250, mostSupervised: 250, computedTokens: 12_000),
      .init(tokensAtOnce: 512, largestPart: 500, mostSupervised: 500, computedTokens: 10_000),
      .init(tokensAtOnce: 1_024, largestPart: 1_000, mostSupervised: 1_000, computedTokens: 9_800),
      .init(tokensAtOnce: 2_048, largestPart: 2_000, mostSupervised: 2_000, computedTokens: 9_700),
    ], longestRow: 200, adapterCopies: 4, dataBytes: 1_000, threads: 2)

  @Test("has no more logits at one time than fit some bytes, whatever the vocabulary")
  func logitBytes() {
    let rows = { (vocabulary: Int) in
      ActivationPlan().headRows(tokens: 4_096, vocabularySize: vocabulary)
    }
    #expect(rows(49_152) == 512 && rows(262_144) == 128 && rows(1 << 28) == 1)
    #expect(ActivationPlan().headRows(tokens: 3, vocabularySize: 262_144) == 3)
  }

  @Test("of activations and logits is what their buffers take", arguments: [false, true])
  func equalsBuffers(_ usesDoRA: Bool) throws {
    for (targets, layers, dropout, path) in [
      (.allLinear, nil, 0.25, "models/tiny-tied"),
      (.names(["q_proj", "o_proj"]), nil, 0, "models/tiny-tied"),
      (.allLinear, [1], 0, "models/tiny-tied"),
      (.names(["down_proj"]), [0], 0.25, "models/tiny-tied"),
      (.allLinear, nil, 0, "families/llama"), (.allLinear, nil, 0.25, "families/qwen3"),
      (.allLinear, [3], 0, "families/smollm3"), (.allLinear, nil, 0.25, "families/gemma3_text"),
      (.allLinear, [1, 2], 0, "families/gemma2"),
    ] as [(LoRAConfiguration.Targets, [Int]?, Double, String)] {
      let model = try Self.model(
        targets, layers: layers, dropout: dropout, of: path, usesDoRA: usesDoRA)
      for storage in ActivationPlan.Storage.allCases {
        for kept in [0, 1, .max] {
          for (tokens, rows) in [(128, 256), (384, 64)] {
            let plan = ActivationPlan(
              tokens: tokens, storage: storage, keptBlocks: kept, logitRows: rows)
            let (activations, logits) = ActivationStore.byteCounts(of: model, plan)
            let store = ActivationStore(model: model, plan: plan, isRecording: true)
            #expect(activations + logits == store.byteCount, "\(plan)")
          }
        }
      }
    }
  }

  @Test("makes room once, for training and for validation")
  func makesRoomOnce() throws {
    let model = try Self.model()
    let plan = MemoryPlan(model, Self.workload, Self.workload.cuts[1], ActivationPlan())
    #expect(plan.activations.tokens == 512)
    model.keepActivations(plan.activations)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: [0, 1], sharesPrefixes: false)
    _ = model.accumulateGradients(batch, gradientScale: 1, dropout: nil)
    let store = try #require(model.recordingStore)
    #expect(store.capacity == 512)
    _ = model.loss(MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: true))
    #expect(model.recordingStore === store)
    #expect(model.plainStore == nil)
  }

  @Test("keeps everything in f32 where nothing limits it, in parts that are large enough")
  func withoutLimit() throws {
    let model = try Self.model()
    let plan = try #require(MemoryPlan.fastest(model, Self.workload, limit: nil))
    #expect(plan.cut.tokensAtOnce == 512)
    #expect(plan.repeatedBlocks == 0 && plan.activations.storage == .f32)
    #expect(plan.choices == "512 tokens at once, activations kept in f32")
    // A larger part that saves more than a tenth is worth its memory.
    var sharing = Self.workload
    sharing.cuts[2] = .init(
      tokensAtOnce: 1_024, largestPart: 1_000, mostSupervised: 1_000, computedTokens: 8_000)
    #expect(try #require(MemoryPlan.fastest(model, sharing, limit: nil)).cut.tokensAtOnce == 1_024)
  }

  @Test("makes no more rows of logits than a part has supervised tokens")
  func fewSupervisedTokens() throws {
    let model = try Self.model()
    var few = Self.workload
    few.cuts = [
      .init(tokensAtOnce: 512, largestPart: 500, mostSupervised: 70, computedTokens: 10_000)
    ]
    let (all, some) = (
      try #require(MemoryPlan.fastest(model, Self.workload, limit: nil)),
      try #require(MemoryPlan.fastest(model, few, limit: nil))
    )
    #expect(all.activations.logitRows == 500 && some.activations.logitRows == 70)
    let perRow = 4 * (model.configuration.vocabularySize + 2 * model.configuration.hiddenSize + 1)
    #expect(all.totalBytes - some.totalBytes >= 430 * perRow)
    few.cuts[0] = .init(
      tokensAtOnce: 512, largestPart: 500, mostSupervised: 0, computedTokens: 10_000)
    #expect(try #require(MemoryPlan.fastest(model, few, limit: nil)).activations.logitRows == 1)
  }

  @Test("stays within a limit, is faster with more of it, and is refused below the smallest")
  func withLimit() throws {
    let model = try Self.model()
    let smallest = MemoryPlan.smallest(model, Self.workload).totalBytes
    #expect(MemoryPlan.fastest(model, Self.workload, limit: smallest - 1) == nil)
    var last = Double.infinity
    for limit in stride(from: smallest, to: smallest + 20_000_000, by: 200_000) {
      let plan = try #require(MemoryPlan.fastest(model, Self.workload, limit: limit))
      #expect(plan.totalBytes <= limit)
      #expect(plan.relativeTime <= last)
      last = plan.relativeTime
    }
    let plenty = try #require(MemoryPlan.fastest(model, Self.workload, limit: 1 << 30))
    #expect(plenty.repeatedBlocks == 0 && plenty.activations.storage == .f32)
    // A run that goes on keeps what its numbers depend on.
    let rounded = try #require(
      MemoryPlan.fastest(model, Self.workload, storages: [.bf16], limit: 1 << 30))
    #expect(rounded.activations.storage == .bf16)
  }

  @Test("counts weights where they are: mapped, in NF4, and a second time in integers")
  func weights() throws {
    let file = try ModelFile.open(Fixture.path("models/tiny-tied"))
    let stored = try CausalLM.load(file)
    let nf4 = try CausalLM.load(file, precision: .nf4(doubleQuantized: true))
    #expect(nf4.residentWeightBytes() < stored.residentWeightBytes())
    let embedding = stored.embedding.byteCount
    #expect(stored.residentWeightBytes() > stored.weightBytes)
    // In integers NF4 stays beside the copy in 8 bits, and a mapped matrix that is not the embedding goes.
    let (before, beforeNF4) = (stored.residentWeightBytes(), nf4.residentWeightBytes())
    stored.compute(in: .w8a8)
    nf4.compute(in: .w8a8)
    let parameters = stored.adaptableLayers.reduce(0) { $0 + $1.inputs * $1.outputs }
    #expect(nf4.residentWeightBytes() - beforeNF4 > parameters)
    #expect(stored.residentWeightBytes() < before)
    #expect(stored.residentWeightBytes() > embedding + parameters)
  }
}

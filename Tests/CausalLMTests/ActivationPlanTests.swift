import CausalLM
import Datasets
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

@Suite("Kept activations") struct ActivationPlanTests {
  /// What is adapted, and what is dropped of its inputs.
  struct Case: Sendable, CustomTestStringConvertible {
    let targets: LoRAConfiguration.Targets
    var layers: [Int]?
    var dropout = 0.0
    var arithmetic = Arithmetic.f32
    var testDescription: String { "\(targets) \(layers ?? []) \(dropout) \(arithmetic)" }
  }

  static let cases = [
    Case(targets: .allLinear, dropout: 0.25),
    Case(targets: .names(["q_proj", "k_proj", "v_proj", "o_proj"])),
    Case(targets: .names(["down_proj"]), dropout: 0.25),
    Case(targets: .allLinear, layers: [1], dropout: 0.25),
    Case(targets: .names(["gate_proj", "v_proj"]), arithmetic: .w8a16),
  ]

  private static func model(_ test: Case) throws -> (CausalLM, LoRAAdapter) {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, dropout: test.dropout, targets: test.targets, layers: test.layers)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    var numbers = SeededNumbers(5)
    for (index, number) in numbers.floats(adapter.parameters.count, within: 0.1).enumerated() {
      adapter.parameters.base[index] = number
    }
    model.attach(adapter)
    model.compute(in: test.arithmetic)
    return (model, adapter)
  }

  /// Loss and gradients of two micro-batches, of which one shares beginnings, and the loss without gradients between.
  private static func numbers(_ test: Case, _ plan: ActivationPlan) throws -> [Float] {
    let (model, adapter) = try model(test)
    model.keepActivations(plan)
    let examples = SharedPrefixTests.examples(seed: 1)
    let indices = Array(examples.indices)
    let dropout = test.dropout > 0 ? DropoutSeed(seed: 3, step: 5) : nil
    var losses: [Float] = []
    for shares in [true, false] {
      let batch = MicroBatch(examples, indices: indices, sharesPrefixes: shares)
      losses.append(
        Float(model.accumulateGradients(batch, gradientScale: 0.01, dropout: dropout).loss))
      losses.append(Float(model.loss(batch).loss))
    }
    return losses
      + UnsafeBufferPointer(start: adapter.gradients.base, count: adapter.gradients.count)
  }

  @Test("made again give the bits that they give when kept", arguments: cases)
  func repetition(_ test: Case) throws {
    let kept = try Self.numbers(test, ActivationPlan())
    #expect(largestMagnitude(Array(kept.dropFirst(4))) > 0)
    for blocks in 0...2 {
      for rows in [7, 64] {
        expectSameBits(
          try Self.numbers(
            test, ActivationPlan(tokens: 300, keptBlocks: blocks, logitRows: rows)), kept,
          "\(blocks) blocks kept, \(rows) rows of logits:")
      }
    }
  }

  @Test("in bf16 leave the loss as it is and change gradients by less than a hundredth", arguments: cases)
  func rounding(_ test: Case) throws {
    let kept = try Self.numbers(test, ActivationPlan())
    let rounded = try Self.numbers(test, ActivationPlan(storage: .bf16))
    expectSameBits(Array(rounded.prefix(4)), Array(kept.prefix(4)))
    let error = relativeError(Array(rounded.dropFirst(4)), Array(kept.dropFirst(4)))
    #expect(error < 1e-2)
    // Where a block before the last has an adapter, something was rounded.
    #expect(error > 1e-6 || test.layers != nil)
    // No block kept: none is rounded.
    expectSameBits(
      try Self.numbers(test, ActivationPlan(storage: .bf16, keptBlocks: 0)), kept)
  }
}

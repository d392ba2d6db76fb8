import CausalLM
import Datasets
import Foundation
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
    var usesDoRA = false
    var testDescription: String {
      "\(targets) \(layers ?? []) \(dropout) \(arithmetic) \(usesDoRA)"
    }
  }

  static let cases = [
    Case(targets: .allLinear, dropout: 0.25),
    Case(targets: .names(["q_proj", "k_proj", "v_proj", "o_proj"])),
    Case(targets: .names(["down_proj"]), dropout: 0.25),
    Case(targets: .allLinear, layers: [1], dropout: 0.25),
    Case(targets: .names(["gate_proj", "v_proj"]), arithmetic: .w8a16),
    Case(targets: .allLinear, dropout: 0.25, usesDoRA: true),
    Case(targets: .names(["q_proj", "v_proj", "down_proj"]), arithmetic: .w8a16, usesDoRA: true),
  ]

  private static func model(_ test: Case) throws -> (CausalLM, LoRAAdapter) {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, dropout: test.dropout, targets: test.targets, layers: test.layers,
      usesDoRA: test.usesDoRA)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    var numbers = SeededNumbers(5)
    for (index, number) in numbers.floats(adapter.parameters.count, within: 0.1).enumerated() {
      adapter.parameters.base[index] = number
    }
    model.updateMagnitudes(of: adapter, initializing: true)
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

  @Test(
    "in bf16 leave the loss as it is and change gradients by less than a hundredth",
    arguments: cases)
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

  private static let modelPath = ProcessInfo.processInfo.environment["LORIKEET_TEST_MODEL"]

  @Test(
    "of a real model: made again they give the same gradients, in bf16 nearly the same",
    .enabled(if: modelPath != nil))
  func realModelGradients() throws {
    let model = try CausalLM.load(try ModelFile.open(try #require(Self.modelPath)))
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, dropout: 0.05,
      targets: .names(["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]))
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    adapter.initialize(.kaimingUniform, seed: 1)
    var numbers = SeededNumbers(1)
    for module in adapter.modules {
      let count = module.rank * module.outputs
      for (index, number) in numbers.floats(count, within: 0.01).enumerated() {
        module.b[index] = number
      }
    }
    model.attach(adapter)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: true)
    func gradients(_ plan: ActivationPlan) -> [Float] {
      model.keepActivations(plan)
      adapter.clearGradients()
      _ = model.accumulateGradients(
        batch, gradientScale: 0.01, dropout: DropoutSeed(seed: 1, step: 1))
      return adapter.gradients.array
    }
    let kept = gradients(ActivationPlan())
    expectSameBits(gradients(ActivationPlan(keptBlocks: 11)), kept)
    let rounded = gradients(ActivationPlan(storage: .bf16))
    let squares = zip(rounded, kept).map { pow(Double($0) - Double($1), 2) }.reduce(0, +)
    let error = (squares / kept.reduce(0) { $0 + Double($1) * Double($1) }).squareRoot()
    print("bf16: |Δgradient| / |gradient| = \(error)")
    #expect(error < 1e-2)
  }
}

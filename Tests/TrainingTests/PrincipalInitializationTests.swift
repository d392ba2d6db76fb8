import CausalLM
import Configuration
import Foundation
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import TestSupport
import Testing

@testable import Training

@Suite("PiSSA", .enabled(if: Method.hasLAPACK)) struct PrincipalInitializationTests {
  private static func starting(
    _ lora: RunConfiguration.LoRA, _ precision: String = "f32"
  ) throws -> (CausalLM, LoRAAdapter) {
    let model = try TrajectoryTests.model(precision)
    return (model, try LoRAAdapter.starting(lora, for: model, seed: 1))
  }

  @Test(
    "residual and principal part together are the base", arguments: ["f32", "nf4"], [false, true])
  func beginsAsTheBase(_ precision: String, _ usesRSLoRA: Bool) throws {
    let (model, adapter) = try Self.starting(
      .init(rank: 5, alpha: 7, useRSLoRA: usesRSLoRA, initLoRAWeights: .pissa), precision)
    let batch = TokenBatch(sequences: [[1, 85, 91, 59, 20, 7, 300]])
    let base = model.logits(batch).flatMap { $0 }
    model.attach(adapter)
    #expect(relativeError(model.logits(batch).flatMap { $0 }, base) < 1e-5)
    #expect(adapter.configuration.rank == 10)
    let scale = usesRSLoRA ? 7 / 5.0.squareRoot() : 7.0 / 5
    #expect(
      adapter.modules.allSatisfy { abs(Double($0.scale) / scale - 1) < 1e-6 && $0.rank == 10 })
  }

  @Test("a resumed run decomposes nothing, and goes on with the checkpoint's numbers")
  func resumes() throws {
    let lora = RunConfiguration.LoRA(rank: 4, alpha: 8, initLoRAWeights: .pissa)
    func run(isResuming: Bool) throws -> FineTuning {
      let model = try TrajectoryTests.model("f32")
      return try TrajectoryTests.run(
        model,
        try LoRAAdapter.starting(lora, for: model, seed: 1, isResuming: isResuming) { _, _ in
          #expect(!isResuming)
        }, maxSteps: 4)
    }
    let whole = try Method.finish(try run(isResuming: false))
    let stopped = try run(isResuming: false)
    _ = try stopped.run { event in
      if case .step(let report) = event, report.step == 2 { return .stop }
      return .resume
    }
    let path = NSTemporaryDirectory() + "lorikeet-pissa-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Checkpoint.write(path, run: stopped, identity: .init(), baseModel: "tiny")
    let resumed = try run(isResuming: true)
    #expect(resumed.adapter.parameters.array.allSatisfy { $0 == 0 })
    try Checkpoint.restore(path, into: resumed, identity: .init())
    expectSameBits(try Method.finish(resumed), whole)
  }

  @Test("the principal part is the nearest matrix of its rank")
  func nearest() throws {
    let (model, adapter) = try Self.starting(.init(rank: 3, alpha: 3, initLoRAWeights: .pissa))
    for module in adapter.modules {
      let weight = try #require(model.weight(named: module.name))
      // What is left has nothing in the directions that were taken: (W − B₀ A₀) A₀ᵀ = 0.
      var row = [Float](repeating: 0, count: module.inputs)
      for output in 0..<module.outputs {
        weight.readRow(output, into: &row)
        for taken in 0..<3 {
          let direction = (0..<module.inputs).map { module.a[taken * module.inputs + $0] }
          let rest = row.indices.reduce(0.0) { sum, column in
            let part = (0..<3).reduce(0.0) {
              $0 + Double(module.b[output * 6 + $1]) * Double(module.a[$1 * module.inputs + column])
            }
            return sum + (Double(row[column]) - part) * Double(direction[column])
          }
          let size = largestMagnitude(direction) * largestMagnitude(row)
          #expect(rest.magnitude < 1e-4 * size * Double(module.inputs), "\(module.name)")
        }
      }
    }
  }

  @Test("half of the numbers stays as it was, decay or not")
  func frozenHalf() throws {
    let (model, adapter) = try Self.starting(.init(rank: 4, alpha: 8, initLoRAWeights: .pissa))
    func frozen() -> [Float] {
      adapter.modules.flatMap { module in
        (4 * module.inputs..<8 * module.inputs).map { module.a[$0] }
          + (0..<module.outputs).flatMap { row in (4..<8).map { module.b[row * 8 + $0] } }
      }
    }
    let before = frozen()
    let learnt = adapter.modules.map { $0.a[0] }
    let run = try TrajectoryTests.run(model, adapter, maxSteps: 3) {
      $0.weightDecay = 0.1
      $0.loraPlusRatio = 2
    }
    _ = try Method.finish(run)
    expectSameBits(frozen(), before)
    #expect(zip(adapter.modules.map { $0.a[0] }, learnt).allSatisfy { $0 != $1 })
  }

  @Test("is saved as a plain adapter of twice the rank that gives the same logits")
  func isSavedPlain() throws {
    let (model, adapter) = try Self.starting(
      .init(
        rank: 4, alpha: 8, rankPattern: [.init(pattern: "q_proj", value: 2)],
        alphaPattern: [.init(pattern: "v_proj", value: 3)], initLoRAWeights: .pissa))
    _ = try Method.finish(try TrajectoryTests.run(model, adapter, maxSteps: 2))
    let path = NSTemporaryDirectory() + "lorikeet-pissa-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try AdapterFolder.save(adapter, as: path, baseModel: "tiny")
    let (configuration, json) = try AdapterFolder.readConfiguration(path)
    #expect(configuration.rank == 8 && configuration.alpha == 16)
    #expect(json["init_lora_weights"] == .bool(true))
    #expect(json["rank_pattern"]?["q_proj"]?.intValue == 4)
    #expect(json["alpha_pattern"]?["v_proj"]?.intValue == 6)
    let batch = TokenBatch(sequences: [[1, 85, 91, 59, 20, 7, 300]])
    let trained = model.logits(batch).flatMap { $0 }
    model.attach(try AdapterFolder.read(path, for: model.adaptableLayers))
    expectSameBits(model.logits(batch).flatMap { $0 }, trained)
  }

  @Test("a rank beyond the weight's is refused")
  func rankBeyondWeight() throws {
    let model = try TrajectoryTests.model("f32")
    let error = #expect(throws: LoRAError.self) {
      try LoRAAdapter.starting(.init(rank: 1_000, initLoRAWeights: .pissa), for: model, seed: 1)
    }
    #expect(
      error?.description
        == "lora.r: model.layers.0.self_attn.q_proj has 64 singular values, and pissa is to take 1000; lower lora.r or rank_pattern"
    )
  }
}

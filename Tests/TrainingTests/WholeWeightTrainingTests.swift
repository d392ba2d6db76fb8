import CausalLM
import Configuration
import Foundation
import Kernels
import LoRA
import ModelFiles
import Serialization
import TestSupport
import Testing

@testable import Training

/// Runs of `make_whole_fixtures.py`.
@Suite("Training whole weights") struct WholeWeightTrainingTests {
  /// What is trained as a whole.
  enum Extent: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case modules = "modules-to-save"
    case full
    var testDescription: String { rawValue }

    /// The run that the fixture describes.
    func run(
      maxSteps: Int = 20, change: (inout RunConfiguration.Training) -> Void = { _ in }
    ) throws -> FineTuning {
      let model = try TrajectoryTests.model("f32")
      switch self {
      case .modules:
        let adapter = try model.readAdapter(Fixture.path("whole/modules-to-save/initial"))
        return try TrajectoryTests.run(model, adapter, maxSteps: maxSteps, change: change)
      case .full:
        return try TrajectoryTests.run(
          model, LoRAAdapter.allWeights(of: model), maxSteps: maxSteps
        ) {
          $0.learningRate = 2e-3
          change(&$0)
        }
      }
    }
  }

  @Test("follows PEFT and torch over twenty steps", arguments: Extent.allCases)
  func followsTorch(_ extent: Extent) throws {
    let run = try extent.run()
    try TrajectoryTests.expectSteps(of: run, equal: "whole/\(extent.rawValue)/f32")
    if extent == .modules {
      try TrajectoryTests.expectAdapter(of: run, equals: "whole/modules-to-save/f32")
    }
    let final = try TensorFixture(
      extent == .full
        ? "whole/full/f32.safetensors" : "whole/modules-to-save/f32/adapter_model.safetensors")
    let initial = LoRAAdapter.allWeights(of: run.model)
    for whole in run.adapter.wholeWeights {
      let prefix = extent == .full ? "" : "base_model.model."
      let (values, expected) = (
        (0..<whole.count).map { whole.values[$0] }, final.floats("\(prefix)\(whole.name)")
      )
      #expect(relativeError(values, expected) < 1e-3, "\(whole.name)")
      // What was learnt is right, too, and not only what was there before.
      let name = whole.name == "lm_head.weight" ? "model.embed_tokens.weight" : whole.name
      let before = try #require(initial.wholeWeight(named: name))
      let learnt = values.indices.map { values[$0] - before.values[$0] }
      #expect(
        relativeError(learnt, expected.indices.map { expected[$0] - before.values[$0] }) < 1e-3,
        "\(whole.name)")
    }
  }

  @Test(
    "resumes to the steps of the uninterrupted run, to the bit, on any number of threads",
    arguments: Extent.allCases)
  func resume(_ extent: Extent) throws {
    let whole = try ThreadCounts.with(1) { try Method.finish(try extent.run(maxSteps: 6)) }
    let path = NSTemporaryDirectory() + "lorikeet-whole-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let stopped = try extent.run(maxSteps: 6)
    _ = try stopped.run { event in
      if case .step(let report) = event, report.step == 3 { return .stop }
      return .resume
    }
    try Checkpoint.write(path, run: stopped, identity: .init(), baseModel: "tiny")
    let resumed = try extent.run(maxSteps: 6)
    try Checkpoint.restore(path, into: resumed, identity: .init())
    #expect(resumed.state.step == 3)
    expectSameBits(
      try ThreadCounts.with(3) { try Method.finish(resumed) }, whole)

    // A checkpoint that lacks a weight is known for what it is.
    let name = extent == .full ? "weights.safetensors" : "adapter/adapter_model.safetensors"
    try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    #expect(throws: TrainingError.damagedCheckpoint(path: path, reason: "\(name) is missing")) {
      try Checkpoint.restore(path, into: try extent.run(), identity: .init())
    }
  }

  @Test("decays matrices and neither norms nor biases, and under LoRA+ has A's rate for matrices")
  func groups() throws {
    let run = try Extent.modules.run { $0.loraPlusRatio = 4 }
    let groups = run.adapter.parameterGroups(outputRateRatio: 4).suffix(
      run.adapter.wholeWeights.count)
    for (whole, group) in zip(run.adapter.wholeWeights, groups) {
      let isNorm = whole.name.contains("norm")
      #expect(group.decays == !isNorm && group.rateFactor == (isNorm ? 4 : 1), "\(whole.name)")
      #expect(group.region.offset == whole.values - run.adapter.parameters.base)
      #expect(group.region.columns == whole.count)
    }
    let covered = run.adapter.parameterGroups().reduce(0) {
      $0 + $1.region.rows * $1.region.columns
    }
    #expect(covered == run.adapter.parameters.count)
  }

  @Test("says which weight's gradient is not finite")
  func notFinite() throws {
    let run = try Extent.full.run(maxSteps: 1)
    let norm = try #require(run.adapter.wholeWeight(named: "model.norm.weight"))
    norm.gradients[3] = .infinity
    let error = run.explainNonFinite(0, [0], loss: 1, DropoutSeed(seed: 1, step: 0))
    #expect(
      error.description.contains("the gradient is not a finite number, first in model.norm.weight"))
  }
}

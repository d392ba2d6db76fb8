import Configuration
import Foundation
import LoRA
import Serialization
import TestSupport
import Testing

@testable import Training

@Suite("Numerical guards") struct NumericalGuardTests {
  /// Runs until a module's B is spoilt before the third step, and returns what ended it.
  private func error(
    spoiling name: String, with value: Float, after save: ((FineTuning) throws -> String)? = nil
  ) throws -> TrainingError? {
    let run = try TrajectoryTests.run("all-linear-rslora", "f32")
    let module = try #require(run.adapter.module(named: name))
    do {
      if let save { _ = try run.run(save: save) { if case .step = $0 { .stop } else { .resume } } }
      _ = try run.run { event in
        if case .step(let report) = event, report.step == 2 { module.b[1] = value }
        return .resume
      }
      return nil
    } catch let error as TrainingError {
      #expect(run.state.step == 2, "the step that failed is not counted")
      return error
    }
  }

  @Test(
    "a loss that is not a number names the step, the block where it began, and the rows",
    arguments: [(0, "mlp.down_proj"), (1, "self_attn.q_proj"), (1, "mlp.up_proj")])
  func namesTheBlock(_ block: Int, _ layer: String) throws {
    let error = try error(spoiling: "model.layers.\(block).\(layer)", with: .nan)
    guard case .notFinite(let step, let quantity, let place, let examples, nil) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(step == 3)
    #expect(quantity == "loss")
    #expect(place == "block \(block)")
    #expect(!examples.isEmpty && examples.allSatisfy { $0.contains("line ") })
  }

  @Test("numbers that are large and finite stop nothing")
  func largeNumbersGoOn() throws {
    #expect(try error(spoiling: "model.layers.0.mlp.down_proj", with: 100) == nil)
  }

  @Test("an infinite number is found as well as one that is none")
  func infinity() throws {
    let error = try error(spoiling: "model.layers.1.self_attn.v_proj", with: .infinity)
    guard case .notFinite(3, _, let place, _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(place == "block 1")
  }

  @Test("the way on is a checkpoint only where one was saved")
  func namesTheCheckpoint() throws {
    let name = "model.layers.0.mlp.down_proj"
    let none = try #require(try error(spoiling: name, with: .nan))
    #expect(none.description.contains("no checkpoint had been saved"), "\(none)")
    #expect(!none.description.contains("resume"), "\(none)")
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = try error(spoiling: name, with: .nan) { run in
      try Checkpoint.write(path, run: run, identity: [:], baseModel: "")
      return path
    }
    let saved = try #require(error)
    #expect(saved.description.contains("the checkpoint of step 1 is from before"), "\(saved)")
    #expect(saved.description.contains("--allow-changes"), "\(saved)")
    // What was resumed from is one as well.
    let resumed = try TrajectoryTests.run("all-linear-rslora", "f32")
    #expect(resumed.checkpointStep == nil)
    try Checkpoint.restore(path, into: resumed, identity: [:])
    #expect(resumed.checkpointStep == 1)
  }

  @Test("a spike is told from noise, and does not move the mean")
  func spikes() {
    var watch = LossWatch()
    var numbers = SeededNumbers(3)
    var flagged = 0
    for _ in 0..<200 {
      if watch.isSpike(2 + 0.2 * Double(numbers.integer(below: 1_000)) / 1_000) { flagged += 1 }
    }
    #expect(flagged == 0)
    let mean = watch.mean
    let flagsHigh = watch.isSpike(6)
    #expect(flagsHigh)
    #expect(watch.mean == mean)
    // A loss that falls is what training is for.
    let flagsLow = watch.isSpike(0.5)
    #expect(!flagsLow)
  }

  @Test("the first steps are no spikes, however high")
  func warmsUp() {
    var watch = LossWatch()
    var flagged = 0
    for step in 0..<15 where watch.isSpike(step == 7 ? 50 : 2) { flagged += 1 }
    #expect(flagged == 0)
  }

  @Test("a spike names the rows of highest loss; layers that learn nothing are named, others not")
  func namesRowsAndDeadLayers() throws {
    let run = try TrajectoryTests.run("attention", "f32")
    let rows = run.rowsOfHighestLoss(Array(run.examples.indices))
    #expect(rows.count == 3)
    let losses = run.examples.indices.map { index in
      (run.rowsOfHighestLoss([index])[0], index)
    }
    #expect(Set(rows).isSubset(of: Set(losses.map(\.0))))

    let dead = run.adapter.modules[1]
    dead.b.update(repeating: 0, count: dead.outputs * dead.rank)
    for module in run.adapter.modules where module.name != dead.name { module.b[0] = 1 }
    #expect(run.deadModules(after: 10) == .deadModules(step: 10, names: [dead.name]))
    #expect(run.deadModules(after: 9) == nil)
    dead.b[0] = 1e-9
    #expect(run.deadModules(after: 10) == nil)
  }
}

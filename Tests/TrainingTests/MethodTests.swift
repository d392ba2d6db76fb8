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

/// A way to train beside plain LoRA, as `make_method_fixtures.py` has it.
struct Method: Sendable, CustomTestStringConvertible {
  let name: String
  var precision = "f32"
  /// The adapter that the run begins with, where it is not the fixture's.
  var lora: RunConfiguration.LoRA?
  var change: @Sendable (inout RunConfiguration.Training) -> Void = { _ in }
  var testDescription: String { "\(name) \(precision)" }

  static let all =
    [
      Method(name: "loraplus") { $0.loraPlusRatio = 4 },
      Method(name: "label-smoothing") { $0.labelSmoothingFactor = 0.1 },
      Method(name: "neftune") { $0.neftuneNoiseAlpha = 5 },
      Method(name: "dora"),
      Method(name: "dora", precision: "nf4"),
      Method(name: "dora-rslora"),
    ]
    + (hasLAPACK
      ? [Method(name: "pissa", lora: .init(rank: 4, alpha: 8, initLoRAWeights: .pissa))] : [])

  /// Whether this machine has what PiSSA needs.
  static let hasLAPACK = dlopen("liblapacke.so.3", RTLD_NOW) != nil

  /// The run that the fixture describes.
  func run(maxSteps: Int = 20) throws -> FineTuning {
    guard let lora else {
      return try TrajectoryTests.run(
        name, precision, folder: "methods", maxSteps: maxSteps, change: change)
    }
    let model = try TrajectoryTests.model(precision)
    return try TrajectoryTests.run(
      model, try LoRAAdapter.starting(lora, for: model, seed: 42), maxSteps: maxSteps,
      change: change)
  }

  /// Takes the steps of a run, and gives its adapter's numbers.
  static func finish(_ run: FineTuning) throws -> [Float] {
    _ = try run.run { _ in .resume }
    return run.adapter.parameters.array
  }
}

@Suite("Methods") struct MethodTests {
  @Test("follow PEFT and torch over twenty steps", arguments: Method.all)
  func followPEFT(_ method: Method) throws {
    let run = try method.run()
    let fixture = "methods/\(method.name)/\(method.precision)"
    // Singular vectors of f32 are less exact than the other numbers.
    try TrajectoryTests.expectSteps(
      of: run, equal: fixture, tolerance: method.name == "pissa" ? 1e-4 : 1e-5)
    if method.name == "pissa" {
      try Self.expectProducts(of: run, equal: fixture)
    } else {
      try TrajectoryTests.expectAdapter(of: run, equals: fixture)
    }
  }

  /// Compares `B A` of every module: singular vectors have no sign of their own, but their products have.
  private static func expectProducts(of run: FineTuning, equal fixture: String) throws {
    let final = try TensorFixture("\(fixture)/adapter_model.safetensors")
    for module in run.adapter.modules {
      func product(_ a: (Int) -> Float, _ b: (Int) -> Float) -> [Float] {
        (0..<module.outputs * module.inputs).map { index in
          let (row, column) = (index / module.inputs, index % module.inputs)
          return (0..<module.rank).reduce(0) {
            $0 + b(row * module.rank + $1) * a($1 * module.inputs + column)
          }
        }
      }
      let (a, b) = (
        final.floats("base_model.model.\(module.name).lora_A.weight"),
        final.floats("base_model.model.\(module.name).lora_B.weight")
      )
      #expect(a.count == module.rank * module.inputs)
      let error = relativeError(
        product({ module.a[$0] }, { module.b[$0] }), product({ a[$0] }, { b[$0] }))
      #expect(error < 1e-3, "\(module.name)")
    }
  }

  @Test("a resumed run takes the steps of the uninterrupted one, to the bit", arguments: Method.all)
  func resume(_ method: Method) throws {
    let whole = try Method.finish(try method.run(maxSteps: 6))
    let path = NSTemporaryDirectory() + "lorikeet-method-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let stopped = try method.run(maxSteps: 6)
    _ = try stopped.run { event in
      if case .step(let report) = event, report.step == 3 { return .stop }
      return .resume
    }
    try Checkpoint.write(path, run: stopped, identity: .init(), baseModel: "tiny")
    let resumed = try method.run(maxSteps: 6)
    try Checkpoint.restore(path, into: resumed, identity: .init())
    #expect(resumed.state.step == 3)
    expectSameBits(try Method.finish(resumed), whole)
  }

  @Test("the adapter does not depend on the number of threads", arguments: Method.all)
  func threads(_ method: Method) throws {
    let adapters = try [1, 2, 3].map { count in
      try ThreadCounts.with(count) { try Method.finish(try method.run(maxSteps: 3)) }
    }
    expectSameBits(adapters[1], adapters[0], "2 threads")
    expectSameBits(adapters[2], adapters[0], "3 threads")
  }

  @Test("settings that change nothing give the bits of plain LoRA")
  func neutral() throws {
    let plain = try Method.finish(try TrajectoryTests.run("attention", "f32", maxSteps: 3))
    let neutral = try TrajectoryTests.run("attention", "f32", maxSteps: 3) {
      $0.loraPlusRatio = 1
      $0.labelSmoothingFactor = 0
      $0.neftuneNoiseAlpha = 0
    }
    expectSameBits(try Method.finish(neutral), plain)
  }
}

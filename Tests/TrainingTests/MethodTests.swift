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
  var change: @Sendable (inout RunConfiguration.Training) -> Void = { _ in }
  var testDescription: String { "\(name) \(precision)" }

  static let all = [
    Method(name: "loraplus") { $0.loraPlusRatio = 4 },
    Method(name: "label-smoothing") { $0.labelSmoothingFactor = 0.1 },
    Method(name: "neftune") { $0.neftuneNoiseAlpha = 5 },
    Method(name: "dora"),
    Method(name: "dora", precision: "nf4"),
    Method(name: "dora-rslora"),
  ]

  /// The run that the fixture describes.
  func run(maxSteps: Int = 20) throws -> FineTuning {
    try TrajectoryTests.run(
      name, precision, folder: "methods", maxSteps: maxSteps, change: change)
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
    try TrajectoryTests.expectSteps(of: run, equal: fixture)
    try TrajectoryTests.expectAdapter(of: run, equals: fixture)
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

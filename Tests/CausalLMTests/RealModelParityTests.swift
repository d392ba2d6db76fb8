import CausalLM
import Foundation
import ModelFiles
import TestSupport
import Testing

/// SmolLM2 itself against Transformers, by hand, since the reference needs Python.
///
///     python scripts/parity_smollm2.py --output /tmp/reference.safetensors
///     LORIKEET_PARITY_REFERENCE=/tmp/reference.safetensors swift test --filter RealModelParityTests
@Suite("SmolLM2's logits") struct RealModelParityTests {
  static let reference = ProcessInfo.processInfo.environment["LORIKEET_PARITY_REFERENCE"]
  static let model = "\(Fixture.repository.path)/models/SmolLM2-135M-Instruct.Q4_1.gguf"

  @Test(
    "equal Transformers' within 1e-4 of the largest",
    .enabled(if: reference != nil && FileManager.default.fileExists(atPath: model)))
  func equalTransformers() throws {
    let fixture = try TensorFixture(path: try #require(Self.reference))
    let causalLM = try CausalLM.load(try ModelFile.open(Self.model))
    let names = fixture.names.filter { $0.hasPrefix("input_ids.") }.map { $0.dropFirst(10) }
    #expect(!names.isEmpty)
    for name in names {
      let batch = TokenBatch(sequences: [fixture.integers("input_ids.\(name)")])
      let positions = fixture.integers("positions.\(name)").map(Int.init)
      let logits = causalLM.logits(batch, rows: positions.isEmpty ? nil : positions).flatMap { $0 }
      let error = relativeError(logits, fixture.floats("logits.\(name)"))
      print("\(name): max|Δlogit| / max|logit| = \(error)")
      #expect(error < 1e-4)
    }
  }
}

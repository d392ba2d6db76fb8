import CausalLM
import Datasets
import LoRA
import ModelFiles
import TestSupport
import Testing

@Suite("Gradients") struct GradientTests {
  @Test(
    "of every adapter matrix equal PyTorch's on a ragged batch",
    arguments: ["tiny-tied", "tiny-untied"])
  func equalPyTorch(_ name: String) throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/\(name)")))
    let folder =
      name == "tiny-tied"
      ? "training/all-linear-rslora/initial" : "training/gradients/tiny-untied-adapter"
    let adapter = try AdapterFolder.read(Fixture.path(folder), for: model.adaptableLayers)
    model.attach(adapter)
    let reference = try TensorFixture("training/gradients/\(name).safetensors")
    let (batch, supervised) = Self.batch(reference)
    let sums = model.accumulateGradients(batch, gradientScale: 1 / Float(supervised), dropout: nil)
    #expect(abs(Float(sums.mean) - reference.floats("loss")[0]) < 1e-5)
    for module in adapter.modules {
      let prefix = "grad.base_model.model.\(module.name)"
      let gradA = [Float](
        UnsafeBufferPointer(start: module.gradA, count: module.rank * module.inputs))
      let gradB = [Float](
        UnsafeBufferPointer(start: module.gradB, count: module.rank * module.outputs))
      #expect(
        relativeError(gradA, reference.floats("\(prefix).lora_A.weight")) < 2e-5, "\(module.name) A"
      )
      #expect(
        relativeError(gradB, reference.floats("\(prefix).lora_B.weight")) < 2e-5, "\(module.name) B"
      )
    }
  }

  /// The fixture's packed rows as a batch; a label stands at its token.
  static func batch(_ fixture: TensorFixture) -> (MicroBatch, Int) {
    let ids = fixture.integers("input_ids")
    let labels = fixture.integers("labels")
    var examples: [TokenizedExample] = []
    var start = 0
    for length in fixture.integers("segment_lengths").map(Int.init) {
      let range = start..<start + length
      examples.append(
        TokenizedExample(
          tokens: Array(ids[range]), lossWeights: labels[range].map { $0 == -100 ? 0 : 1 },
          source: ExampleSource(path: "fixture", line: examples.count + 1)))
      start += length
    }
    let batch = MicroBatch(examples, indices: Array(examples.indices))
    return (batch, batch.supervisedTokens)
  }
}

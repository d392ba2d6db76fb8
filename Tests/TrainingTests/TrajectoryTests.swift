import CausalLM
import Configuration
import Datasets
import LoRA
import ModelFiles
import Serialization
import TestSupport
import Testing
import Training

@Suite("Twenty steps") struct TrajectoryTests {
  @Test(
    "follow the losses, norms and adapter of PEFT and torch's AdamW",
    arguments: [
      ("attention", "f32"), ("attention", "nf4"), ("all-linear-rslora", "f32"),
      ("all-linear-rslora", "nf4"),
    ])
  func followPEFT(_ adapterName: String, _ precision: String) throws {
    let run = try Self.run(adapterName, precision)
    let reference = try JSON.parse(try Fixture.bytes("training/\(adapterName)/\(precision).json"))
    var steps: [StepReport] = []
    _ = try run.run { event in
      if case .step(let report) = event { steps.append(report) }
      return .resume
    }
    func numbers(_ key: String) -> [Double] {
      reference[key]?.arrayValue?.compactMap(\.doubleValue) ?? []
    }
    #expect(steps.count == 20)
    for (step, expected) in zip(steps, numbers("losses")) {
      #expect(abs(step.loss - expected) / expected < 1e-5, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("grad_norms")) {
      #expect(abs(step.gradientNorm - expected) / expected < 1e-4, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("learning_rates")) {
      #expect(abs(step.learningRate - expected) <= 1e-12, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("supervised_tokens")) {
      #expect(Double(step.supervisedTokens) == expected)
    }
    let final = try TensorFixture("training/\(adapterName)/\(precision)/adapter_model.safetensors")
    for module in run.adapter.modules {
      let a = [Float](UnsafeBufferPointer(start: module.a, count: module.rank * module.inputs))
      let b = [Float](UnsafeBufferPointer(start: module.b, count: module.rank * module.outputs))
      #expect(
        relativeError(a, final.floats("base_model.model.\(module.name).lora_A.weight")) < 1e-3)
      #expect(
        relativeError(b, final.floats("base_model.model.\(module.name).lora_B.weight")) < 1e-3)
    }
  }

  /// The run that the fixture describes.
  static func run(_ adapterName: String, _ precision: String, maxSteps: Int = 20) throws
    -> FineTuning
  {
    let file = try ModelFile.open(Fixture.path("models/tiny-tied"))
    let model = try CausalLM.load(
      file, precision: precision == "nf4" ? .nf4(doubleQuantized: true) : .stored)
    let adapter = try AdapterFolder.read(
      Fixture.path("training/\(adapterName)/initial"), for: model.adaptableLayers)
    let sequences = try JSON.parse(try Fixture.bytes("training/sequences.json"))
    let examples = (sequences["sequences"]?.arrayValue ?? []).enumerated().map { index, row in
      let tokens = row["input_ids"]?.arrayValue?.compactMap(\.intValue) ?? []
      let labels = row["labels"]?.arrayValue?.compactMap(\.intValue) ?? []
      return TokenizedExample(
        tokens: tokens.map(Int32.init), lossWeights: labels.map { $0 == -100 ? 0 : 1 },
        source: ExampleSource(path: "sequences.json", line: index + 1))
    }
    let configuration = RunConfiguration.Training(
      outputDir: "", maxSteps: maxSteps, perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 2,
      learningRate: 1e-2, lrSchedulerType: .cosine, warmupSteps: 3, weightDecay: 0.01)
    return try FineTuning(
      configuration: configuration, shuffle: false, model: model, adapter: adapter,
      examples: examples)
  }
}

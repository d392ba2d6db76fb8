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
    try Self.expectSteps(of: run, equal: "training/\(adapterName)/\(precision)")
    try Self.expectAdapter(of: run, equals: "training/\(adapterName)/\(precision)")
  }

  /// Takes the steps of a run and compares losses, gradient norms and rates with a fixture's.
  ///
  /// - Parameter tolerance: of a loss, relative; of a norm ten times that.
  static func expectSteps(of run: FineTuning, equal fixture: String, tolerance: Double = 1e-5)
    throws
  {
    let reference = try JSON.parse(try Fixture.bytes("\(fixture).json"))
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
      #expect(abs(step.loss - expected) / expected < tolerance, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("grad_norms")) {
      #expect(abs(step.gradientNorm - expected) / expected < 10 * tolerance, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("learning_rates")) {
      #expect(abs(step.learningRate - expected) <= 1e-12, "step \(step.step)")
    }
    for (step, expected) in zip(steps, numbers("supervised_tokens")) {
      #expect(Double(step.supervisedTokens) == expected)
    }
  }

  /// Compares A and B of a run with those of a fixture.
  static func expectAdapter(of run: FineTuning, equals fixture: String) throws {
    let final = try TensorFixture("\(fixture)/adapter_model.safetensors")
    for module in run.adapter.modules {
      let a = [Float](UnsafeBufferPointer(start: module.a, count: module.rank * module.inputs))
      let b = [Float](UnsafeBufferPointer(start: module.b, count: module.rank * module.outputs))
      #expect(
        relativeError(a, final.floats("base_model.model.\(module.name).lora_A.weight")) < 1e-3)
      #expect(
        relativeError(b, final.floats("base_model.model.\(module.name).lora_B.weight")) < 1e-3)
      guard let magnitude = module.magnitude else { continue }
      let values = [Float](UnsafeBufferPointer(start: magnitude.values, count: module.outputs))
      #expect(
        relativeError(
          values, final.floats("base_model.model.\(module.name).lora_magnitude_vector")) < 1e-3)
    }
  }

  /// The run that the fixture describes.
  ///
  /// - Parameters:
  ///   - folder: where in the fixtures the adapter's folder is.
  ///   - change: what is set otherwise than for plain LoRA.
  static func run(
    _ adapterName: String, _ precision: String, folder: String = "training", maxSteps: Int = 20,
    change: (inout RunConfiguration.Training) -> Void = { _ in }
  ) throws -> FineTuning {
    let model = try model(precision)
    let adapter = try AdapterFolder.read(
      Fixture.path("\(folder)/\(adapterName)/initial"), for: model.adaptableLayers)
    return try run(model, adapter, maxSteps: maxSteps, change: change)
  }

  /// The base of the fixtures, `nf4` or as it is stored.
  static func model(_ precision: String) throws -> CausalLM {
    try CausalLM.load(
      try ModelFile.open(Fixture.path("models/tiny-tied")),
      precision: precision == "nf4" ? .nf4(doubleQuantized: true) : .stored)
  }

  /// The fixtures' steps from any adapter.
  static func run(
    _ model: CausalLM, _ adapter: LoRAAdapter, maxSteps: Int = 20,
    change: (inout RunConfiguration.Training) -> Void = { _ in }
  ) throws -> FineTuning {
    let sequences = try JSON.parse(try Fixture.bytes("training/sequences.json"))
    let examples = (sequences["sequences"]?.arrayValue ?? []).enumerated().map { index, row in
      let tokens = row["input_ids"]?.arrayValue?.compactMap(\.intValue) ?? []
      let labels = row["labels"]?.arrayValue?.compactMap(\.intValue) ?? []
      return TokenizedExample(
        tokens: tokens.map(Int32.init), lossWeights: labels.map { $0 == -100 ? 0 : 1 },
        source: ExampleSource(path: "sequences.json", line: index + 1))
    }
    var configuration = RunConfiguration.Training(
      outputDir: "", maxSteps: maxSteps, perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 2,
      learningRate: 1e-2, lrSchedulerType: .cosine, warmupSteps: 3, weightDecay: 0.01)
    change(&configuration)
    return try FineTuning(
      configuration: configuration, shuffle: false, model: model, adapter: adapter,
      examples: examples)
  }
}

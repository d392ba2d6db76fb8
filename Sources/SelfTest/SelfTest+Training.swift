internal import CausalLM
internal import Configuration
internal import Datasets
internal import Inference
internal import Kernels
internal import LoRA
internal import ModelFiles
internal import Serialization
internal import Training

extension SelfTest {
  static var trainingChecks: [Check] {
    [
      Check(
        name: "accumulation", claim: "four micro-batches have the gradient of one large batch",
        bound: 1e-5, measure: accumulation),
      Check(
        name: "shared beginnings", claim: "computed once, they leave loss and gradient as they are",
        bound: 1e-5, measure: sharing),
      Check(
        name: "threads", claim: "one thread or three give the same bits", bound: 0, measure: threads
      ),
      Check(
        name: "resume", claim: "a run that was stopped ends with the bits of one that was not",
        bound: 0, measure: resume),
    ]
  }

  private static func accumulation(_ folder: String) throws -> Double {
    let (chat, adapter) = try adaptedModel(in: folder)
    let examples = examples(8)
    let whole = gradient(chat.model, adapter, examples, parts: [Array(0..<8)])
    // Parts of unequal size: each token counts once, not each part.
    let parts = gradient(chat.model, adapter, examples, parts: [[0, 1, 2], [3], [4, 5], [6, 7]])
    return max(
      relativeError(parts.gradients, whole.gradients),
      abs(parts.loss - whole.loss) / whole.loss)
  }

  private static func sharing(_ folder: String) throws -> Double {
    let (chat, adapter) = try adaptedModel(in: folder)
    let examples = examples(8)
    let apart = gradient(chat.model, adapter, examples, parts: [Array(0..<8)])
    let shared = gradient(
      chat.model, adapter, examples, parts: [Array(0..<8)], sharesPrefixes: true)
    return max(
      relativeError(shared.gradients, apart.gradients), abs(shared.loss - apart.loss) / apart.loss)
  }

  /// A run of eight steps over twelve rows, with dropout, so that random masks are a part of it.
  private static func fineTuning(_ folder: String, model path: String) throws -> FineTuning {
    let chat = try CausalLM.load(try .open(path), precision: .nf4(doubleQuantized: true))
    let adapter = try LoRAAdapter.starting(
      RunConfiguration.LoRA(rank: 4, alpha: 8, dropout: 0.1), for: chat, seed: 42)
    return try FineTuning(
      configuration: RunConfiguration.Training(
        outputDir: folder, maxSteps: 8, perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 2,
        learningRate: 1e-2), model: chat, adapter: adapter, examples: examples(12))
  }

  private static func differing(_ a: FineTuning, _ b: FineTuning) -> Double {
    Double(
      zip(a.adapter.parameters.array, b.adapter.parameters.array).count {
        $0.bitPattern != $1.bitPattern
      })
  }

  private static func threads(_ folder: String) throws -> Double {
    try SyntheticModel.write(to: "\(folder)/model")
    let before = Parallel.threads
    defer { Parallel.threads = before }
    let runs = try [1, 3].map { count in
      Parallel.threads = count
      let run = try fineTuning("\(folder)/run", model: "\(folder)/model")
      _ = try run.run { _ in .resume }
      return run
    }
    return differing(runs[0], runs[1])
  }

  private static func resume(_ folder: String) throws -> Double {
    let model = "\(folder)/model"
    try SyntheticModel.write(to: model)
    let whole = try fineTuning("\(folder)/whole", model: model)
    _ = try whole.run { _ in .resume }

    let place = RunFolder("\(folder)/run")
    let stopped = try fineTuning(place.path, model: model)
    try place.create(
      RunConfiguration(
        model: .init(path: model), data: .init(train: ["self test"]),
        training: stopped.configuration))
    let identity: JSONObject = ["check": "resume"]
    _ = try stopped.run(
      save: { try place.save($0, identity: identity, baseModel: model, limit: nil) },
      listener: { event in
        // In the middle of the second epoch.
        if case .step(let report) = event, report.step == 5 { return .stop }
        return .resume
      })
    let resumed = try fineTuning(place.path, model: model)
    _ = try place.resume(resumed, identity: identity) { _ in }
    guard resumed.state.step == 5 else { return .infinity }
    _ = try resumed.run { _ in .resume }
    return differing(whole, resumed)
  }
}

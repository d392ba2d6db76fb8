import CausalLM
import Configuration
import Inference
import Kernels
import LoRA
import Serialization
import Training

/// Optimizer steps of a workload, timed one by one through the same loop as `lorikeet train`.
struct TrainingBenchmark {
  var model: String
  var workload: Workload
  var precision: CausalLM.Precision
  var steps: Int

  func run() throws -> JSONObject {
    let clock = ContinuousClock()
    let began = clock.now
    let chat = try ChatModel(path: model, precision: precision)
    let lora = RunConfiguration.LoRA(rank: 16, alpha: 32, targetModules: .names(workload.targets))
    let adapter = try LoRAAdapter.starting(lora, for: chat.model, seed: 42)
    var settings = RunConfiguration.Training(
      outputDir: "", perDeviceTrainBatchSize: workload.rowsPerStep)
    settings.maxSteps = steps
    settings.learningRate = 5e-4
    settings.evalStrategy = .no
    settings.saveStrategy = .no
    let rows = workload.rows(
      steps: steps, vocabulary: chat.model.configuration.vocabularySize)
    let run = try FineTuning(
      configuration: settings, model: chat.model, adapter: adapter, examples: rows)
    var reports: [StepReport] = []
    var firstStep = 0.0
    _ = try run.run { event in
      if case .step(let report) = event {
        if reports.isEmpty { firstStep = (clock.now - began) / .seconds(1) - report.seconds }
        reports.append(report)
      }
      return .resume
    }
    var json = JSONObject()
    json["workload"] = .string(workload.rawValue)
    json["precision"] = .string(precision.name)
    json["threads"] = .integer(Parallel.threads)
    json["seconds_before_first_step"] = .number(firstStep)
    json["step_seconds"] = .array(reports.map { .number($0.seconds) })
    json["step_tokens"] = .array(reports.map { .integer($0.tokens) })
    json["losses"] = .array(reports.map { .number($0.loss) })
    // As for the peers: the first step warms up.
    let warm = reports.dropFirst()
    json["tokens_per_second"] = .number(
      Double(warm.reduce(0) { $0 + $1.tokens }) / warm.reduce(0) { $0 + $1.seconds })
    return json
  }
}

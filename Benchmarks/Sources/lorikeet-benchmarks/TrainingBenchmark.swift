import CAllocationCounter
import CausalLM
import Configuration
import Datasets
import Inference
import Kernels
import LoRA
import Serialization
import Training

/// Optimizer steps of a workload, timed one by one through the same loop as `lorikeet train`.
struct TrainingBenchmark {
  var model: ModelUnderTest
  var workload: Workload
  var steps: Int

  /// What the listener of the loop saw of one step.
  struct Step {
    var report: StepReport
    /// Seconds from the start of the process to the end of the step.
    var ended: Double
    var allocations: lk_allocation_count
  }

  /// Times the steps.
  func run() throws -> JSONObject {
    let (taken, profile) = try take(try makeRun())
    let reports = taken.map(\.report)
    var json = JSONObject()
    describe(in: &json)
    json["step_seconds"] = .array(reports.map { .number($0.seconds) })
    json["step_tokens"] = .array(reports.map { .integer($0.tokens) })
    json["losses"] = .array(reports.map { .number($0.loss) })
    // As for the peers: the first step warms up, unless it is the only one.
    let warm = reports.count > 1 ? reports.dropFirst() : reports[...]
    json["tokens_per_second"] = .number(
      Double(warm.reduce(0) { $0 + $1.tokens }) / warm.reduce(0) { $0 + $1.seconds })
    if let first = taken.first {
      json["seconds_to_first_step"] = .number(first.ended)
      json["first_step_seconds"] = .number(first.report.seconds)
    }
    json["peak_rss_bytes"] = .integer(try ThisProcess.peakResidentBytes())
    json["profile"] = .object(
      JSONObject(StepProfile.Part.allCases.map { ("\($0)", .number(profile[$0])) }))
    json["profiled_seconds"] = .number(warm.reduce(0) { $0 + $1.seconds })
    return json
  }

  /// Counts heap allocations of the numeric core, forward to optimizer, in steps over batches that stand ready, and of
  /// whole steps, which also lay rows out and report.
  func countAllocations() throws -> JSONObject {
    guard lk_allocations_are_counted() != 0 else {
      throw BenchmarkError.unavailable(
        "allocations are counted with glibc only; run on such a system")
    }
    let run = try makeRun()
    let batches = (0..<steps).map { step in
      FineTuning.parts(
        Array(step * workload.rowsPerStep..<(step + 1) * workload.rowsPerStep), of: run.examples,
        tokensAtOnce: run.memoryPlan.cut.tokensAtOnce, sharesPrefixes: model.sharesPrefixes
      ).map {
        PreparedBatch(
          MicroBatch(run.examples, indices: $0, sharesPrefixes: model.sharesPrefixes))
      }
    }
    var counts: [lk_allocation_count] = []
    counts.reserveCapacity(steps)
    for (step, parts) in batches.enumerated() {
      lk_allocation_count_start()
      run.adapter.clearGradients()
      for part in parts {
        _ = run.model.accumulateGradients(
          part, gradientScale: 1e-3, dropout: DropoutSeed(seed: 42, step: UInt64(step)))
      }
      let norm = AdamW.norm(run.adapter.gradients)
      AdamW.update(
        run.adapter.parameters, gradients: run.adapter.gradients, firstMoment: run.firstMoment,
        secondMoment: run.secondMoment, step: step + 1,
        settings: AdamW.Settings(
          learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0),
        gradientScale: Float(min(1, 1 / norm)))
      counts.append(lk_allocation_count_stop())
    }
    var json = JSONObject()
    describe(in: &json)
    json["core_step_allocations"] = .array(counts.map { .integer(Int($0.calls)) })
    json["core_step_allocated_bytes"] = .array(counts.map { .integer(Int($0.bytes)) })
    // The first two steps make the buffers that later ones use.
    let steady = counts.dropFirst(2).map { Int($0.calls) }.sorted()
    if let least = steady.first, let most = steady.last {
      json["allocations_per_step"] = .integer(steady[steady.count / 2])
      json["allocations_per_step_least"] = .integer(least)
      json["allocations_per_step_most"] = .integer(most)
    }
    let (taken, _) = try take(run)
    json["step_allocations"] = .array(taken.map { .integer(Int($0.allocations.calls)) })
    return json
  }

  private func describe(in json: inout JSONObject) {
    json["workload"] = .string(workload.rawValue)
    model.describe(in: &json)
  }

  private func makeRun() throws -> FineTuning {
    let chat = try model.load()
    let lora = RunConfiguration.LoRA(rank: 16, alpha: 32, targetModules: .names(workload.targets))
    let adapter = try LoRAAdapter.starting(lora, for: chat.model, seed: 42)
    var settings = RunConfiguration.Training(
      outputDir: "", perDeviceTrainBatchSize: workload.rowsPerStep)
    settings.maxSteps = steps
    settings.maxMemory = model.maxMemory.map { $0 * 1_000_000 }
    settings.learningRate = 5e-4
    settings.evalStrategy = .no
    settings.saveStrategy = .no
    let rows = workload.rows(steps: steps, vocabulary: chat.model.configuration.vocabularySize)
    // In the order given: a peer that reads the same rows takes the same steps.
    let run = try FineTuning(
      configuration: settings, shuffle: false, model: chat.model, adapter: adapter, examples: rows)
    run.sharesPrefixes = model.sharesPrefixes
    return run
  }

  /// Takes the steps; the profile is of those after the first, unless that is the only one.
  private func take(_ run: FineTuning) throws -> ([Step], StepProfile) {
    var taken: [Step] = []
    taken.reserveCapacity(steps)
    var failure: (any Error)?
    _ = try run.run { event in
      // What this listener allocates belongs to no step.
      let allocations = lk_allocation_count_stop()
      if case .step(let report) = event {
        do {
          let ended = try ThisProcess.secondsSinceStart()
          taken.append(Step(report: report, ended: ended, allocations: allocations))
        } catch { failure = error }
        if taken.count == 1, steps > 1 { run.model.profile.reset() }
      }
      lk_allocation_count_start()
      return failure == nil ? .resume : .stop
    }
    _ = lk_allocation_count_stop()
    if let failure { throw failure }
    return (taken, run.model.profile)
  }
}

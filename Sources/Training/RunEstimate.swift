internal import CausalLM
internal import Configuration
internal import Datasets
internal import Kernels

/// What a run will do and how long it will take, measured on a sample of its own work.
public struct RunEstimate: Sendable, Equatable {
  /// Optimizer steps.
  public var steps: Int
  /// Tokens of all examples over all steps.
  public var tokens: Int
  /// Supervised ones among them.
  public var supervisedTokens: Int
  /// Times that validation and retention data are measured.
  public var validations: Int
  /// Seconds of all steps.
  public var stepSeconds: Double
  /// Seconds of all validations.
  public var validationSeconds: Double
  /// Seconds that were measured, what is measured first left out.
  public var measuredSeconds: Double

  /// Seconds of the run, without loading.
  public var seconds: Double { stepSeconds + validationSeconds }
  /// Tokens of examples a second, in steps.
  public var tokensPerSecond: Double { stepSeconds > 0 ? Double(tokens) / stepSeconds : 0 }
}

extension FineTuning {
  /// Estimates the run's time from some of its micro-batches, which are run forward and backward without a step.
  ///
  /// Parts of the first epoch are taken from all over it, so that rows in order of length mislead nobody. The adapter
  /// keeps its numbers; its gradients are of no use afterwards.
  ///
  /// - Parameters:
  ///   - seconds: how long to measure, at least; two parts are run in any case.
  ///   - progress: hears of the seconds measured so far.
  public func estimate(measuring seconds: Double, progress: (Double) -> Void = { _ in })
    -> RunEstimate
  {
    let clock = ContinuousClock()
    let parts = plan.windows(epoch: 0).flatMap(\.microBatches).flatMap {
      Self.parts(
        $0, of: examples, tokensAtOnce: memoryPlan.cut.tokensAtOnce,
        sharesPrefixes: sharesTrainingPrefixes)
    }
    let order = CounterRandom(seed: configuration.seed, purpose: "estimate")
      .permutation(parts.count, stream: 0)

    var (tokens, measured) = (0, 0.0)
    for (index, place) in ([order[0]] + order).enumerated() {
      let began = clock.now
      let batch = PreparedBatch(
        MicroBatch(examples, indices: parts[place], sharesPrefixes: sharesTrainingPrefixes))
      _ = model.accumulateGradients(
        batch, gradientScale: 0,
        dropout: DropoutSeed(seed: configuration.seed, step: UInt64(index)),
        noise: noise(step: index), smoothing: Float(configuration.labelSmoothingFactor))
      // The first makes the buffers, and is run again.
      guard index > 0 else { continue }
      measured += began.duration(to: clock.now).inSeconds
      tokens += batch.batch.exampleTokens
      progress(measured)
      if measured >= seconds, index > 1 { break }
    }

    var estimate = RunEstimate(
      steps: totalSteps, tokens: 0, supervisedTokens: 0, validations: 0, stepSeconds: 0,
      validationSeconds: 0, measuredSeconds: measured)
    var windows: [BatchPlan.Window] = []
    for step in 0..<totalSteps {
      if step % plan.windowsPerEpoch == 0 {
        windows = plan.windows(epoch: step / plan.windowsPerEpoch)
      }
      for index in windows[step % plan.windowsPerEpoch].microBatches.joined() {
        estimate.tokens += examples[index].tokens.count
        estimate.supervisedTokens += examples[index].supervisedTokens
      }
    }
    estimate.stepSeconds = tokens > 0 ? measured / Double(tokens) * Double(estimate.tokens) : 0
    let rows = validation + retention
    if !rows.isEmpty {
      estimate.validations = validationCount
      estimate.validationSeconds =
        Double(validationCount) * secondsOfMeasuring(rows, for: seconds / 4)
    }
    return estimate
  }

  /// Validations that the settings call for.
  private var validationCount: Int {
    switch configuration.evalStrategy {
    case .no: 0
    case .steps: (totalSteps - 1) / max(1, configuration.evalSteps) + 1
    case .epoch: (totalSteps - 1) / plan.windowsPerEpoch + 1
    }
  }

  /// Seconds that the loss over some rows takes, from `seconds` of it.
  private func secondsOfMeasuring(_ rows: [TokenizedExample], for seconds: Double) -> Double {
    guard validationCount > 0 else { return 0 }
    let clock = ContinuousClock()
    var (done, measured) = (0, 0.0)
    for part in Self.parts(
      Array(rows.indices), of: rows, tokensAtOnce: memoryPlan.cut.tokensAtOnce,
      sharesPrefixes: sharesPrefixes)
    {
      let began = clock.now
      let batch = MicroBatch(rows, indices: part, sharesPrefixes: sharesPrefixes)
      _ = model.inF32 { model.loss(batch) }
      measured += began.duration(to: clock.now).inSeconds
      done += batch.exampleTokens
      if measured >= seconds { break }
    }
    let tokens = rows.reduce(0) { $0 + $1.tokens.count }
    return done > 0 ? measured / Double(done) * Double(tokens) : 0
  }
}

public import CausalLM
public import Configuration
public import Datasets
public import Kernels
public import LoRA

#if canImport(Glibc)
  import Glibc
#endif

/// The supervised fine-tuning loop: examples in, adapter out.
///
///     for each step:   window → micro-batches → forward → loss → backward → clip → AdamW
///
/// The loss is Σ weight · negative log-likelihood / Σ weight over the whole accumulation window, so a window's step is
/// that of one large batch. Everything random is a function of (seed, step), so a run that resumes from a
/// checkpoint takes the very steps that it would have taken.
public final class FineTuning {
  /// What the loop has done so far: with the adapter and its moments, all that a checkpoint must hold.
  public struct State: Sendable, Equatable {
    /// Optimizer steps done.
    public var step = 0
    /// Loss of the last step.
    public var lastLoss = 0.0
    /// Lowest validation loss so far.
    public var bestValidationLoss: Double?
    /// Its step.
    public var bestStep: Int?
    /// Validations since then.
    public var validationsWithoutBest = 0
    /// Loss on the retention data before the first step.
    public var retentionLossBefore: Double?
    /// The last one measured.
    public var retentionLoss: Double?
    /// Tokens trained on.
    public var trainedTokens = 0
    /// Supervised ones among them.
    public var supervisedTokens = 0
    /// Seconds so far.
    public var seconds = 0.0
    /// Seconds in steps.
    public var stepSeconds = 0.0

    /// Makes the state of a run that has not begun.
    public init() {}
  }

  /// The settings.
  public let configuration: RunConfiguration.Training
  /// The model, with the adapter attached.
  public let model: CausalLM
  /// What is trained.
  public let adapter: LoRAAdapter
  /// The examples learnt from.
  public let examples: [TokenizedExample]
  /// The examples of validation.
  public let validation: [TokenizedExample]
  /// The examples of what should not be forgotten.
  public let retention: [TokenizedExample]
  /// First moment of each of the adapter's numbers.
  public let firstMoment: FloatBuffer
  /// Second moment.
  public let secondMoment: FloatBuffer
  /// The adapter's numbers at the best validation so far.
  public internal(set) var bestParameters: FloatBuffer?
  /// The adapter's numbers when the retention loss was last within `configuration.maxForgetting`.
  public internal(set) var retainingParameters: FloatBuffer?
  /// Progress.
  public internal(set) var state = State()
  /// The step of the last checkpoint that was saved, or resumed from; nil where there is none.
  var checkpointStep: Int?
  /// The order of examples and the steps they make.
  public let plan: BatchPlan
  /// Steps of the whole run.
  public let totalSteps: Int
  /// The rate of each step.
  public let learningRate: LearningRate
  private let cachedTokens: Int

  /// Whether rows of a micro-batch that begin alike are computed once, where that saves work.
  ///
  /// Without it the same numbers are summed in another order. For measurements and tests; nothing is gained by turning
  /// it off. Rows of training that get noise share nothing in any case.
  public var sharesPrefixes = true

  /// Where activations below the lowest adapted block may be kept, as `training.trunk_cache` says; nil: nowhere.
  public var trunkCachePlace: TrunkCache.Place?
  var trunkCache: TrunkCache?
  /// The space left on the disk of a path, bytes.
  var freeBytes: (_ path: String) -> Int? = TrunkCache.freeBytes

  private var lossWatch = LossWatch()
  /// What the optimizer steps, and at which rate.
  private(set) lazy var parameterGroups = adapter.parameterGroups(
    outputRateRatio: configuration.loraPlusRatio)

  /// What memory the run takes: how much is run at once, and how activations are kept.
  public private(set) var memoryPlan: MemoryPlan

  /// Prepares a run.
  ///
  /// - Parameters:
  ///   - shuffle: whether each epoch takes the examples in a new order.
  ///   - cachedTokens: tokens whose keys and values the caller keeps while it generates answers between steps; they
  ///     are counted in the memory plan.
  /// - Throws: `TrainingError.noExamples`, or `.exceedsMemory` where nothing fits `configuration.maxMemory`.
  public init(
    configuration: RunConfiguration.Training, shuffle: Bool = true, model: CausalLM,
    adapter: LoRAAdapter,
    examples: [TokenizedExample], validation: [TokenizedExample] = [],
    retention: [TokenizedExample] = [], cachedTokens: Int = 0
  ) throws(TrainingError) {
    guard !examples.isEmpty else { throw .noExamples }
    self.configuration = configuration
    self.model = model
    self.adapter = adapter
    self.examples = examples
    self.validation = validation
    self.retention = retention
    self.cachedTokens = cachedTokens
    firstMoment = FloatBuffer(count: adapter.parameters.count)
    secondMoment = FloatBuffer(count: adapter.parameters.count)
    plan = BatchPlan(
      exampleCount: examples.count, batchSize: configuration.perDeviceTrainBatchSize,
      accumulationSteps: configuration.gradientAccumulationSteps,
      shuffleSeed: shuffle ? configuration.seed : nil)
    totalSteps =
      configuration.maxSteps ?? plan.steps(epochs: configuration.numTrainEpochs)
    learningRate = LearningRate(
      peak: configuration.learningRate, schedule: configuration.lrSchedulerType,
      options: configuration.lrSchedulerKwargs,
      warmupSteps: configuration.warmupStepCount(totalSteps: totalSteps), totalSteps: totalSteps)
    if model.adapter !== adapter { model.attach(adapter) }
    memoryPlan = try MemoryPlan.of(
      configuration, model: model, examples: examples, measured: validation + retention, plan: plan,
      totalSteps: totalSteps, cachedTokens: cachedTokens)
    model.keepActivations(memoryPlan.activations)
  }

  /// Goes on with what another run chose where a choice changes numbers; the rest is planned anew.
  ///
  /// - Parameters:
  ///   - tokensAtOnce: most tokens of a part that has several rows.
  ///   - storage: how activations are kept.
  /// - Throws: `TrainingError.exceedsMemory` where that does not fit `configuration.maxMemory`.
  func adopt(tokensAtOnce: Int, storage: ActivationPlan.Storage) throws(TrainingError) {
    if memoryPlan.cut.tokensAtOnce == tokensAtOnce, memoryPlan.activations.storage == storage {
      return
    }
    memoryPlan = try MemoryPlan.of(
      configuration, model: model, examples: examples, measured: validation + retention, plan: plan,
      totalSteps: totalSteps, cachedTokens: cachedTokens, tokensAtOnce: [tokensAtOnce],
      storages: [storage])
    model.keepActivations(memoryPlan.activations)
  }

  /// Takes the remaining steps.
  ///
  /// - Parameters:
  ///   - save: writes a checkpoint of the current state; called after a step, never within one.
  ///   - listener: hears of everything and decides whether to go on.
  /// - Throws: `TrainingError.notFinite`, and what `save` throws.
  public func run(
    save: ((FineTuning) throws -> String)? = nil, listener: (TrainingEvent) -> TrainingDecision
  ) throws -> TrainingSummary {
    let clock = ContinuousClock()
    let secondsBefore = state.seconds
    let began = clock.now
    var epochIndex = -1
    var windows: [BatchPlan.Window] = []
    var outcome = TrainingSummary.Outcome.finished
    var decision = listener(
      .started(totalSteps: totalSteps, firstStep: state.step, stepsPerEpoch: plan.windowsPerEpoch))
    if let event = openTrunkCache(), listener(event) == .stop { decision = .stop }
    if measuresRetention, state.step == 0, decision == .resume {
      state.retentionLossBefore = loss(over: retention) {
        listener(.validationProgress(done: $0, of: $1))
      }
      if let event = retentionEvent(state.retentionLossBefore), listener(event) == .stop {
        decision = .stop
      }
    }
    defer { trunkCache = nil }

    steps: while state.step < totalSteps {
      if decision == .stop {
        outcome = .interrupted
        break
      }
      let step = state.step
      if step / plan.windowsPerEpoch != epochIndex {
        epochIndex = step / plan.windowsPerEpoch
        windows = plan.windows(epoch: epochIndex)
      }
      let stepBegan = clock.now
      var (report, spike) = try takeStep(step, windows[step % plan.windowsPerEpoch].microBatches)
      report.seconds = stepBegan.duration(to: clock.now).inSeconds
      state.step = step + 1
      state.lastLoss = report.loss
      state.trainedTokens += report.tokens
      state.supervisedTokens += report.supervisedTokens
      state.stepSeconds += report.seconds
      state.seconds = secondsBefore + began.duration(to: clock.now).inSeconds
      report.elapsedSeconds = state.seconds
      decision = listener(.step(report))
      for event in [spike, deadModules(after: state.step)].compactMap({ $0 })
      where listener(event) == .stop { decision = .stop }

      let isMeasuring = isDue(configuration.evalStrategy, every: configuration.evalSteps)
      if isMeasuring, measuresRetention {
        let loss = loss(over: retention) { listener(.validationProgress(done: $0, of: $1)) }
        if let event = retentionEvent(loss), listener(event) == .stop { decision = .stop }
        if hasForgotten {
          outcome = .forgot
        } else if configuration.maxForgetting != nil {
          retainingParameters = copy(of: adapter, into: retainingParameters)
        }
      }
      // What has forgotten too much is no candidate for the best.
      if isMeasuring, !validation.isEmpty, outcome != .forgot {
        let loss = validate { listener(.validationProgress(done: $0, of: $1)) }
        let isBest = loss < state.bestValidationLoss ?? .infinity
        if isBest {
          state.bestValidationLoss = loss
          state.bestStep = state.step
          state.validationsWithoutBest = 0
          rememberBest()
        } else {
          state.validationsWithoutBest += 1
        }
        if listener(.validation(step: state.step, epoch: report.epoch, loss: loss, isBest: isBest))
          == .stop
        {
          decision = .stop
        }
        if let patience = configuration.earlyStoppingPatience,
          state.validationsWithoutBest >= patience
        {
          _ = listener(.stoppedEarly(step: state.step, bestStep: state.bestStep ?? state.step))
          outcome = .stoppedEarly
        }
      }
      if let event = dropFailedTrunkCache(), listener(event) == .stop { decision = .stop }
      state.seconds = secondsBefore + began.duration(to: clock.now).inSeconds
      let isLast = state.step == totalSteps || outcome != .finished
      if let save,
        isDue(configuration.saveStrategy, every: configuration.saveSteps) || isLast
          || decision == .stop
      {
        let path = try save(self)
        checkpointStep = state.step
        if listener(.checkpoint(step: state.step, path: path)) == .stop { decision = .stop }
      }
      if outcome != .finished { break steps }
    }
    closeTrunkCache(isFinished: outcome != .interrupted)
    state.seconds = secondsBefore + began.duration(to: clock.now).inSeconds
    if outcome != .interrupted, configuration.loadBestModelAtEnd, let bestParameters {
      take(bestParameters)
    } else if outcome == .forgot {
      // Nothing was within the budget: what is left is what the run began with, which `retainingParameters` is then.
      if let retainingParameters { take(retainingParameters) }
    }
    return TrainingSummary(
      outcome: outcome, steps: state.step, finalLoss: state.lastLoss,
      bestValidationLoss: state.bestValidationLoss,
      bestStep: state.bestStep, retentionLossBefore: state.retentionLossBefore,
      retentionLoss: state.retentionLoss, trainedTokens: state.trainedTokens,
      supervisedTokens: state.supervisedTokens,
      seconds: state.seconds, stepSeconds: state.stepSeconds)
  }

  /// Whether something periodic is due after the step just taken; the end of the run is.
  private func isDue(_ strategy: RunConfiguration.IntervalStrategy, every interval: Int) -> Bool {
    switch strategy {
    case .no: false
    case .steps: state.step % max(1, interval) == 0 || state.step == totalSteps
    case .epoch: state.step % plan.windowsPerEpoch == 0 || state.step == totalSteps
    }
  }

  private func takeStep(_ step: Int, _ window: [[Int]]) throws(TrainingError) -> (
    StepReport, spike: TrainingEvent?
  ) {
    let weight = window.joined().reduce(0.0) { $0 + examples[$1].totalLossWeight }
    let scale = weight > 0 ? Float(1 / weight) : 0
    let dropout = DropoutSeed(seed: configuration.seed, step: UInt64(step))
    model.profile.measure(.optimizer) { adapter.clearGradients() }
    var sums = LossSums()
    var tokens = 0
    let shares = sharesTrainingPrefixes
    for part in window.flatMap({
      Self.parts(
        $0, of: examples, tokensAtOnce: memoryPlan.cut.tokensAtOnce, sharesPrefixes: shares)
    }) {
      let batch = model.profile.measure(.batch) {
        PreparedBatch(MicroBatch(examples, indices: part, sharesPrefixes: shares))
      }
      tokens += batch.batch.exampleTokens
      sums += model.accumulateGradients(
        batch, gradientScale: scale, dropout: dropout, noise: noise(step: step),
        smoothing: Float(configuration.labelSmoothingFactor), trunk: trainingTrunk)
    }
    let norm = model.profile.measure(.optimizer) {
      adapter.clearFrozenGradients()
      return AdamW.norm(adapter.gradients)
    }
    if !sums.mean.isFinite || !norm.isFinite {
      throw explainNonFinite(step, Array(window.joined()), loss: sums.mean, dropout)
    }
    let mean = lossWatch.mean
    let spike =
      lossWatch.isSpike(sums.mean)
      ? TrainingEvent.lossSpike(
        step: step + 1, loss: sums.mean, mean: mean,
        examples: rowsOfHighestLoss(Array(window.joined())))
      : nil
    // As torch's clip_grad_norm_: a factor on all gradients, never above 1.
    let limit = configuration.maxGradNorm
    let clip = limit > 0 ? min(1, limit / (norm + 1e-6)) : 1
    model.profile.measure(.optimizer) { updateParameters(step, clip: clip) }
    let report = StepReport(
      step: step + 1, epoch: Double(step + 1) / Double(plan.windowsPerEpoch), loss: sums.mean,
      learningRate: learningRate[step], gradientNorm: norm, tokens: tokens,
      supervisedTokens: sums.positions,
      seconds: 0, elapsedSeconds: 0)
    return (report, spike)
  }

  /// Mean loss over the validation examples, the same quantity as the training loss without smoothing and noise.
  public func validate(progress: (_ done: Int, _ of: Int) -> TrainingDecision = { _, _ in .resume })
    -> Double
  {
    loss(over: validation, trunk: validationTrunk, progress: progress)
  }

  private func loss(
    over rows: [TokenizedExample], trunk: (any TrunkSource)? = nil,
    progress: (_ done: Int, _ of: Int) -> TrainingDecision
  ) -> Double {
    var sums = LossSums()
    var done = 0
    for part in Self.parts(
      Array(rows.indices), of: rows, tokensAtOnce: memoryPlan.cut.tokensAtOnce,
      sharesPrefixes: sharesPrefixes)
    {
      let batch = MicroBatch(rows, indices: part, sharesPrefixes: sharesPrefixes)
      sums += model.inF32 { model.loss(batch, trunk: trunk) }
      done += part.count
      _ = progress(done, rows.count)
    }
    return sums.mean
  }

  /// Whether what should not be forgotten is measured.
  private var measuresRetention: Bool { !retention.isEmpty && configuration.evalStrategy != .no }

  /// Notes a loss on the retention data.
  private func retentionEvent(_ loss: Double?) -> TrainingEvent? {
    state.retentionLoss = loss
    guard let loss, let before = state.retentionLossBefore else { return nil }
    if state.step == 0, configuration.maxForgetting != nil {
      retainingParameters = copy(of: adapter, into: retainingParameters)
    }
    return .retention(step: state.step, loss: loss, before: before)
  }

  /// Whether the loss on the retention data has risen by more than it may.
  private var hasForgotten: Bool {
    guard let limit = configuration.maxForgetting, let loss = state.retentionLoss,
      let before = state.retentionLossBefore
    else { return false }
    return !(loss <= before * (1 + limit))
  }

  /// Makes numbers that were kept the adapter's.
  private func take(_ parameters: FloatBuffer) {
    adapter.parameters.base.update(from: parameters.base, count: adapter.parameters.count)
    model.updateMagnitudes()
  }

  private func rememberBest() { bestParameters = copy(of: adapter, into: bestParameters) }

  private func copy(of adapter: LoRAAdapter, into buffer: FloatBuffer?) -> FloatBuffer {
    let copy = buffer ?? FloatBuffer(count: adapter.parameters.count)
    copy.base.update(from: adapter.parameters.base, count: adapter.parameters.count)
    return copy
  }
}

extension Duration {
  /// The duration in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

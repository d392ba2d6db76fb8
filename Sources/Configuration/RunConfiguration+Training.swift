extension RunConfiguration {
  /// The loop: section `training`, the keys of Transformers' `TrainingArguments`.
  public struct Training: Sendable, Equatable {
    /// The run folder; it must not exist yet.
    public var outputDir: String

    /// How often every example is seen; a fraction stops within an epoch.
    public var numTrainEpochs: Double
    /// The number of optimiser steps in place of `numTrainEpochs`, or `nil`.
    public var maxSteps: Int?
    /// Examples in a forward and backward pass.
    public var perDeviceTrainBatchSize: Int
    /// Examples in a forward pass of validation.
    public var perDeviceEvalBatchSize: Int
    /// Passes whose gradients one optimiser step sums.
    public var gradientAccumulationSteps: Int
    /// Whether activations below the lowest adapted block are kept on disk; no result depends on it.
    public var trunkCache: TrunkCaching

    /// How the products with the frozen weights are computed.
    public var compute: Compute

    /// Bytes of memory that the whole process may take, or `nil`: activations are then all kept.
    public var maxMemory: Int?

    /// The optimiser.
    public var optim: Optimizer
    /// The learning rate after warm-up, before decay.
    public var learningRate: Double
    /// The learning rate's course over the run.
    public var lrSchedulerType: LearningRateSchedule
    /// What some schedules need beside the steps.
    public var lrSchedulerKwargs: ScheduleOptions
    /// Optimiser steps from learning rate 0 to the whole; a value below 1 is a share of all steps.
    public var warmupSteps: Double
    /// The share of all steps that is warm-up, in place of `warmupSteps`.
    public var warmupRatio: Double
    /// Decoupled weight decay of the adapter matrices.
    public var weightDecay: Double
    /// AdamW's decay of the gradient's running mean.
    public var adamBeta1: Double
    /// AdamW's decay of the squared gradient's running mean.
    public var adamBeta2: Double
    /// AdamW's addend to the denominator.
    public var adamEpsilon: Double
    /// The norm to which a larger gradient is scaled down; 0: never.
    public var maxGradNorm: Double
    /// The share of the target's probability that is spread over the vocabulary.
    public var labelSmoothingFactor: Double
    /// The noise added to embeddings while training, or `nil` (NEFTune, arXiv:2310.05914).
    public var neftuneNoiseAlpha: Double?
    /// The learning rate of the adapters' B over that of A (LoRA+, arXiv:2402.12354): PEFT's `loraplus_lr_ratio`.
    public var loraPlusRatio: Double

    /// What every random number of the run derives from.
    public var seed: UInt64

    /// Optimiser steps between two lines of metrics.
    public var loggingSteps: Int
    /// When to validate; without validation data never.
    public var evalStrategy: IntervalStrategy
    /// Optimiser steps between two validations, under `evalStrategy` `.steps`.
    public var evalSteps: Int
    /// When to write a checkpoint.
    public var saveStrategy: IntervalStrategy
    /// Optimiser steps between two checkpoints, under `saveStrategy` `.steps`.
    public var saveSteps: Int
    /// How many checkpoints stay; `nil`: all.
    public var saveTotalLimit: Int?
    /// Whether the adapter written at the end is the best by validation, or the last.
    public var loadBestModelAtEnd: Bool
    /// What the best adapter is best in.
    public var metricForBestModel: BestModelMetric
    /// Validations in a row without a new best after which the run stops, or `nil`.
    public var earlyStoppingPatience: Int?
    /// The share by which the loss on the retention data may rise before the run stops, or `nil`.
    public var maxForgetting: Double?
    /// How many validation conversations the model answers for the report; 0: it answers nothing.
    public var samples: Int
    /// Prompts that it answers in their place.
    public var samplePrompts: [String]

    /// Makes the section; what is not given has its default.
    public init(
      outputDir: String,
      numTrainEpochs: Double = 3, maxSteps: Int? = nil, perDeviceTrainBatchSize: Int = 8,
      perDeviceEvalBatchSize: Int = 8, gradientAccumulationSteps: Int = 1,
      trunkCache: TrunkCaching = .auto, maxMemory: Int? = nil,
      compute: Compute = .automatic, optim: Optimizer = .adamW, learningRate: Double = 2e-4,
      lrSchedulerType: LearningRateSchedule = .linear,
      lrSchedulerKwargs: ScheduleOptions = ScheduleOptions(),
      warmupSteps: Double = 0, warmupRatio: Double = 0, weightDecay: Double = 0,
      adamBeta1: Double = 0.9, adamBeta2: Double = 0.999, adamEpsilon: Double = 1e-8,
      maxGradNorm: Double = 1, labelSmoothingFactor: Double = 0, neftuneNoiseAlpha: Double? = nil,
      loraPlusRatio: Double = 1, seed: UInt64 = 42,
      loggingSteps: Int = 1, evalStrategy: IntervalStrategy = .steps, evalSteps: Int = 50,
      saveStrategy: IntervalStrategy = .steps, saveSteps: Int = 50, saveTotalLimit: Int? = 3,
      loadBestModelAtEnd: Bool = false, metricForBestModel: BestModelMetric = .loss,
      earlyStoppingPatience: Int? = nil, maxForgetting: Double? = nil, samples: Int = 3,
      samplePrompts: [String] = []
    ) {
      self.outputDir = outputDir
      self.numTrainEpochs = numTrainEpochs
      self.maxSteps = maxSteps
      self.perDeviceTrainBatchSize = perDeviceTrainBatchSize
      self.perDeviceEvalBatchSize = perDeviceEvalBatchSize
      self.gradientAccumulationSteps = gradientAccumulationSteps
      self.trunkCache = trunkCache
      self.compute = compute
      self.maxMemory = maxMemory
      self.optim = optim
      self.learningRate = learningRate
      self.lrSchedulerType = lrSchedulerType
      self.lrSchedulerKwargs = lrSchedulerKwargs
      self.warmupSteps = warmupSteps
      self.warmupRatio = warmupRatio
      self.weightDecay = weightDecay
      self.adamBeta1 = adamBeta1
      self.adamBeta2 = adamBeta2
      self.adamEpsilon = adamEpsilon
      self.maxGradNorm = maxGradNorm
      self.labelSmoothingFactor = labelSmoothingFactor
      self.neftuneNoiseAlpha = neftuneNoiseAlpha
      self.loraPlusRatio = loraPlusRatio
      self.seed = seed
      self.loggingSteps = loggingSteps
      self.evalStrategy = evalStrategy
      self.evalSteps = evalSteps
      self.saveStrategy = saveStrategy
      self.saveSteps = saveSteps
      self.saveTotalLimit = saveTotalLimit
      self.loadBestModelAtEnd = loadBestModelAtEnd
      self.metricForBestModel = metricForBestModel
      self.earlyStoppingPatience = earlyStoppingPatience
      self.maxForgetting = maxForgetting
      self.samples = samples
      self.samplePrompts = samplePrompts
    }

    /// The number of warm-up steps in a run of `totalSteps`, from `warmupSteps` or `warmupRatio`.
    ///
    /// A share is rounded up, as Transformers does.
    public func warmupStepCount(totalSteps: Int) -> Int {
      let share = warmupSteps < 1 ? max(warmupSteps, warmupRatio) : 0
      let steps = warmupSteps < 1 ? (share * Double(totalSteps)).rounded(.up) : warmupSteps
      return Int(min(max(steps, 0), Double(totalSteps)))
    }
  }
}

/// What a run reports while it goes on.
public enum TrainingEvent: Sendable, Equatable {
  /// The run is about to take its first step.
  case started(totalSteps: Int, firstStep: Int, stepsPerEpoch: Int)
  /// An optimizer step is done.
  case step(StepReport)
  /// A validation is done.
  case validation(step: Int, epoch: Double, loss: Double, isBest: Bool)
  /// The loss on what should not be forgotten was measured; `before` is that before the first step.
  case retention(step: Int, loss: Double, before: Double)
  /// Part of a validation is done.
  case validationProgress(done: Int, of: Int)
  /// A checkpoint is on disk.
  case checkpoint(step: Int, path: String)
  /// A loss far above those before it, and the rows of its batch that have the highest.
  case lossSpike(step: Int, loss: Double, mean: Double, examples: [String])
  /// Adapted layers that have not learnt anything yet: their B is still zero.
  case deadModules(step: Int, names: [String])
  /// Validation has not improved for the configured number of times.
  case stoppedEarly(step: Int, bestStep: Int)
  /// Activations of the lowest `blocks` blocks are kept in a file of at most `bytes`; those of so many examples are there
  /// from an earlier session.
  case trunkCache(path: String, bytes: Int, blocks: Int, examplesKept: Int)
  /// Activations that were to be kept are not, for want of space or a working disk; nothing but time is lost.
  case trunkCacheUnused(TrunkCache.Failure)
}

/// One optimizer step.
public struct StepReport: Sendable, Equatable {
  /// The step's number, from 1.
  public var step: Int
  /// Epochs done, the fraction included.
  public var epoch: Double
  /// Σ negative log-likelihood / Σ supervised tokens of the window, nats.
  public var loss: Double
  /// The rate that the step used.
  public var learningRate: Double
  /// Norm of the gradient before clipping.
  public var gradientNorm: Double
  /// Tokens of the window's examples; what examples share counts for each.
  public var tokens: Int
  /// Supervised tokens of the window.
  public var supervisedTokens: Int
  /// Seconds that the step took.
  public var seconds: Double
  /// Seconds since the run began, earlier sessions included.
  public var elapsedSeconds: Double
}

/// What the listener wants after an event.
public enum TrainingDecision: Sendable {
  /// Go on.
  case resume
  /// Save a checkpoint and stop.
  case stop
}

/// What a run came to.
public struct TrainingSummary: Sendable, Equatable {
  /// Why it ended.
  public enum Outcome: String, Sendable {
    /// All steps are done.
    case finished
    /// Validation stopped improving.
    case stoppedEarly = "stopped_early"
    /// The loss on the retention data rose too far; the adapter is the last that was within bounds.
    case forgot = "stopped_forgetting"
    /// The listener asked for it; a checkpoint was saved.
    case interrupted
  }

  /// Why it ended.
  public var outcome: Outcome
  /// Steps done, earlier sessions included.
  public var steps: Int
  /// Loss of the last step.
  public var finalLoss: Double
  /// The lowest validation loss, where there was validation.
  public var bestValidationLoss: Double?
  /// The step of `bestValidationLoss`.
  public var bestStep: Int?
  /// The loss on the retention data before the first step, where it was measured.
  public var retentionLossBefore: Double?
  /// The last loss on it.
  public var retentionLoss: Double?
  /// Tokens trained on, each time counted.
  public var trainedTokens: Int
  /// Supervised ones among them.
  public var supervisedTokens: Int
  /// Seconds, earlier sessions included.
  public var seconds: Double
  /// Seconds of those spent in steps, validation and saving left out.
  public var stepSeconds: Double
}

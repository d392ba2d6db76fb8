extension RunConfiguration {
  /// When something periodic happens.
  public enum IntervalStrategy: String, Sendable, CaseIterable {
    /// Never.
    case no
    /// After every so many optimiser steps.
    case steps
    /// At the end of each epoch.
    case epoch
  }

  /// How the products with the frozen weights are computed.
  public enum Compute: String, Sendable, CaseIterable {
    /// The fastest of the others that was found to lose nothing, on the CPU at hand.
    case automatic = "auto"
    /// In f32, from the weights as they are kept.
    case f32
    /// Weights rounded to 8 bits, activations to 16, in integers.
    case w8a16
    /// Weights and activations rounded to 8 bits, in integers.
    case w8a8
  }

  /// Whether activations below the lowest adapted block are kept on disk.
  public enum TrunkCaching: String, Sendable, CaseIterable {
    /// Where that saves time.
    case auto
    /// Never.
    case off = "false"
  }

  /// An optimiser, by Transformers' names.
  public enum Optimizer: String, Sendable, CaseIterable {
    /// Adam with decoupled weight decay: Loshchilov and Hutter 2019, arXiv:1711.05101.
    case adamW = "adamw"
    /// AdamW with moments in 8 bits: Dettmers et al. 2022, arXiv:2110.02861.
    case adamW8Bit = "adamw_8bit"
    /// Adam with factored second moments: Shazeer and Stern 2018, arXiv:1804.04235.
    case adafactor
    /// The sign of a mixed momentum: Chen et al. 2023, arXiv:2302.06675.
    case lion
    /// Stochastic gradient descent.
    case sgd

    /// Transformers' other names for them.
    ///
    /// On a CPU, fused and paged variants are the same algorithm.
    static let aliases: [String: Optimizer] = [
      "adamw_torch": .adamW, "adamw_torch_fused": .adamW, "adamw_hf": .adamW,
      "paged_adamw": .adamW, "paged_adamw_32bit": .adamW,
      "adamw_bnb_8bit": .adamW8Bit, "paged_adamw_8bit": .adamW8Bit, "lion_32bit": .lion,
    ]
  }

  /// The learning rate's course after warm-up, by Transformers' names.
  public enum LearningRateSchedule: String, Sendable, CaseIterable {
    /// The learning rate throughout, without warm-up.
    case constant
    /// The learning rate throughout, after warm-up.
    case constantWithWarmup = "constant_with_warmup"
    /// A straight line to 0.
    case linear
    /// Half a cosine period to 0.
    case cosine
    /// `num_cycles` half periods, each from the whole learning rate to 0.
    case cosineWithRestarts = "cosine_with_restarts"
    /// Half a cosine period to `min_lr_rate` of the learning rate.
    case cosineWithMinLR = "cosine_with_min_lr"
    /// A power `power` of the remaining share, to `lr_end`.
    case polynomial
    /// One over the square root of the step.
    case inverseSqrt = "inverse_sqrt"
  }

  /// What some schedules need beside the steps: Transformers' `lr_scheduler_kwargs`.
  public struct ScheduleOptions: Sendable, Equatable {
    /// How often `cosine_with_restarts` goes down.
    public var numCycles: Int
    /// The exponent of `polynomial`.
    public var power: Double
    /// The learning rate at the end of `polynomial`.
    public var lrEnd: Double
    /// The learning rate at the end of `cosine_with_min_lr`, as a share of the whole.
    public var minLRRate: Double

    /// Makes the options; what is not given has Transformers' default.
    public init(
      numCycles: Int = 1, power: Double = 1, lrEnd: Double = 1e-7, minLRRate: Double = 0
    ) {
      self.numCycles = numCycles
      self.power = power
      self.lrEnd = lrEnd
      self.minLRRate = minLRRate
    }
  }

  /// What the best adapter is best in.
  public enum BestModelMetric: String, Sendable, CaseIterable {
    /// Lowest validation loss.
    case loss

    /// Transformers' other names for it.
    static let aliases: [String: BestModelMetric] = ["eval_loss": .loss, "validation_loss": .loss]
  }
}

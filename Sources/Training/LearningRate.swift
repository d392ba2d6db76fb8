public import Configuration

#if canImport(Glibc)
  import Glibc
#endif

/// The learning rate of every step, by Transformers' schedules.
public struct LearningRate: Sendable, Equatable {
  /// The rate after warm-up.
  public let peak: Double
  /// The course after warm-up.
  public let schedule: RunConfiguration.LearningRateSchedule
  /// What some schedules need beside the steps.
  public let options: RunConfiguration.ScheduleOptions
  /// Steps from 0 to the peak.
  public let warmupSteps: Int
  /// Steps of the run.
  public let totalSteps: Int

  /// Makes the course of a run.
  public init(
    peak: Double, schedule: RunConfiguration.LearningRateSchedule,
    options: RunConfiguration.ScheduleOptions = .init(), warmupSteps: Int, totalSteps: Int
  ) {
    self.peak = peak
    self.schedule = schedule
    self.options = options
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// The rate that step `step`, from 0, uses.
  public subscript(step: Int) -> Double { peak * factor(step) }

  private func factor(_ step: Int) -> Double {
    if schedule == .constant { return 1 }
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let after = Double(step - warmupSteps)
    let progress = after / Double(max(1, totalSteps - warmupSteps))
    switch schedule {
    case .constant, .constantWithWarmup: return 1
    case .linear:
      return max(0, Double(totalSteps - step) / Double(max(1, totalSteps - warmupSteps)))
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * progress)))
    case .cosineWithRestarts:
      if progress >= 1 { return 0 }
      let turn = (Double(options.numCycles) * progress).truncatingRemainder(dividingBy: 1)
      return max(0, 0.5 * (1 + cos(.pi * turn)))
    case .cosineWithMinLR:
      let factor = 0.5 * (1 + cos(.pi * progress))
      return max(0, factor * (1 - options.minLRRate) + options.minLRRate)
    case .polynomial:
      if step > totalSteps { return options.lrEnd / peak }
      let remaining = 1 - after / Double(max(1, totalSteps - warmupSteps))
      return ((peak - options.lrEnd) * pow(remaining, options.power) + options.lrEnd) / peak
    case .inverseSqrt:
      // Transformers counts from the warm-up's length, or from 10,000 where there is none.
      let timescale = Double(warmupSteps > 0 ? warmupSteps : 10_000)
      return 1 / ((Double(step) + timescale - Double(warmupSteps)) / timescale).squareRoot()
    }
  }
}

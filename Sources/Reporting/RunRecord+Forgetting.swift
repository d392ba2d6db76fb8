/// What a run's record says of forgetting.
extension RunRecord {
  /// How the loss on what should not be forgotten has changed, and how much it may.
  public struct Forgetting: Sendable, Equatable {
    /// The loss before the first step.
    public var before: Double
    /// The last one measured.
    public var after: Double
    /// By how much it may rise, as a share of `before`; nil: without bound.
    public var budget: Double?

    /// By how much it has risen, as a share of `before`.
    public var change: Double { after / before - 1 }
    /// The greatest loss that is within the budget.
    public var bound: Double? { budget.map { before * (1 + $0) } }
  }

  /// What has been forgotten; nil where that was not measured.
  ///
  /// `after` is that of the adapter that was kept, as far as that can be told: of a run that was stopped for
  /// forgetting, the last measurement within the budget.
  public var forgetting: Forgetting? {
    guard let before = retentions.first(where: { $0.loss.isFinite })?.loss, before > 0 else {
      return nil
    }
    var forgetting = Forgetting(
      before: before, after: before, budget: setting("training.max_forgetting").flatMap(Double.init)
    )
    let kept = keptStep.map { step in retentions.filter { $0.step <= step } } ?? retentions
    forgetting.after = kept.last { $0.loss.isFinite }?.loss ?? before
    return forgetting
  }

  /// The step that the run's adapter is of; nil: the last one.
  public var keptStep: Int? {
    let keepsBest = setting("training.load_best_model_at_end") == "true"
    switch status {
    case .interrupted, .unfinished: return nil
    case .finished, .stoppedEarly: return keepsBest ? bestValidation?.step : nil
    case .forgot:
      let within = retentions.dropLast().last?.step
      return keepsBest ? bestValidation?.step ?? within : within
    }
  }
}

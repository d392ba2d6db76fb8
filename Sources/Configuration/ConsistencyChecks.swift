extension ConfigurationSettings {
  /// Refuses values that are each valid and together make no sense.
  func checkConsistency(of configuration: RunConfiguration) throws(ConfigurationError) {
    let training = configuration.training
    if training.warmupSteps > 0, training.warmupRatio > 0 {
      throw contradiction(
        "training.warmup_ratio", "warmup_steps is set too; remove one of the two")
    }
    let validates = !configuration.data.validation.isEmpty && training.evalStrategy != .no
    if training.loadBestModelAtEnd, !validates {
      throw contradiction(
        "training.load_best_model_at_end",
        "the best adapter is found by validation; set data.validation and an eval_strategy")
    }
    if training.earlyStoppingPatience != nil, !validates {
      throw contradiction(
        "training.early_stopping_patience",
        "early stopping looks at validation; set data.validation and an eval_strategy")
    }
    let measuresRetention = !configuration.data.retention.isEmpty && training.evalStrategy != .no
    if training.maxForgetting != nil, !measuresRetention {
      throw contradiction(
        "training.max_forgetting",
        "forgetting is measured on retention data; set data.retention and an eval_strategy")
    }
    try checkScheduleOptions(of: training)
    if configuration.lora.initLoRAWeights == .pissa, configuration.lora.dropout > 0 {
      throw contradiction(
        "lora.lora_dropout",
        "a pissa adapter holds the principal part of the weights, of which nothing can be dropped; "
          + "set it to 0")
    }
  }

  /// An option of another schedule would have no effect, which nobody means.
  private func checkScheduleOptions(
    of training: RunConfiguration.Training
  ) throws(ConfigurationError) {
    let set = training.lrSchedulerKwargs
    let unset = RunConfiguration.ScheduleOptions()
    let schedule = training.lrSchedulerType
    let options: [(name: String, isSet: Bool, schedule: RunConfiguration.LearningRateSchedule)] = [
      ("num_cycles", set.numCycles != unset.numCycles, .cosineWithRestarts),
      ("power", set.power != unset.power, .polynomial),
      ("lr_end", set.lrEnd != unset.lrEnd, .polynomial),
      ("min_lr_rate", set.minLRRate != unset.minLRRate, .cosineWithMinLR),
    ]
    for option in options where option.isSet && option.schedule != schedule {
      throw contradiction(
        "training.lr_scheduler_kwargs.\(option.name)",
        "the schedule \(schedule.rawValue) does not use it; remove it or set lr_scheduler_type to "
          + option.schedule.rawValue)
    }
    if schedule == .polynomial, set.lrEnd >= training.learningRate {
      throw contradiction(
        "training.lr_scheduler_kwargs.lr_end",
        "the learning rate ends at \(YAMLText.number(set.lrEnd)), which is not below "
          + "learning_rate \(YAMLText.number(training.learningRate))")
    }
  }

  func contradiction(_ key: String, _ explanation: String) -> ConfigurationError {
    .contradiction(key: key, explanation: explanation, place: place(of: key))
  }
}

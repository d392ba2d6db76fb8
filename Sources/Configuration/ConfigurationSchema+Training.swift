extension ConfigurationSchema {
  // A section within the section comes last, as YAML has no way back into the outer one.
  static let training: [ConfigurationKey<RunConfiguration>] =
    extent + optimisation + reporting + scheduleOptions

  private static let count = 1...1_000_000

  private static let extent: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "training.output_dir", \.training.outputDir, .text("a path"),
      "The run folder; it must not exist yet.", requiredExample: "runs/support",
      otherNames: ["output", "output_path", "save_dir", "out_dir"]),
    .init(
      "training.num_train_epochs", \.training.numTrainEpochs, .number(above: 0),
      "How often every example is seen; a fraction stops within an epoch.",
      otherNames: ["epochs", "num_epochs", "max_epochs"]),
    .init(
      "training.max_steps", \.training.maxSteps, .stepLimit,
      "Optimiser steps in place of num_train_epochs; null or -1: as the epochs say.",
      otherNames: ["steps", "iters", "num_steps", "max_iters"]),
    .init(
      "training.per_device_train_batch_size", \.training.perDeviceTrainBatchSize, .integer(count),
      "Examples in a forward and backward pass.",
      otherNames: [
        "batch_size", "micro_batch_size", "train_batch_size", "per_gpu_train_batch_size",
        "global_batch_size",
      ]),
    .init(
      "training.per_device_eval_batch_size", \.training.perDeviceEvalBatchSize, .integer(count),
      "Examples in a forward pass of validation.", otherNames: ["eval_batch_size"]),
    .init(
      "training.gradient_accumulation_steps", \.training.gradientAccumulationSteps,
      .integer(count), "Passes whose gradients one optimiser step sums.",
      otherNames: ["grad_accumulation_steps", "accumulation_steps", "accumulate_grad_batches"]),
    .init(
      "training.trunk_cache", \.training.trunkCache, .choice(),
      "Keep activations below the lowest adapted block on disk, where that saves time."),
    .init(
      "training.max_memory", \.training.maxMemory, .optional(.memorySize),
      "Memory the whole process may take; activations are kept rounded or computed again to stay within it.",
      otherNames: ["memory_limit", "max_memory_gb"]),
    .init(
      "training.seed", \.training.seed, .seed,
      "What every random number of the run derives from.", otherNames: ["data_seed", "random_seed"]),
  ]

  private static let optimisation: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "training.compute", \.training.compute, .choice(),
      "Products with frozen weights: f32; w8a16 and w8a8 in integers. auto is w8a16 on CPUs with AVX-512 VNNI where max_memory leaves room for it, f32 otherwise.",
      otherNames: ["compute_dtype", "bnb_4bit_compute_dtype", "arithmetic"]),
    .init(
      "training.optim", \.training.optim,
      .choice(aliases: RunConfiguration.Optimizer.aliases),
      "The optimiser; only adamw is supported yet.", otherNames: ["optimizer", "optimiser"]),
    .init(
      "training.learning_rate", \.training.learningRate, .number(above: 0),
      "The learning rate after warm-up, before decay.",
      otherNames: ["lr", "max_lr", "learning_rate_multiplier"]),
    .init(
      "training.lr_scheduler_type", \.training.lrSchedulerType, .choice(),
      "The learning rate's course after warm-up.",
      otherNames: ["scheduler", "lr_schedule", "lr_scheduler", "schedule"]),
    .init(
      "training.warmup_steps", \.training.warmupSteps, .warmupSteps,
      "Optimiser steps from learning rate 0 to the whole; below 1: a share of all steps.",
      otherNames: ["warmup", "num_warmup_steps", "lr_warmup_steps"]),
    .init(
      "training.warmup_ratio", \.training.warmupRatio, .number(0..<1),
      "The share of all steps that is warm-up, in place of warmup_steps."),
    .init(
      "training.weight_decay", \.training.weightDecay, .number(atLeast: 0),
      "Decoupled weight decay of the adapter matrices."),
    .init(
      "training.adam_beta1", \.training.adamBeta1, .number(0..<1),
      "AdamW's decay of the gradient's running mean.", otherNames: ["beta1", "adam_beta_1"]),
    .init(
      "training.adam_beta2", \.training.adamBeta2, .number(0..<1),
      "AdamW's decay of the squared gradient's running mean.",
      otherNames: ["beta2", "adam_beta_2"]),
    .init(
      "training.adam_epsilon", \.training.adamEpsilon, .number(above: 0),
      "AdamW's addend to the denominator.", otherNames: ["epsilon", "adam_eps"]),
    .init(
      "training.max_grad_norm", \.training.maxGradNorm, .number(atLeast: 0),
      "The global norm to which a larger gradient is scaled down; 0: never.",
      otherNames: ["grad_clip", "gradient_clipping", "clip_grad_norm", "max_norm"]),
    .init(
      "training.label_smoothing_factor", \.training.labelSmoothingFactor, .number(0..<1),
      "The share of a supervised token's probability that training spreads over the vocabulary.",
      otherNames: ["label_smoothing"]),
    .init(
      "training.neftune_noise_alpha", \.training.neftuneNoiseAlpha, .optional(.number(atLeast: 0)),
      "NEFTune: size of the noise on embeddings while training; null: none.",
      otherNames: ["neftune", "neftune_alpha"]),
    .init(
      "training.loraplus_lr_ratio", \.training.loraPlusRatio, .number(above: 0),
      "LoRA+: the learning rate of the adapters' B over that of A.",
      otherNames: ["lora_plus_ratio", "loraplus_ratio", "lora_plus_lr_ratio"]),
  ]

  private static let reporting: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "training.logging_steps", \.training.loggingSteps, .integer(count),
      "Optimiser steps between two lines of metrics.",
      otherNames: ["log_every", "log_interval", "steps_per_report", "log_steps"]),
    .init(
      "training.eval_strategy", \.training.evalStrategy, .choice(),
      "When to validate; without data.validation never.",
      otherNames: ["evaluation_strategy", "do_eval"]),
    .init(
      "training.eval_steps", \.training.evalSteps, .integer(count),
      "Optimiser steps between two validations, under eval_strategy: steps.",
      otherNames: ["eval_interval", "steps_per_eval", "eval_every"]),
    .init(
      "training.save_strategy", \.training.saveStrategy, .choice(),
      "When to write a checkpoint.", otherNames: ["checkpoint_strategy"]),
    .init(
      "training.save_steps", \.training.saveSteps, .integer(count),
      "Optimiser steps between two checkpoints, under save_strategy: steps.",
      otherNames: ["save_interval", "save_every", "checkpoint_every", "checkpoint_steps"]),
    .init(
      "training.save_total_limit", \.training.saveTotalLimit, .optional(.integer(count)),
      "How many checkpoints stay, the newest and the best; null: all."),
    .init(
      "training.load_best_model_at_end", \.training.loadBestModelAtEnd, .boolean,
      "Write the adapter that validated best, not the last one."),
    .init(
      "training.metric_for_best_model", \.training.metricForBestModel,
      .choice(aliases: RunConfiguration.BestModelMetric.aliases),
      "What the best adapter is best in: loss is the validation loss, lower is better."),
    .init(
      "training.early_stopping_patience", \.training.earlyStoppingPatience,
      .optional(.integer(count)),
      "Validations in a row without a new best after which the run stops; null: never.",
      otherNames: ["patience", "early_stopping"]),
    .init(
      "training.max_forgetting", \.training.maxForgetting, .optional(.number(above: 0)),
      "How much the loss on data.retention may rise, as a share, before the run stops; null: any.",
      otherNames: ["forgetting"]),
    .init(
      "training.samples", \.training.samples, .integer(0...100),
      "Validation conversations that the model answers for the report, before and after; 0: none.",
      otherNames: ["num_samples", "generate_samples"]),
    .init(
      "training.sample_prompts", \.training.samplePrompts,
      .list(.text("a prompt"), "a prompt, a list of them, or null", mayBeEmpty: true),
      "Prompts that it answers in their place; none: those of validation.",
      otherNames: ["eval_prompts", "validation_prompts"]),
  ]

  private static let scheduleOptions: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "training.lr_scheduler_kwargs.num_cycles", \.training.lrSchedulerKwargs.numCycles,
      .integer(1...1000), "How often cosine_with_restarts goes down."),
    .init(
      "training.lr_scheduler_kwargs.power", \.training.lrSchedulerKwargs.power,
      .number(above: 0), "The exponent of polynomial."),
    .init(
      "training.lr_scheduler_kwargs.lr_end", \.training.lrSchedulerKwargs.lrEnd,
      .number(atLeast: 0), "The learning rate at the end of polynomial."),
    .init(
      "training.lr_scheduler_kwargs.min_lr_rate", \.training.lrSchedulerKwargs.minLRRate,
      .number(0..<1),
      "The learning rate at the end of cosine_with_min_lr, as a share of the whole.",
      otherNames: ["min_lr"]),
  ]
}

extension ValueType where Value == Int? {
  /// A number of steps, or none; Transformers writes -1 for none.
  fileprivate static let stepLimit = ValueType(
    expectation: "a whole number from 1 to 1000000, or null"
  ) { node throws(ValueFault) in
    if node.plainText == "-1" { return nil }
    return try optional(.integer(1...1_000_000)).read(node)
  } text: {
    $0.map(String.init) ?? "null"
  }
}

extension ValueType where Value == Double {
  /// A share of all steps below 1, from there on a whole number of steps.
  fileprivate static let warmupSteps = number(
    "a share of at least 0 and below 1, or a whole number of steps up to 1000000"
  ) {
    $0 >= 0 && ($0 < 1 || $0 <= 1_000_000 && $0 == $0.rounded())
  }
}

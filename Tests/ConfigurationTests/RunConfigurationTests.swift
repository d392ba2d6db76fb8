import Configuration
import Testing

@Suite("Reading a configuration") struct RunConfigurationTests {
  private func read(_ yaml: String, set overrides: [String] = []) throws -> RunConfiguration {
    try RunConfiguration(
      yaml: Array("model: {path: m.gguf}\ndata: {train: a.jsonl}\n\(yaml)".utf8), name: "run.yaml",
      overrides: ["training.output_dir=runs/x"] + overrides)
  }

  @Test("what is not set has the default of a configuration made in code")
  func unsetKeysHaveDefaults() throws {
    let inCode = RunConfiguration(
      model: .init(path: "m.gguf"), data: .init(train: ["a.jsonl"]),
      training: .init(outputDir: "runs/x"))
    #expect(try read("") == inCode)
    #expect(try read("lora:\ntraining: ~") == inCode)
  }

  @Test("the example of the interface is read")
  func exampleIsRead() throws {
    let yaml = """
      model:
        path: models/SmolLM2-135M-Instruct.Q4_1.gguf
        load_in_4bit: true                # NF4
        bnb_4bit_quant_type: nf4
        bnb_4bit_use_double_quant: true
      data:
        train: data/support/train.jsonl
        validation: data/support/valid.jsonl
        max_length: 1024
        overlong: error
        shuffle: true
        assistant_only_loss: true
      lora:
        r: 16
        lora_alpha: 32
        lora_dropout: 0.05
        target_modules: [q_proj, k_proj, v_proj, o_proj]
        init_adapter: null
      training:
        output_dir: runs/support
        num_train_epochs: 3
        per_device_train_batch_size: 4
        gradient_accumulation_steps: 4
        learning_rate: 2.0e-4
        lr_scheduler_type: cosine
        warmup_ratio: 0.03
        weight_decay: 0.0
        max_grad_norm: 1.0
        seed: 42
        logging_steps: 1
        eval_steps: 50
        save_steps: 50
        save_total_limit: 3
      """
    let expected = RunConfiguration(
      model: .init(path: "models/SmolLM2-135M-Instruct.Q4_1.gguf", loadIn4Bit: true),
      data: .init(train: ["data/support/train.jsonl"], validation: ["data/support/valid.jsonl"]),
      lora: .init(
        rank: 16, alpha: 32, dropout: 0.05,
        targetModules: .names(["q_proj", "k_proj", "v_proj", "o_proj"])),
      training: .init(
        outputDir: "runs/support", perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 4,
        learningRate: 2e-4, lrSchedulerType: .cosine, warmupRatio: 0.03))
    #expect(try RunConfiguration(yaml: Array(yaml.utf8), name: "run.yaml") == expected)
  }

  @Test(
    "a number is one in whatever way it is written",
    arguments: ["1e-5", "1.0e-5", "0.00001", "'1e-5'", "\"1E-05\"", "+1e-5", ".1e-4"])
  func numberIsReadBySchema(_ text: String) throws {
    #expect(try read("training: {learning_rate: \(text)}").training.learningRate == 1e-5)
  }

  @Test(
    "modules are a list, all-linear or a regular expression",
    arguments: [
      ("all-linear", .allLinear), ("[q_proj]", .names(["q_proj"])),
      ("q_proj", .pattern("q_proj")), (#"'.*\.(q|v)_proj'"#, .pattern(#".*\.(q|v)_proj"#)),
    ] as [(String, RunConfiguration.ModuleSelection)])
  func modulesAreRead(_ text: String, _ expected: RunConfiguration.ModuleSelection) throws {
    #expect(try read("lora: {target_modules: \(text)}").lora.targetModules == expected)
    if expected != .allLinear {
      #expect(try read("lora: {exclude_modules: \(text)}").lora.excludeModules == expected)
    }
  }

  @Test("one value stands for a list of one")
  func oneValueIsList() throws {
    #expect(try read("lora: {layers_to_transform: 3}").lora.layersToTransform == [3])
    #expect(
      try read("", set: ["data.train=[a.jsonl, b.jsonl]"]).data.train == ["a.jsonl", "b.jsonl"])
    #expect(try read("", set: ["data.validation=v.jsonl"]).data.validation == ["v.jsonl"])
    #expect(try read("", set: ["data.validation=null"]).data.validation.isEmpty)
  }

  @Test("patterns keep their order, which decides between two that match")
  func patternsKeepOrder() throws {
    let lora = try read("lora: {rank_pattern: {z: 1, a: 2, m: 3}}").lora
    #expect(lora.rankPattern.map(\.pattern) == ["z", "a", "m"])
    #expect(lora.rankPattern.map(\.value) == [1, 2, 3])
  }

  @Test("Transformers' -1 for max_steps is no limit")
  func minusOneIsNoLimit() throws {
    #expect(try read("training: {max_steps: -1}").training.maxSteps == nil)
    #expect(try read("training: {max_steps: 7}").training.maxSteps == 7)
  }

  @Test(
    "memory is a size in decimal or binary units, or a number of bytes",
    arguments: [
      ("600MB", 600_000_000), ("0.6GB", 600_000_000), ("512MiB", 536_870_912),
      ("1.5 GiB", 1_610_612_736), ("350mb", 350_000_000), ("1000kb", 1_000_000),
      ("123456789", 123_456_789), ("1e3MB", nil), ("null", .some(nil)),
      ("1024TB", 1_024_000_000_000_000),
    ] as [(String, Int??)])
  func memoryIsRead(_ text: String, _ expected: Int??) throws {
    guard let expected else {
      #expect(throws: ConfigurationError.self) { try read("training: {max_memory: \(text)}") }
      return
    }
    let run = try read("training: {max_memory: \(text)}")
    #expect(run.training.maxMemory == expected)
    #expect(
      try RunConfiguration(yaml: Array(run.resolvedYAML().utf8), name: "") == run)
  }

  @Test(
    "lora: null trains all weights, and an empty section is the default adapter",
    arguments: [
      ("lora: null", [], true), ("lora: ~", [], true), ("lora:", [], false), ("", [], false),
      ("lora: {r: 4}", ["lora=null"], true), ("lora: {r: 4}", ["lora.r=5", "lora=null"], true),
    ] as [(String, [String], Bool)])
  func allWeights(_ text: String, _ overrides: [String], _ expected: Bool) throws {
    let run = try read(text, set: overrides)
    #expect(run.trainsAllWeights == expected)
    #expect(run.lora == RunConfiguration.LoRA())
    #expect(run.resolvedYAML().contains("\nlora: null\n") == expected)
    #expect(try RunConfiguration(yaml: Array(run.resolvedYAML().utf8), name: "") == run)
  }

  @Test("no is a strategy and not the truth value of YAML 1.1")
  func noIsStrategy() throws {
    #expect(try read("training: {eval_strategy: no}").training.evalStrategy == .no)
    #expect(try read("lora: {use_rslora: yes}").lora.useRSLoRA)
  }

  @Test(
    "Transformers' names of AdamW all mean it",
    arguments: ["adamw", "adamw_torch", "adamw_torch_fused", "adamw_hf", "paged_adamw"])
  func optimizerAliases(_ name: String) throws {
    #expect(try read("training: {optim: \(name)}").training.optim == .adamW)
  }

  @Test("an override replaces a value, even a wrong one, and the last of two counts")
  func overrideReplaces() throws {
    let run = try read(
      "training: {seed: nonsense, learning_rate: 1e-3}",
      set: ["training.seed=1", "training.seed=7", "training.learning_rate=1e-4"])
    #expect(run.training.seed == 7)
    #expect(run.training.learningRate == 1e-4)
  }

  @Test(
    "an override's value needs no quotes unless it starts like YAML",
    arguments: [
      ("a: b # c.jsonl", "a: b # c.jsonl"), ("x=y.jsonl", "x=y.jsonl"),
      ("'[a].jsonl'", "[a].jsonl"),
      ("*.jsonl", "*.jsonl"), ("&a", "&a"), ("é", "é"),
    ])
  func overrideIsTakenAsItStands(_ text: String, _ expected: String) throws {
    #expect(try read("", set: ["data.train=\(text)"]).data.train == [expected])
  }

  @Test(
    "warm-up is steps, a share of them from below 1, rounded up, and never more than all",
    arguments: [
      (0, 0, 100, 0), (10, 0, 100, 10), (0.03, 0, 100, 3), (0.03, 0, 101, 4), (0, 0.5, 7, 4),
      (1, 0, 100, 1), (500, 0, 100, 100), (0.999, 0, 1, 1), (0.5, 0, 0, 0),
    ] as [(Double, Double, Int, Int)])
  func warmupStepsAreCounted(_ steps: Double, _ ratio: Double, _ total: Int, _ expected: Int) {
    let training = RunConfiguration.Training(
      outputDir: "", warmupSteps: steps, warmupRatio: ratio)
    #expect(training.warmupStepCount(totalSteps: total) == expected)
  }
}

/// The keys of a run.
enum ConfigurationSchema {
  static let table = ConfigurationTable<RunConfiguration>(
    keys: model + data + lora + training, sections: sections, reference: "configs/reference.yaml")

  private static let sections: [ConfigurationTable<RunConfiguration>.Section] = [
    ("model", "The base model and its precision."),
    ("data", "The examples; paths are relative to the working directory."),
    ("lora", "The adapter: keys of PEFT's LoraConfig."),
    ("training", "The loop: keys of Transformers' TrainingArguments."),
    ("training.lr_scheduler_kwargs", "What some schedules need beside the steps."),
  ]

  private static let model: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "model.path", \.model.path,
      .text("a .gguf file, a Hugging Face folder, or org/name in the Hugging Face cache"),
      "The base model.",
      requiredExample: "models/SmolLM2-135M-Instruct.Q4_1.gguf",
      otherNames: [
        "model_name_or_path", "base_model", "model_name", "base_model_name_or_path", "name",
        "pretrained_model_name_or_path",
      ]),
    .init(
      "model.load_in_4bit", \.model.loadIn4Bit, .boolean,
      "Hold the linear layers in 4 bits while training (QLoRA); false keeps the file's precision.",
      otherNames: ["qlora", "quantize", "quantization"]),
    .init(
      "model.bnb_4bit_quant_type", \.model.quantType, .choice(),
      "The 4-bit data type.", otherNames: ["quant_type"]),
    .init(
      "model.bnb_4bit_use_double_quant", \.model.useDoubleQuant, .boolean,
      "Quantise the 4-bit blocks' scales to 8 bits: 4.13 instead of 4.5 bits a weight.",
      otherNames: ["double_quant", "bnb_4bit_use_nested_quant"]),
  ]

  private static let data: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "data.train", \.data.train,
      .list(.text("a path"), "a JSONL file or a list of them", mayBeEmpty: false),
      "JSONL files to learn from.", requiredExample: "data/support/train.jsonl",
      otherNames: [
        "train_file", "train_files", "training_file", "dataset", "train_dataset", "path",
      ]),
    .init(
      "data.validation", \.data.validation,
      .list(.text("a path"), "a JSONL file, a list of them, or null", mayBeEmpty: true),
      "JSONL files to validate on; none: no validation.",
      otherNames: ["valid", "eval", "validation_file", "eval_dataset", "eval_file", "test"]),
    .init(
      "data.retention", \.data.retention,
      .list(.text("a path"), "a JSONL file, a list of them, or null", mayBeEmpty: true),
      "JSONL files of what the model should not forget: measured with every validation, not learnt.",
      otherNames: ["retain", "retention_file", "general", "forget"]),
    .init(
      "data.max_length", \.data.maxLength, .integer(2...1_048_576),
      "The longest example, in tokens.",
      otherNames: ["max_seq_length", "max_seq_len", "block_size", "sequence_len", "cutoff_len"]),
    .init(
      "data.overlong", \.data.overlong, .choice(),
      "What happens to a longer one: the run does not start, it is left out, its end is cut off.",
      otherNames: ["truncation", "truncation_mode"]),
    .init(
      "data.shuffle", \.data.shuffle, .boolean,
      "Take the examples in a new order each epoch.", otherNames: ["shuffle_dataset"]),
    .init(
      "data.assistant_only_loss", \.data.assistantOnlyLoss, .boolean,
      "Learn only what the assistant says; false: the whole conversation.",
      otherNames: ["train_on_inputs", "mask_prompt", "train_on_responses_only"]),
  ]

  private static let lora: [ConfigurationKey<RunConfiguration>] = [
    .init(
      "lora.r", \.lora.rank, .integer(1...65536),
      "Rank: the inner dimension of the two adapter matrices.",
      otherNames: ["rank", "lora_r", "lora_rank"]),
    .init(
      "lora.lora_alpha", \.lora.alpha, .number(above: 0),
      "The adapter's output is scaled by lora_alpha / r.", otherNames: ["alpha"]),
    .init(
      "lora.lora_dropout", \.lora.dropout, .number(0..<1),
      "The share of a layer's inputs hidden from the adapter in a training step.",
      otherNames: ["dropout"]),
    .init(
      "lora.target_modules", \.lora.targetModules, .modules(allowsAllLinear: true),
      "The linear layers that get an adapter; all-linear: every one but the output head.",
      otherNames: ["modules", "lora_target_modules", "keys"]),
    .init(
      "lora.exclude_modules", \.lora.excludeModules, .optional(.modules(allowsAllLinear: false)),
      "The linear layers among them that get none."),
    .init(
      "lora.layers_to_transform", \.lora.layersToTransform,
      .optional(
        .list(
          .integer(0...65535), "a transformer block's number from 0, or a list of them",
          mayBeEmpty: false)),
      "The transformer blocks whose layers get an adapter, from 0; null: all.",
      otherNames: ["layers", "num_layers", "lora_layers"]),
    .init(
      "lora.rank_pattern", \.lora.rankPattern, .patterns(of: .integer(1...65536)),
      "Ranks of layers that differ, by a regular expression for the end of their name.",
      otherNames: ["r_pattern"]),
    .init(
      "lora.alpha_pattern", \.lora.alphaPattern, .patterns(of: .number(above: 0)),
      "Alphas of layers that differ, by a regular expression for the end of their name."),
    .init(
      "lora.use_rslora", \.lora.useRSLoRA, .boolean,
      "Scale by lora_alpha / sqrt(r) instead of lora_alpha / r.", otherNames: ["rslora"]),
    .init(
      "lora.use_dora", \.lora.useDoRA, .boolean,
      "DoRA: learn the length of each weight row apart from its direction.", otherNames: ["dora"]),
    .init(
      "lora.init_lora_weights", \.lora.initLoRAWeights, .choice(),
      "How the matrices start: true is uniform A, zero B; gaussian and pissa are supported, too."),
    .init(
      "lora.modules_to_save", \.lora.modulesToSave,
      .list(.text("a module's name"), "a list of module names, or null", mayBeEmpty: true),
      "Further modules trained whole; not supported yet."),
    .init(
      "lora.init_adapter", \.lora.initAdapter, .optional(.text("a PEFT folder or a GGUF adapter")),
      "An adapter that the run continues from.",
      otherNames: ["adapter", "adapter_path", "resume_adapter", "adapter_name_or_path"]),
  ]
}

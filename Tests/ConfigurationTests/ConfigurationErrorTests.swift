import Configuration
import Foundation
import Testing

@Suite("Configuration errors") struct ConfigurationErrorTests {
  struct ErrorCase: Sendable, CustomTestStringConvertible {
    let id: String
    let yaml: String
    let overrides: [String]
    let expected: String

    var testDescription: String { id }

    /// `yaml` follows a valid `model`, `data` and `training.output_dir` unless it is `whole`.
    init(_ id: String, _ yaml: String, whole: Bool = false, set: [String] = [], _ expected: String)
    {
      self.id = id
      self.yaml = whole ? yaml : "model: {path: m.gguf}\ndata: {train: a.jsonl}\n" + yaml
      self.overrides = (whole ? [] : ["training.output_dir=runs/x"]) + set
      self.expected = expected
    }
  }

  static let cases: [ErrorCase] =
    values + keys + structure + overrides + contradictions + unsupported

  static let values = [
    ErrorCase(
      "text for a number", "training:\n  learning_rate: fast",
      #"training.learning_rate: expected a number above 0, found "fast" (run.yaml line 4)"#),
    ErrorCase(
      "zero for a number above 0", "training:\n  learning_rate: 0",
      "training.learning_rate: expected a number above 0, found 0 (run.yaml line 4)"),
    ErrorCase(
      "infinity", "training:\n  learning_rate: inf",
      "training.learning_rate: expected a number above 0, found inf (run.yaml line 4)"),
    ErrorCase(
      "a number that is none in YAML", "training:\n  learning_rate: 0x1p3",
      "training.learning_rate: expected a number above 0, found 0x1p3 (run.yaml line 4)"),
    ErrorCase(
      "an overflowing number", "training:\n  learning_rate: 1e999",
      "training.learning_rate: expected a number above 0, found 1e999 (run.yaml line 4)"),
    ErrorCase(
      "null for a number", "training:\n  learning_rate:",
      "training.learning_rate: expected a number above 0, found null (run.yaml line 4)"),
    ErrorCase(
      "a fraction for a whole number", "lora:\n  r: 8.5",
      "lora.r: expected a whole number from 1 to 65536, found 8.5 (run.yaml line 4)"),
    ErrorCase(
      "a whole number out of range", "lora:\n  r: 0",
      "lora.r: expected a whole number from 1 to 65536, found 0 (run.yaml line 4)"),
    ErrorCase(
      "a whole number beyond 64 bits", "lora:\n  r: 99999999999999999999",
      "lora.r: expected a whole number from 1 to 65536, found 99999999999999999999 (run.yaml line 4)"
    ),
    ErrorCase(
      "memory without a number", "training:\n  max_memory: lots",
      "training.max_memory: expected a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes, or null, "
        + #"found "lots" (run.yaml line 4)"#),
    ErrorCase(
      "memory below the bound", "training:\n  max_memory: 999999",
      "training.max_memory: expected a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes, or null, "
        + #"found 999999 (run.yaml line 4)"#),
    ErrorCase(
      "memory above the bound", "training:\n  max_memory: 1025TB",
      "training.max_memory: expected a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes, or null, "
        + #"found "1025TB" (run.yaml line 4)"#),
    ErrorCase(
      "negative memory", "training:\n  max_memory: -1GB",
      "training.max_memory: expected a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes, or null, "
        + #"found "-1GB" (run.yaml line 4)"#),
    ErrorCase(
      "memory in words", "training:\n  max_memory: 600 megabytes",
      "training.max_memory: expected a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes, or null, "
        + #"found "600 megabytes" (run.yaml line 4)"#),
    ErrorCase(
      "a negative seed", "training: {seed: -1}",
      "training.seed: expected a whole number from 0 to 18446744073709551615, found -1 (run.yaml line 3)"
    ),
    ErrorCase(
      "dropout of 1", "lora: {lora_dropout: 1.0}",
      "lora.lora_dropout: expected a number of at least 0 and below 1, found 1.0 (run.yaml line 3)"),
    ErrorCase(
      "a number for true or false", "lora: {use_rslora: 2}",
      "lora.use_rslora: expected true or false, found 2 (run.yaml line 3)"),
    ErrorCase(
      "a list for a number", "lora: {r: [8]}",
      "lora.r: expected a whole number from 1 to 65536, found a list (run.yaml line 3)"),
    ErrorCase(
      "keys for a path", "training: {output_dir: {a: b}}", whole: true,
      "training.output_dir: expected a path, found keys with values (run.yaml line 1)"),
    ErrorCase(
      "an unknown choice", "data: {overlong: cut}", whole: true,
      #"data.overlong: expected error, drop or truncate, found "cut" (run.yaml line 1)"#),
    ErrorCase(
      "a schedule that does not exist", "training: {lr_scheduler_type: cosin}",
      "training.lr_scheduler_type: expected constant, constant_with_warmup, linear, cosine, "
        + #"cosine_with_restarts, cosine_with_min_lr, polynomial or inverse_sqrt, found "cosin" (run.yaml line 3)"#
    ),
    ErrorCase(
      "a list without a file", "data: {train: []}", whole: true,
      "data.train: expected a JSONL file or a list of them, found an empty list (run.yaml line 1)"),
    ErrorCase(
      "an element of a list on its own line", "data:\n  train:\n    - a.jsonl\n    - [b.jsonl]",
      whole: true, "data.train: expected a path, found a list (run.yaml line 4)"),
    ErrorCase(
      "an empty path", "model: {path: ''}", whole: true,
      "model.path: expected a .gguf file, a Hugging Face folder, or org/name in the Hugging Face "
        + #"cache, found "" (run.yaml line 1)"#),
    ErrorCase(
      "an empty list of modules", "lora: {target_modules: []}",
      "lora.target_modules: expected a list of module names, all-linear, or a regular expression, "
        + "found an empty list (run.yaml line 3)"),
    ErrorCase(
      "a negative layer", "lora: {layers_to_transform: [0, -1]}",
      "lora.layers_to_transform: expected a whole number from 0 to 65535, found -1 (run.yaml line 3)"
    ),
    ErrorCase(
      "a rank pattern that is no mapping", "lora: {rank_pattern: [q_proj]}",
      "lora.rank_pattern: expected patterns, each with a whole number from 1 to 65536, found a list "
        + "(run.yaml line 3)"),
    ErrorCase(
      "a rank pattern of rank 0", "lora:\n  rank_pattern:\n    q_proj: 4\n    v_proj: 0",
      "lora.rank_pattern: expected a whole number from 1 to 65536, found 0 (run.yaml line 6)"),
    ErrorCase(
      "one and a half steps of warm-up", "training: {warmup_steps: 1.5}",
      "training.warmup_steps: expected a share of at least 0 and below 1, or a whole number of steps "
        + "up to 1000000, found 1.5 (run.yaml line 3)"),
    ErrorCase(
      "a long value is cut", "lora: {r: \(String(repeating: "x", count: 500))}",
      "lora.r: expected a whole number from 1 to 65536, found "
        + "\"\(String(repeating: "x", count: 60))…\" (run.yaml line 3)"),
    ErrorCase(
      "max_steps of 0", "training: {max_steps: 0}",
      "training.max_steps: expected a whole number from 1 to 1000000, or null, found 0 (run.yaml line 3)"
    ),
    ErrorCase(
      "4-bit floating point", "model: {path: a, bnb_4bit_quant_type: fp4}", whole: true,
      #"model.bnb_4bit_quant_type: expected nf4, found "fp4" (run.yaml line 1)"#),
  ]

  static let keys = [
    ErrorCase(
      "a misspelt key", "training:\n  learing_rate: 1e-4",
      "training.learing_rate: unknown key; did you mean training.learning_rate? (run.yaml line 4)"),
    ErrorCase(
      "a key of another section", "lora: {learning_rate: 1e-4}",
      "lora.learning_rate: unknown key; did you mean training.learning_rate? (run.yaml line 3)"),
    ErrorCase(
      "a key without section", "learning_rate: 1e-4",
      "learning_rate: unknown key; did you mean training.learning_rate? (run.yaml line 3)"),
    ErrorCase(
      "another tool's name for a key", "training: {batch_size: 4}",
      "training.batch_size: unknown key; did you mean training.per_device_train_batch_size? "
        + "(run.yaml line 3)"),
    ErrorCase(
      "PEFT's prefix left out", "lora: {alpha: 4}",
      "lora.alpha: unknown key; did you mean lora.lora_alpha? (run.yaml line 3)"),
    ErrorCase(
      "a misspelt section", "trainig: {seed: 1}",
      "trainig: unknown key; did you mean training? (run.yaml line 3)"),
    ErrorCase(
      "a key like no other", "lora: {zebra: 1}",
      "lora.zebra: unknown key; configs/reference.yaml lists every key (run.yaml line 3)"),
    ErrorCase(
      "a section like no other", "zebra: {r: 1}",
      "zebra: unknown key; the sections are model, data, lora and training (run.yaml line 3)"),
    ErrorCase(
      "a key in capitals", "lora: {R: 1}",
      "lora.R: unknown key; did you mean lora.r? (run.yaml line 3)"),
    ErrorCase(
      "a key that is a path", "model.path: x",
      "model.path: unknown key; write path: inside model: (run.yaml line 3)"),
    ErrorCase(
      "a very long key", "lora: {\(String(repeating: "k", count: 900)): 1}",
      "lora.\(String(repeating: "k", count: 75))…: unknown key; configs/reference.yaml lists every key "
        + "(run.yaml line 3)"),
    ErrorCase(
      "packing", "training: {packing: true}",
      "training.packing: does not apply; examples already lie end to end without padding, and never "
        + "see each other; remove it (run.yaml line 3)"),
    ErrorCase(
      "bf16", "training:\n  bf16: true",
      "training.bf16: does not apply; Lorikeet computes in 32-bit floating point; model.load_in_4bit "
        + "saves memory; remove it (run.yaml line 4)"),
    ErrorCase(
      "gradient_checkpointing at top level", "gradient_checkpointing: true",
      "gradient_checkpointing: does not apply; Lorikeet plans memory itself; "
        + "training.max_memory says how much it may take; remove it (run.yaml line 3)"),
    ErrorCase(
      "device_map", "model: {path: m, device_map: auto}", whole: true,
      "model.device_map: does not apply; Lorikeet trains on this machine's CPU; --threads sets how "
        + "many cores; remove it (run.yaml line 1)"),
    ErrorCase(
      "report_to", "training: {report_to: wandb}",
      "training.report_to: does not apply; metrics go to metrics.jsonl and report.html in the run "
        + "folder; remove it (run.yaml line 3)"),
  ]

  static let structure = [
    ErrorCase("an empty file", "", whole: true, "the file is empty (run.yaml line 1)"),
    ErrorCase(
      "nothing but a comment", "# a\n", whole: true, "the file is empty (run.yaml line 1)"),
    ErrorCase(
      "no model", "data: {train: a}\ntraining: {output_dir: b}", whole: true,
      "model.path: missing; set it, as in path: models/SmolLM2-135M-Instruct.Q4_1.gguf (run.yaml)"),
    ErrorCase(
      "no run folder", "model: {path: m}\ndata: {train: a}", whole: true,
      "training.output_dir: missing; set it, as in output_dir: runs/support (run.yaml)"),
    ErrorCase(
      "a list for a file", "- a", whole: true,
      "expected keys with values, found a list (run.yaml line 1)"),
    ErrorCase(
      "text for a section", "training: fast",
      #"training: expected keys with values, found "fast" (run.yaml line 3)"#),
    ErrorCase(
      "a section twice", "data: {shuffle: true}",
      "the key \"data\" occurs twice, first on line 2 (run.yaml line 3)"),
    ErrorCase(
      "a tab", "training:\n\tseed: 1",
      "while scanning for the next token: found character that cannot start any token; indent with "
        + "spaces, not tabs (run.yaml line 4)"),
    ErrorCase(
      "an alias", "training: &t {seed: 1}\nlora: *t",
      "an anchor (&name) is not read; repeat the value (run.yaml line 3)"),
  ]

  static let overrides = [
    ErrorCase(
      "an override without value", "", set: ["training.seed"],
      "--set training.seed: expected key=value with a dotted key, such as training.learning_rate=1e-4"
    ),
    ErrorCase(
      "an override of a section", "", set: ["training=1"],
      "--set training=1: expected key=value with a dotted key, such as training.learning_rate=1e-4"),
    ErrorCase(
      "an override of an unknown key", "", set: ["training.learnig_rate=1"],
      "training.learnig_rate: unknown key; did you mean training.learning_rate? "
        + "(--set training.learnig_rate=1)"),
    ErrorCase(
      "an override of the wrong type", "", set: ["training.seed=x"],
      "training.seed: expected a whole number from 0 to 18446744073709551615, found \"x\" "
        + "(--set training.seed=x)"),
    ErrorCase(
      "an override that is half a list", "", set: ["lora.target_modules=[q_proj"],
      "the value starts like YAML and is not; close it, or put it in quotes "
        + "(--set lora.target_modules=[q_proj)"),
  ]

  static let contradictions = [
    ErrorCase(
      "two warm-ups", "training:\n  warmup_steps: 10\n  warmup_ratio: 0.1",
      "training.warmup_ratio: warmup_steps is set too; remove one of the two (run.yaml line 5)"),
    ErrorCase(
      "the best of no validation", "training: {load_best_model_at_end: true}",
      "training.load_best_model_at_end: the best adapter is found by validation; set data.validation "
        + "and an eval_strategy (run.yaml line 3)"),
    ErrorCase(
      "early stopping without validation", "training: {early_stopping_patience: 2}",
      "training.early_stopping_patience: early stopping looks at validation; set data.validation and "
        + "an eval_strategy (run.yaml line 3)"),
    ErrorCase(
      "dropout of principal parts", "lora: {init_lora_weights: pissa, lora_dropout: 0.1}",
      "lora.lora_dropout: a pissa adapter holds the principal part of the weights, of which nothing "
        + "can be dropped; set it to 0 (run.yaml line 3)"),
    ErrorCase(
      "another schedule's option", "training:\n  lr_scheduler_kwargs:\n    power: 2",
      "training.lr_scheduler_kwargs.power: the schedule linear does not use it; remove it or set "
        + "lr_scheduler_type to polynomial (run.yaml line 5)"),
    ErrorCase(
      "a schedule that ends above its start",
      "training: {lr_scheduler_type: polynomial, learning_rate: 1e-5, lr_scheduler_kwargs: {lr_end: 1e-4}}",
      "training.lr_scheduler_kwargs.lr_end: the learning rate ends at 0.0001, which is not below "
        + "learning_rate 1e-05 (run.yaml line 3)"),
  ]

  static let unsupported = [
    ErrorCase(
      "OLoRA", "lora: {init_lora_weights: olora}",
      "lora.init_lora_weights: not supported yet; use true, gaussian or pissa (run.yaml line 3)"),
    ErrorCase(
      "modules trained whole", "lora: {modules_to_save: [lm_head]}",
      "lora.modules_to_save: not supported yet; remove it; only adapters on linear layers are trained "
        + "(run.yaml line 3)"),
    ErrorCase(
      "another optimiser", "training: {optim: paged_adamw_8bit}",
      "training.optim: not supported yet; use adamw (run.yaml line 3)"),
  ]

  @Test("a fault is told in one sentence with key, place and remedy", arguments: cases)
  func faultIsTold(_ errorCase: ErrorCase) {
    let error = #expect(throws: ConfigurationError.self) {
      try RunConfiguration(
        yaml: Array(errorCase.yaml.utf8), name: "run.yaml", overrides: errorCase.overrides)
    }
    #expect(error?.description == errorCase.expected)
  }

  @Test("a file that is not there, or is a folder, is named")
  func missingFileIsNamed() {
    let missing = #expect(throws: ConfigurationError.self) {
      try RunConfiguration.load(path: "/no/such/run.yaml")
    }
    #expect(missing == .missingFile(path: "/no/such/run.yaml"))
    #expect(
      missing?.description
        == "/no/such/run.yaml: there is no such file; give the path of a configuration such as configs/support.yaml"
    )
    let folder = #expect(throws: ConfigurationError.self) {
      try RunConfiguration.load(path: NSTemporaryDirectory())
    }
    #expect(folder?.description == "\(NSTemporaryDirectory()): cannot be read: Is a directory")
  }

  @Test("every key refuses a value of a foreign type, and names itself")
  func everyKeyRefusesForeignValue() {
    for key in RunConfiguration.schema {
      var yaml = ""
      for (depth, part) in key.path.split(separator: ".").enumerated() {
        yaml += (depth == 0 ? "" : "\n") + String(repeating: " ", count: depth) + "\(part):"
      }
      // No key takes a list of lists of keys.
      yaml += " [[{a: b}]]"
      let error = #expect(throws: ConfigurationError.self) {
        try RunConfiguration(yaml: Array(yaml.utf8), name: "run.yaml")
      }
      #expect(error?.description.hasPrefix("\(key.path): expected ") == true, "\(key.path)")
    }
  }

  @Test("a configuration made in code is checked by the same bounds")
  func codeIsChecked() throws {
    var run = RunConfiguration(
      model: .init(path: "m"), data: .init(train: ["a"]), training: .init(outputDir: "r"))
    try run.validate()
    run.training.learningRate = -.infinity
    var error = #expect(throws: ConfigurationError.self) { try run.validate() }
    #expect(error?.description == "training.learning_rate: expected a number above 0, found -inf")
    run.training.learningRate = 1e-4
    run.data.train = []
    error = #expect(throws: ConfigurationError.self) { try run.validate() }
    #expect(
      error?.description
        == "data.train: expected a JSONL file or a list of them, found an empty list")
    run.data.train = ["a"]
    run.lora.modulesToSave = ["lm_head"]
    error = #expect(throws: ConfigurationError.self) { try run.validate() }
    #expect(
      error?.description
        == "lora.modules_to_save: not supported yet; remove it; only adapters on linear layers are trained"
    )
  }
}

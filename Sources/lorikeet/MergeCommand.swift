import CausalLM
import Configuration
import Inference
import LoRA
import ModelFiles
import Quantization
import Serialization
import Training

/// `lorikeet merge`.
enum MergeCommand: Command {
  static let name = "merge"
  static let summary = "folds adapters into the weights and writes a stand-alone model"
  static let positional: [String] = []
  static let flags = [
    Flag(
      name: "--model", value: "M",
      help: "the base: .gguf file, Hugging Face folder, or org/name[@revision]; "
        + "default: the one that the first adapter's folder names", isRequired: true,
      isNamedBy: "--adapter"),
    Flag(
      name: "--adapter", value: "A", help: "a PEFT adapter folder or a GGUF adapter",
      isRequired: true,
      isRepeatable: true),
    ModelSelection.runFlag,
    Flag(
      name: "--scale", value: "S", help: "factor of the adapter before it; default 1",
      isRepeatable: true),
    Flag(
      name: "--output", value: "O", help: "a .gguf file, or a folder for Hugging Face safetensors",
      isRequired: true),
    Flag(
      name: "--type", value: "T",
      help: "f32, f16, bf16; GGUF also \(WeightTypes.blockNames); default f16"),
    Flag(
      name: "--max-shard-size", value: "SIZE",
      help: "largest safetensors file of a folder, such as 2GB; default 5GB"),
    ModelSelection.fourBitFlag,
  ]
  static let example = "lorikeet merge --run runs/a --output tuned.gguf --type q8_0"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let output = arguments.string("--output") ?? ""
    let type = try WeightTypes.type(arguments.string("--type") ?? "f16", of: Self.self)
    let shardText = arguments.string("--max-shard-size")
    guard let shardBytes = MemorySize.bytes(shardText ?? "5GB") else {
      throw UsageError(
        command: Self.self,
        "--max-shard-size: expected a size of at least 1MB such as 500MB or 2GB, found \"\(shardText ?? "")\""
      )
    }
    let isGGUF = output.hasSuffix(".gguf")
    if isGGUF, shardText != nil {
      throw UsageError(
        command: Self.self, "--max-shard-size: a GGUF file is never divided; name a folder")
    }
    let scales = try arguments.strings("--scale").map { text in
      guard let scale = Float(text), scale.isFinite else {
        throw UsageError(command: Self.self, "--scale: expected a number, found \"\(text)\"")
      }
      return scale
    }
    // A run has one adapter.
    guard scales.count <= max(1, arguments.strings("--adapter").count) else {
      throw UsageError(command: Self.self, "--scale is given more often than --adapter")
    }
    let selection = try ModelSelection(arguments, console)
    let chat = try selection.load(console)
    let adapters = try selection.adapters.enumerated().map { index, path in
      (
        try LoRAAdapter.read(path, for: chat.model.adaptableLayers),
        index < scales.count ? scales[index] : 1
      )
    }
    for (path, (adapter, scale)) in zip(selection.adapters, adapters)
    where adapter.hasMagnitudes && (scale != 1 || adapters.count > 1) {
      throw LoRAError.notAdditive(path: path)
    }
    let merge = ModelMerge(chat, adapters: adapters)
    let written = try console.stage("merging and writing", in: .bytes) { progress in
      isGGUF
        ? try GGUFModelWriter.write(
          chat.file, to: output, as: type, rows: merge.rows, progress: progress)
        : try HuggingFaceWriter.write(
          chat.file, to: output, as: type, maximumShardBytes: shardBytes, rows: merge.rows,
          progress: progress)
    }

    var json = JSONObject()
    json["output"] = .string(written.path)
    json["bytes"] = .integer(written.byteCount)
    json["types"] = .object(
      JSONObject(written.typeCounts.map { ($0.type.rawValue, .integer($0.count)) }))
    console.print("wrote \(WeightTypes.summary(of: written))")
    WeightTypes.noteFallbacks(of: written, wanted: type, console)

    // One adapter can be applied beside the base, so what the merge lost can be measured.
    if adapters.count == 1, adapters[0].1 == 1 {
      chat.model.attach(adapters[0].0)
      let merged = try ChatModel(path: output)
      let texts = try probes(chat)
      let distance = console.stage("comparing with base and adapter", in: .things("texts")) {
        ModelMerge.distance(chat.model, merged.model, on: texts, progress: $0)
      }
      json["max_logit_difference"] = .number(distance.logits)
      json["kl_divergence"] = .number(distance.divergence)
      json["top1_agreement"] = .number(distance.agreement)
      console.print(
        "against base + adapter on \(distance.positions) positions: max|Δlogit|/max|logit| \(Format.scientific(distance.logits)), KL \(Format.scientific(distance.divergence)) nats, same likeliest token \(Format.percent(distance.agreement))"
      )
      if type.blockElements > 1 {
        console.print("the difference is what storing the merged weights as \(type.rawValue) cost")
      }
      if selection.precision != .stored {
        console.print(
          "the linear layers hold what NF4 kept of the base, since that is what the adapter was trained on"
        )
      }
    }
    try console.json(json)
  }

  /// A few texts of the kind that the model sees.
  private static func probes(_ chat: ChatModel) throws -> [[Int32]] {
    let questions = [
      "What is the capital of France?", "Write a short poem about the sea.",
      "my order 48213 still hasn't arrived, can you check?", "List three uses of copper.",
    ]
    return try questions.map { try chat.prompt([ChatModel.message("user", $0)]) }
  }
}

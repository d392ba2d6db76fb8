import CausalLM
import Configuration
import Datasets
import Inference
import LoRA
import ModelFiles
import Quantization
import Serialization

/// `lorikeet merge`.
enum MergeCommand: Command {
  static let name = "merge"
  static let summary = "folds adapters into the weights and writes a stand-alone model"
  static let positional: [String] = []
  static let flags =
    [
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
    ] + AdapterCombining.flags + [
      Flag(
        name: "--output", value: "O",
        help: "a .gguf file, or a folder for Hugging Face safetensors", isRequired: true),
      Flag(
        name: "--type", value: "T",
        help: "f32, f16, bf16; GGUF also \(WeightTypes.blockNames); default f16"),
      Flag(
        name: "--policy", value: "P",
        help:
          "which way of quantising is taken: one-file (the nearer of plain and refit, the default), closest (or the adapter apart), plain, refit or apart"
      ),
      Flag(
        name: "--data", value: "FILE",
        help: "rows to compare with base and adapter on, JSONL as for training; default a few texts"
      ),
      Flag(name: "--limit", value: "N", help: "only the first N rows of --data; default 32"),
      Flag(
        name: "--max-shard-size", value: "SIZE",
        help: "largest safetensors file of a folder, such as 2GB; default 5GB"),
      ModelSelection.fourBitFlag,
    ]
  static let example = "lorikeet merge --run runs/a --output tuned.gguf --type q8_0"

  /// What the command line says, checked.
  private struct Request {
    let output: String
    let type: StorageType
    let policy: MergePolicy
    let shardBytes: Int
    let combining: AdapterCombining

    var isGGUF: Bool { output.hasSuffix(".gguf") }

    init(_ arguments: Arguments) throws {
      let command = MergeCommand.self
      output = arguments.string("--output") ?? ""
      type = try WeightTypes.type(arguments.string("--type") ?? "f16", of: command)
      let shardText = arguments.string("--max-shard-size")
      guard let shardBytes = MemorySize.bytes(shardText ?? "5GB") else {
        throw UsageError(
          command: command,
          "--max-shard-size: expected a size of at least 1MB such as 500MB or 2GB, found \"\(shardText ?? "")\""
        )
      }
      self.shardBytes = shardBytes
      if output.hasSuffix(".gguf"), shardText != nil {
        throw UsageError(
          command: command, "--max-shard-size: a GGUF file is never divided; name a folder")
      }
      combining = try AdapterCombining(arguments, for: command)
      let policyName = arguments.string("--policy") ?? MergePolicy.oneFile.rawValue
      guard let policy = MergePolicy(rawValue: policyName) else {
        let names = MergePolicy.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError(
          command: command, "--policy: expected one of \(names), found \"\(policyName)\"")
      }
      self.policy = policy
      if arguments.has("--policy"), type.blockElements == 1 {
        throw UsageError(
          command: command,
          "--policy: \(type.rawValue) is not made of blocks, so there is nothing to choose; leave it out"
        )
      }
      if policy == .refit, !type.isFittable {
        throw UsageError(
          command: command,
          "--policy: \(type.rawValue) is fitted by a search as it is; take plain")
      }
      if arguments.has("--limit"), !arguments.has("--data") {
        throw UsageError(command: command, "--limit counts rows of --data; name a file")
      }
    }
  }

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let request = try Request(arguments)
    let rows = try arguments.string("--data").map { path in
      let limit = try arguments.integer("--limit") ?? 32
      return Array(try Dataset(readingFrom: [path]).examples.prefix(limit))
    }
    let selection = try ModelSelection(arguments)
    let chat = try selection.load(console)
    let adapter = try request.combining.adapter(
      selection.adapters, for: chat.model.adaptableLayers)
    chat.model.attach(adapter)
    let texts = try rows.map { try MergeProbes.texts(of: $0, for: chat) }
    let merge = ModelMerge(chat, adapter: adapter)
    let probes = try texts ?? MergeProbes.common(for: chat)

    var json = JSONObject()
    if request.isGGUF, request.type.blockElements > 1 {
      let measured = try MeasuredMerge(
        merge, as: request.type, by: request.policy, to: request.output, texts: probes, console)
      measured.report(console)
      json = measured.json
    } else {
      let (written, distance) = try write(merge, request, probes, console)
      WrittenMerge.report(written, distance, console)
      WeightTypes.noteFallbacks(of: written, wanted: request.type, console)
      json = WrittenMerge.json(written, distance)
    }
    if selection.precision != .stored {
      console.print(
        "the linear layers hold what NF4 kept of the base, since that is what the adapter was trained on"
      )
    }
    try console.json(json)
  }

  /// Writes the merged weights as they are, and compares them with base and adapter.
  private static func write(
    _ merge: ModelMerge, _ request: Request, _ texts: [TokenizedExample], _ console: Console
  ) throws -> (WrittenModel, ModelDistance) {
    let file = merge.chat.file
    let written = try console.stage("merging and writing", in: .bytes) { progress in
      request.isGGUF
        ? try GGUFModelWriter.write(
          file, to: request.output, as: request.type, rows: merge.rows, progress: progress)
        : try HuggingFaceWriter.write(
          file, to: request.output, as: request.type, maximumShardBytes: request.shardBytes,
          rows: merge.rows, progress: progress)
    }
    let merged = try CausalLM.load(ModelFile.open(request.output))
    let distance = console.stage("comparing with base and adapter", in: .things("texts")) {
      ModelDistance(from: merge.chat.model, to: merged, on: texts, progress: $0)
    }
    return (written, distance)
  }
}

/// What is said of a merged model that was written.
enum WrittenMerge {
  static func report(_ written: WrittenModel, _ distance: ModelDistance, _ console: Console) {
    console.print("wrote \(WeightTypes.summary(of: written))")
    console.print(
      "against base + adapter on \(distance.positions) positions: max|Δlogit|/max|logit| \(Format.scientific(distance.logits)), KL \(Format.scientific(distance.divergence)) nats, same likeliest token \(Format.percent(distance.agreement))"
    )
  }

  static func json(_ written: WrittenModel, _ distance: ModelDistance) -> JSONObject {
    var json = JSONObject()
    json["output"] = .string(written.path)
    json["bytes"] = .integer(written.byteCount)
    json["types"] = .object(
      JSONObject(written.typeCounts.map { ($0.type.rawValue, .integer($0.count)) }))
    for (key, value) in figures(of: distance) { json[key] = value }
    json["reference_perplexity"] = .number(distance.referencePerplexity)
    return json
  }

  static func figures(of distance: ModelDistance) -> JSONObject {
    var json = JSONObject()
    json["max_logit_difference"] = .number(distance.logits)
    json["kl_divergence"] = .number(distance.divergence)
    json["top1_agreement"] = .number(distance.agreement)
    json["perplexity"] = .number(distance.perplexity)
    return json
  }
}

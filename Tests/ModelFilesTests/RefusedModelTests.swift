import Foundation
import ModelFiles
import TestSupport
import Testing

/// Sound files that are no model Lorikeet can use, and folders that lie.
@Suite("Refused models")
struct RefusedModelTests {
  typealias F = FileBytes

  static func text(_ key: String, _ value: String) -> [UInt8] { F.entry(key, 8, F.string(value)) }
  static func number(_ key: String, _ value: UInt32) -> [UInt8] { F.entry(key, 4, F.little(value)) }

  /// A GGUF file of a tiny Llama, with changes to its metadata.
  static func llama(
    without absent: String = "", _ extra: [[UInt8]] = [],
    tensors: [[UInt8]] = [F.tensor("token_embd.weight", [4, 4])]
  ) -> [UInt8] {
    var entries = extra
    if !extra.contains(where: { $0.starts(with: F.string("general.architecture")) }) {
      entries.append(text("general.architecture", "llama"))
    }
    for (key, value) in [
      ("llama.context_length", 8), ("llama.embedding_length", 4), ("llama.block_count", 1),
      ("llama.feed_forward_length", 4), ("llama.attention.head_count", 2),
    ] as [(String, UInt32)]
    where key != absent && !extra.contains(where: { $0.starts(with: F.string(key)) }) {
      entries.append(number(key, value))
    }
    if absent != "llama.attention.layer_norm_rms_epsilon" {
      entries.append(
        F.entry(
          "llama.attention.layer_norm_rms_epsilon", 6, F.little(Float(1e-5).bitPattern)))
    }
    return F.gguf(entries: entries, tensors: tensors, data: 4_096)
  }

  static let ggufFiles: [HostileFile] = [
    HostileFile(
      "another architecture", llama([text("general.architecture", "mamba")]),
      "has the architecture mamba, which Lorikeet does not know; "
        + "use a model of one of these: llama"),
    HostileFile("no architecture", F.gguf(), "metadata general.architecture is missing"),
    HostileFile("an adapter", llama([text("general.type", "adapter")]), "is an adapter"),
    HostileFile("one part of three", llama([number("split.count", 3)]), "is one of 3 parts"),
    HostileFile("a mixture of experts", llama([number("llama.expert_count", 8)]), "of 8 experts"),
    HostileFile(
      "half-rotated heads", llama([number("llama.rope.dimension_count", 1)]),
      "has llama.rope.dimension_count 1, which differs from the head size 2"),
    HostileFile(
      "no layer count", llama(without: "llama.block_count"),
      "metadata llama.block_count is missing"),
    HostileFile(
      "no epsilon", llama(without: "llama.attention.layer_norm_rms_epsilon"),
      "metadata llama.attention.layer_norm_rms_epsilon is missing"),
    HostileFile(
      "a layer count of text", llama([text("llama.block_count", "1")]),
      "metadata llama.block_count is not one whole number"),
    HostileFile(
      "no heads", llama([number("llama.attention.head_count", 0)]),
      "num_attention_heads is 0, not a whole number from 1"),
    HostileFile(
      "2^32 - 1 layers", llama([number("llama.block_count", .max)]),
      "num_hidden_layers is 4294967295, not a whole number from 1"),
    HostileFile(
      "key heads that do not divide the heads", llama([number("llama.attention.head_count_kv", 3)]),
      "num_key_value_heads is 3, which does not divide 2"),
    HostileFile(
      "an odd head size", llama([number("llama.attention.key_length", 3)]),
      "head_dim is 3, and rotation needs an even number"),
    HostileFile("no embedding", llama(tensors: []), "tensor token_embd.weight is missing"),
    HostileFile(
      "a tensor of no Llama",
      llama(tensors: [
        F.tensor("token_embd.weight", [4, 4]), F.tensor("blk.0.ssm_a", [4], offset: 64),
      ]), "tensor blk.0.ssm_a is no part of a llama model"),
    HostileFile(
      "a layer number with a leading zero",
      llama(tensors: [
        F.tensor("token_embd.weight", [4, 4]), F.tensor("blk.00.attn_norm.weight", offset: 64),
      ]), "tensor blk.00.attn_norm.weight is no part"),
    HostileFile(
      "a type Lorikeet does not compute with",
      llama(tensors: [
        F.tensor("token_embd.weight", [4, 4]),
        F.tensor("blk.0.ffn_up.weight", [256], type: 17, offset: 64),
      ]),
      "tensor blk.0.ffn_up.weight is stored as IQ2_XS, which Lorikeet cannot compute with; "
        + "use a model stored as one of these: F32, F16, BF16, Q4_0"),
    HostileFile(
      "query rows that do not fit the heads",
      llama(tensors: [
        F.tensor("token_embd.weight", [4, 4]), F.tensor("blk.0.attn_q.weight", [4, 3], offset: 64),
      ]), "tensor blk.0.attn_q.weight has the shape [3, 4], but the metadata call for 4 rows"),
    HostileFile(
      "RoPE factors of nobody",
      llama(tensors: [
        F.tensor("token_embd.weight", [4, 4]), F.tensor("rope_freqs.weight", [1], offset: 64),
      ]), "holds factors that are not those of Llama 3"),
  ]

  @Test("a GGUF file is refused in one sentence", arguments: ggufFiles)
  func ggufIsRefused(_ hostile: HostileFile) throws {
    let folder = try ScratchFolder()
    let path = try folder.write(hostile.bytes, to: "m.gguf")
    let text = message { _ = try ModelFile.open(path) }
    #expect(text.hasPrefix("\(path): "), "\(text)")
    #expect(text.contains(hostile.expected), "\(text)")
  }

  @Test("the file that the refused ones are changed from is accepted")
  func unchangedIsAccepted() throws {
    let folder = try ScratchFolder()
    let model = try ModelFile.open(folder.write(Self.llama(), to: "m.gguf"))
    #expect(model.tensorNames == ["model.embed_tokens.weight"])
  }

  @Test(
    "a path that is no model says what to name instead",
    arguments: [
      ("empty-folder/x", "empty-folder", "is a folder without config.json; name a Hugging Face"),
      ("g/model.gguf", "g", "g/model.gguf"), ("a/adapter_config.json", "a", "holds an adapter"),
      ("x.safetensors", "x.safetensors", "is one file of a Hugging Face model; name its folder,"),
      ("x.bin", "x.bin", "does not begin as a GGUF file does; name a .gguf file"),
    ])
  func wrongPath(_ file: String, _ path: String, _ expected: String) throws {
    let folder = try ScratchFolder()
    try folder.write("nothing", to: file)
    let text = message { _ = try ModelFile.open(folder.path(path)) }
    #expect(text.contains(expected), "\(text)")
  }

  /// A change to a copy of the tiny model's folder, and the words its refusal must have.
  struct FolderChange: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let source: String
    let file: String
    /// The new text, or nil to remove the file.
    let replace: (@Sendable (String) -> String)?
    let expected: String
  }

  static func change(
    _ what: String, _ file: String, _ old: String, _ new: String, _ expected: String,
    in source: String = "tiny"
  ) -> FolderChange {
    FolderChange(
      testDescription: what, source: source, file: file,
      replace: { text in
        let changed = text.replacingOccurrences(of: old, with: new)
        precondition(changed != text, "the fixture lacks \(old)")
        return changed
      }, expected: expected)
  }

  static func removal(
    _ file: String, _ expected: String, in source: String = "tiny"
  ) -> FolderChange {
    FolderChange(
      testDescription: "no \(file)", source: source, file: file, replace: nil, expected: expected)
  }

  static let index = "model.safetensors.index.json"
  static let shard = "\"model-00002-of-00002.safetensors\""

  static let folderChanges: [FolderChange] = [
    removal("config.json", "is a folder without config.json"),
    removal("model.safetensors", "has neither model.safetensors nor model.safetensors.index.json"),
    removal(
      "model-00002-of-00002.safetensors", "model-00002-of-00002.safetensors: no such file",
      in: "tiny-sharded"),
    change("settings cut short", "config.json", "}", "", "config.json: the text is not JSON"),
    change(
      "another model_type", "config.json", "\"llama\"", "\"gpt_neox\"",
      "has the model_type gpt_neox, which Lorikeet does not know; use a model of one of these: "),
    change("no width", "config.json", "\"hidden_size\"", "\"x\"", "hidden_size is missing"),
    change(
      "a width of text", "config.json", "\"hidden_size\": 32", "\"hidden_size\": \"32\"",
      "hidden_size is \"32\", not a whole number"),
    change(
      "an epsilon of 0", "config.json", "1e-05", "0.0", "rms_norm_eps is 0.0, not a number above"),
    change(
      "another activation", "config.json", "silu", "gelu", "uses the activation gelu"),
    change(
      "a base that is not a number", "config.json", "50000.0", "\"high\"",
      "rope_theta is \"high\", not a number above 0"),
    change(
      "scaling that is a number", "config.json", "\"rope_scaling\": null", "\"rope_scaling\": 2",
      "rope_scaling is a number, not an object"),
    change(
      "tying of text", "config.json", "\"tie_word_embeddings\": true",
      "\"tie_word_embeddings\": \"yes\"", "tie_word_embeddings is a string, not true or false"),
    change(
      "quantised weights", "config.json", "\"vocab_size\"",
      "\"quantization_config\": {\"quant_method\": \"gptq\"}, \"vocab_size\"",
      "holds weights quantised by gptq"),
    change(
      "an index without a map", index, "weight_map", "w", "weight_map is missing",
      in: "tiny-sharded"),
    change(
      "a shard outside the folder", index, shard, "\"../tiny/model.safetensors\"",
      "which is not the name of a .safetensors file in this folder", in: "tiny-sharded"),
    change(
      "a shard by absolute path", index, shard, "\"/etc/x.safetensors\"",
      "which is not the name of a .safetensors file in this folder", in: "tiny-sharded"),
    change(
      "a shard that is no safetensors", index, shard, "\"config.json\"",
      "is said to be in \"config.json\"", in: "tiny-sharded"),
    change(
      "a shard that is a number", index, shard, "2", "is said to be in 2, which is not",
      in: "tiny-sharded"),
    change(
      "a tensor no shard has", index, "model.norm.weight", "model.norm.bias",
      "tensor model.norm.bias is not in model-0000", in: "tiny-sharded"),
    change(
      "a tensor in the wrong shard", index, "\"model.norm.weight\": \"model-00001",
      "\"model.norm.weight\": \"model-00002", "tensor model.norm.weight is not in model-00002",
      in: "tiny-sharded"),
  ]

  @Test("a folder with one fault is refused in one sentence", arguments: folderChanges)
  func folderIsRefused(_ change: FolderChange) throws {
    let scratch = try ScratchFolder()
    let folder = scratch.path("model")
    try FileManager.default.copyItem(
      atPath: Fixture.path("modelfiles/\(change.source)"), toPath: folder)
    if let replace = change.replace {
      let text = String(decoding: try scratch.bytes("model/\(change.file)"), as: UTF8.self)
      try scratch.write(replace(text), to: "model/\(change.file)")
    } else {
      try FileManager.default.removeItem(atPath: "\(folder)/\(change.file)")
    }
    let text = message { _ = try ModelFile.open(folder) }
    #expect(text.hasPrefix(folder), "\(text)")
    #expect(text.contains(change.expected), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test("a tensor that stands in two shards is refused")
  func tensorInTwoShards() throws {
    let scratch = try ScratchFolder()
    let folder = scratch.path("model")
    try FileManager.default.copyItem(
      atPath: Fixture.path("modelfiles/tiny-sharded"), toPath: folder)
    let second = "\(folder)/model-00002-of-00002.safetensors"
    try FileManager.default.removeItem(atPath: second)
    try FileManager.default.copyItem(
      atPath: Fixture.path("modelfiles/tiny/model.safetensors"), toPath: second)
    #expect(message { _ = try ModelFile.open(folder) }.contains("occurs in another file too"))
  }

  @Test("a pickle is refused by name")
  func pickleIsRefused() throws {
    let scratch = try ScratchFolder()
    try scratch.write(Fixture.bytes("modelfiles/tiny/config.json"), to: "config.json")
    try scratch.write("x", to: "pytorch_model.bin")
    #expect(
      message { _ = try ModelFile.open(scratch.path) }.contains(
        "keeps its weights in pytorch_model.bin, a pickle that can run code"))
  }
}

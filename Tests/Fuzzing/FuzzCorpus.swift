import Serialization

/// The sound files that inputs are made from: fixtures of the other tests, and rows no fixture has.
enum FuzzCorpus {
  static func entries(of format: FuzzFormat) throws -> [[UInt8]] {
    switch format {
    case .gguf:
      return try files(["modelfiles/values.gguf", "modelfiles/tiny.gguf"])
        + [try shortened(FuzzFile.fixture("models/tiny-tied.mixed.gguf"), to: 64 << 10)]
    case .safetensors:
      return try files([
        "modelfiles/types.safetensors", "modelfiles/tiny/model.safetensors",
        "lora/one-layer/adapter_model.safetensors", "lora/plain/adapter_model.safetensors",
        "kernels/gradient_clipping.safetensors", "kernels/adamw.safetensors",
      ])
    case .tokenizer: return try tokenizers()
    case .json:
      return try files([
        "modelfiles/tiny/config.json", "models/tiny-tied/config.json",
        "models/tiny-odd/config.json",
        "modelfiles/tiny/tokenizer_config.json", "modelfiles/llama3-factors.json",
        "modelfiles/tiny-sharded/model.safetensors.index.json", "lora/plain/adapter_config.json",
        "training/attention/f32.json",
      ]) + modelConfigurations
    case .yaml:
      return try [
        "configs/support.yaml", "configs/support-lora.yaml", "configs/banking77.yaml",
        "configs/reference.yaml",
      ].map { try FuzzFile.read("\(FuzzFile.fixtures)/../../\($0)") } + configurations
    case .template: return try templates()
    case .jsonl: return try rows()
    case .adapter:
      let folders = ["plain", "patterns", "regex", "rslora", "one-layer", "bf16", "all-linear"]
      return try files(folders.map { "lora/\($0)/adapter_config.json" })
        + files(["plain", "one-layer", "bf16"].map { "lora/\($0)/adapter_model.safetensors" })
        + files(["lora/plain.gguf", "lora/all-linear.gguf"])
    }
  }

  private static func files(_ names: [String]) throws -> [[UInt8]] {
    try names.map { try FuzzFile.fixture($0) }
  }

  private static func shortened(_ bytes: [UInt8], to count: Int) -> [UInt8] {
    Array(bytes.prefix(count))
  }

  private static let textTokenizer =
    #"{"added_tokens":[{"id":0,"content":"<unk>","special":true}],"normalizer":{"type":"Sequence","#
    + #""normalizers":[{"type":"NFC"},{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":"#
    + #"{"String":" "},"content":"▁"}]},"pre_tokenizer":null,"decoder":{"type":"Sequence","decoders":"#
    + #"[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"#
    + #""Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","unk_token":"#
    + #""<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{"<unk>":0,"<0xC3>":1,"<0x9C>":2,"▁":3,"#
    + #""a":4,"b":5,"ab":6,"▁a":7,"1":8,"▁ab":9},"merges":[["a","b"],["▁","a"],["▁","ab"]]}}"#
  private static let unigramTokenizer =
    #"{"added_tokens":[{"id":1,"content":"<s>","special":true}],"normalizer":{"type":"Replace","#
    + #""pattern":{"Regex":" {2,}"},"content":" "},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","#
    + #""prepend_scheme":"first","split":false},"decoder":{"type":"Metaspace","replacement":"▁","#
    + #""prepend_scheme":"first","split":false},"model":{"type":"Unigram","unk_id":0,"byte_fallback":"#
    + #"false,"vocab":[["<unk>",0],["<s>",0],["▁",-2.5],["a",-3],["ab",-4.25],["▁a",-2],["1",-6]]}}"#

  /// A small tokenizer, and the same with each way of splitting words that the other tests know.
  private static func tokenizers() throws -> [[UInt8]] {
    let small = try FuzzFile.fixture("modelfiles/tiny/tokenizer.json")
    guard let root = try JSON.parse(small).objectValue else { return [small] }
    var entries = [small, try FuzzFile.fixture("models/tiny-odd/tokenizer.json")]
    // Small ones whose tokens are text: merge rules with byte fallback, and scores.
    entries += [Self.textTokenizer, Self.unigramTokenizer].map { Array($0.utf8) }
    for line in try FuzzFile.fixture("tokenization/variants.jsonl").split(separator: 0x0A) {
      let variant = try JSON.parse(Array(line))
      var tokenizer = root
      if let step = variant["pre_tokenizer"] { tokenizer["pre_tokenizer"] = step }
      if let options = variant["model"]?.objectValue, var model = tokenizer["model"]?.objectValue {
        for (key, value) in options { model[key] = value }
        tokenizer["model"] = .object(model)
      }
      entries.append(Array(JSONValue.object(tokenizer).serialized().utf8))
    }
    return entries
  }

  private static func templates() throws -> [[UInt8]] {
    let names = [
      "agent", "closing", "collected", "headers", "indexed", "inside", "instruct", "plain",
      "reasoner", "smollm2", "turns",
    ]
    let whole = try files(
      names.flatMap { ["templates/\($0).jinja", "templates/\($0).generation.jinja"] })
    let snippets = try JSON.parse(FuzzFile.fixture("templates/snippets.json"))["snippets"]?
      .arrayValue
    return whole
      + (snippets ?? []).compactMap { $0["template"]?.stringValue.map { Array($0.utf8) } }
  }

  private static func rows() throws -> [[UInt8]] {
    let file = try FuzzFile.fixture("training/conversations.jsonl")
    let conversations = try JSON.parse(FuzzFile.fixture("templates/conversations.json"))
    var lines: [JSONValue] = []
    for conversation in conversations["conversations"]?.arrayValue ?? [] {
      var row: JSONObject = ["messages": conversation["messages"] ?? .array([])]
      if let tools = conversation["tools"] ?? conversations["tools"] { row["tools"] = tools }
      lines.append(.object(row))
    }
    return [file] + file.split(separator: 0x0A).prefix(4).map { Array($0) }
      + lines.map { Array($0.serialized().utf8) } + otherRows
  }

  private static let otherRows = [
    #"{"text": "The lorikeet eats nectar."}"# + "\n" + #"{"text": "日本 é 😀"}"#,
    #"{"prompt": "Q: why", "completion": " A: so"}"# + "\r\n\r\n"
      + #"{"prompt": "", "completion": "b"}"#,
    #"{"instruction": "Add.", "input": "3 + 4", "output": "7"}"#,
    #"{"instruction": "Say hi.", "output": "hi", "system": "Be brief.", "history": [["a", "b"]]}"#,
    #"{"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}"#,
    #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": [1, 2.5, null]}"}}]}, {"role": "tool", "content": "1", "name": "f"}, {"role": "assistant", "content": "b", "weight": 0.5}], "tools": "[{\"type\": \"function\"}]"}"#,
    #"{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}"#,
  ].map { Array($0.utf8) }

  private static let modelConfigurations = [
    #"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 272, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "tie_word_embeddings": true}"#,
    #"[0, -1, 1.5, 1e300, "\u0000\ud83d\ude00\\", {"": {}}, [[[]]], true, false, null]"#,
  ].map { Array($0.utf8) }

  private static let configurations = [
    """
    model: {path: m.gguf, load_in_4bit: true, bnb_4bit_quant_type: nf4}
    data: {train: [a.jsonl, 'b.jsonl'], validation: [], max_length: 64, overlong: truncate}
    lora:
      r: 4
      target_modules: [q_proj, v_proj]
      rank_pattern: {q_proj: 2}
      layers_to_transform: [0, 1]
    training:
      output_dir: "runs/\\x41"
      max_memory: 1.5 GB
      lr_scheduler_type: polynomial
      lr_scheduler_kwargs: {power: 2, lr_end: 1e-7}

    """,
    "training.learning_rate=1e-4", "lora.target_modules=[q_proj, \"v_proj\"]", "data.train='a'",
  ].map { Array($0.utf8) }
}

internal import Foundation
internal import Kernels
internal import ModelFiles
internal import Serialization

/// A small Llama with seeded weights, a tokenizer of single bytes and a ChatML template, written as a Hugging Face
/// folder: all that the checks need of a model, made on the spot.
enum SyntheticModel {
  static let hiddenSize = 64
  private static let (headCount, sharedHeadCount, headSize) = (4, 2, 16)
  private static let (mlpSize, blockCount) = (160, 3)
  private static let specialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
  private static let template =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

  /// Writes the folder, which must not exist.
  static func write(to folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    func write(_ json: JSONValue, _ name: String) throws {
      let file = try AtomicFile(path: "\(folder)/\(name)")
      try file.write(json.serialized())
      try file.commit()
    }
    let vocabulary = specialTokens + (0..<256).map(byteName)
    try write(
      [
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": .integer(hiddenSize), "intermediate_size": .integer(mlpSize),
        "num_hidden_layers": .integer(blockCount), "num_attention_heads": .integer(headCount),
        "num_key_value_heads": .integer(sharedHeadCount), "head_dim": .integer(headSize),
        "vocab_size": .integer(vocabulary.count), "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "rope_theta": 10_000, "tie_word_embeddings": true,
        "bos_token_id": 1, "eos_token_id": 2,
      ], "config.json")
    try write(
      [
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": false, "chat_template": .string(template),
      ], "tokenizer_config.json")
    try write(tokenizer(vocabulary), "tokenizer.json")
    try writeWeights(vocabularySize: vocabulary.count, to: "\(folder)/model.safetensors")
  }

  private static func tokenizer(_ vocabulary: [String]) -> JSONValue {
    let added = specialTokens.enumerated().map { index, token -> JSONValue in
      [
        "id": .integer(index), "content": .string(token), "special": true, "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false,
      ]
    }
    let ids = vocabulary.enumerated().map { ($1, JSONValue.integer($0)) }
    let bytes: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    ]
    return [
      "version": "1.0", "added_tokens": .array(added), "normalizer": .null, "pre_tokenizer": bytes,
      "post_processor": .null, "decoder": bytes,
      "model": [
        "type": "BPE", "ignore_merges": false, "byte_fallback": false,
        "vocab": .object(JSONObject(ids)), "merges": [],
      ],
    ]
  }

  /// What byte-level tokenizers call a byte: itself where it can be printed, else a character from U+0100 on.
  private static func byteName(_ byte: Int) -> String {
    func isPrinted(_ byte: Int) -> Bool {
      (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
    }
    let code = isPrinted(byte) ? byte : 256 + (0..<byte).count { !isPrinted($0) }
    return Unicode.Scalar(UInt32(code)).map { String(Character($0)) } ?? ""
  }

  private static func writeWeights(vocabularySize: Int, to path: String) throws {
    let (queries, keys) = (headCount * headSize, sharedHeadCount * headSize)
    var shapes: [(name: String, shape: [Int])] = [
      ("model.embed_tokens.weight", [vocabularySize, hiddenSize]),
      ("model.norm.weight", [hiddenSize]),
    ]
    for index in 0..<blockCount {
      let block = "model.layers.\(index)"
      shapes += [
        ("\(block).input_layernorm.weight", [hiddenSize]),
        ("\(block).post_attention_layernorm.weight", [hiddenSize]),
        ("\(block).self_attn.q_proj.weight", [queries, hiddenSize]),
        ("\(block).self_attn.k_proj.weight", [keys, hiddenSize]),
        ("\(block).self_attn.v_proj.weight", [keys, hiddenSize]),
        ("\(block).self_attn.o_proj.weight", [hiddenSize, queries]),
        ("\(block).mlp.gate_proj.weight", [mlpSize, hiddenSize]),
        ("\(block).mlp.up_proj.weight", [mlpSize, hiddenSize]),
        ("\(block).mlp.down_proj.weight", [hiddenSize, mlpSize]),
      ]
    }
    let buffers = shapes.map { name, shape in
      // Norms around one; matrices so that what goes in and what comes out are about as large.
      let random = CounterRandom(seed: 7, purpose: name)
      let isNorm = shape.count == 1
      let bound = isNorm ? 0.2 : (3 / Float(shape[1])).squareRoot()
      return FloatBuffer(
        (0..<shape.reduce(1, *)).map {
          (isNorm ? 1 : 0) + bound * (2 * random.uniform(UInt64($0)) - 1)
        })
    }
    try withExtendedLifetime(buffers) {
      try SafetensorsWriter.write(
        zip(shapes, buffers).map { .init(name: $0.name, shape: $0.shape, values: $1.base) },
        path: path)
    }
  }
}

import LoRA
import ModelFiles

/// Adapters in both forms, for a model of two blocks.
enum AdapterTarget {
  static let layers: [LoRAConfiguration.Layer] =
    (0..<2).flatMap { block in
      [
        ("self_attn.q_proj", "attn_q", 64, 64, 4), ("self_attn.k_proj", "attn_k", 64, 32, 2),
        ("self_attn.v_proj", "attn_v", 64, 32, nil),
        ("self_attn.o_proj", "attn_output", 64, 64, nil),
        ("mlp.gate_proj", "ffn_gate", 64, 128, nil), ("mlp.up_proj", "ffn_up", 64, 128, nil),
        ("mlp.down_proj", "ffn_down", 128, 64, nil),
      ].map { name, gguf, inputs, outputs, heads in
        LoRAConfiguration.Layer(
          name: "model.layers.\(block).\(name)", inputs: inputs, outputs: outputs,
          gguf: GGUFTensorName(
            architecture: "llama", name: "blk.\(block).\(gguf).weight", rowPermutationHeads: heads))
      }
    } + [LoRAConfiguration.Layer(name: "lm_head", inputs: 64, outputs: 320, isHead: true)]

  static let weights =
    [WholeWeightShape(module: "model.embed_tokens", dimensions: [320, 64])]
    + layers.map { WholeWeightShape(module: $0.name, dimensions: [$0.outputs, $0.inputs]) }
    + [WholeWeightShape(module: "model.norm", dimensions: [64])]

  /// The input is a GGUF adapter, or the configuration of a PEFT folder, or its tensors; the folder's other file is a
  /// fixture's.
  static func makeReader() throws -> ([UInt8], String) throws -> Void {
    let configuration = try FuzzFile.fixture("lora/plain/adapter_config.json")
    let tensors = try FuzzFile.fixture("lora/plain/adapter_model.safetensors")
    return { bytes, folder in
      guard !bytes.starts(with: "GGUF".utf8) else {
        return try readGGUF(bytes, "\(folder)/adapter.gguf")
      }
      let isTensors = bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
      try FuzzFile.write(
        isTensors ? configuration : bytes, to: "\(folder)/adapter_config.json")
      try FuzzFile.write(
        isTensors ? bytes : tensors, to: "\(folder)/adapter_model.safetensors")
      let adapter = try LoRAAdapter.read(folder, for: layers, weights: weights)
      require(!adapter.modules.isEmpty, "an adapter of nothing")
      try adapter.configuration.checkBlocks(of: layers)
    }
  }

  private static func readGGUF(_ bytes: [UInt8], _ path: String) throws {
    try FuzzFile.write(bytes, to: path)
    let adapter = try LoRAAdapter.read(path, for: layers)
    require(!adapter.modules.isEmpty, "an adapter of nothing")
    // What PEFT is told of it describes the same modules.
    let shapes = try adapter.configuration.shapes(for: layers)
    require(
      shapes.map(\.name) == adapter.modules.map(\.name)
        && shapes.map(\.rank) == adapter.modules.map(\.rank)
        && shapes.map(\.alpha) == adapter.modules.map(\.alpha),
      "the configuration of a GGUF adapter describes another")
  }
}

import LoRA

/// PEFT folders, for a model of two blocks.
enum AdapterTarget {
  static let layers: [LoRAConfiguration.Layer] =
    (0..<2).flatMap { block in
      [
        ("self_attn.q_proj", 64, 64), ("self_attn.k_proj", 64, 32), ("self_attn.v_proj", 64, 32),
        ("self_attn.o_proj", 64, 64), ("mlp.gate_proj", 64, 128), ("mlp.up_proj", 64, 128),
        ("mlp.down_proj", 128, 64),
      ].map { name, inputs, outputs in
        LoRAConfiguration.Layer(
          name: "model.layers.\(block).\(name)", inputs: inputs, outputs: outputs)
      }
    } + [LoRAConfiguration.Layer(name: "lm_head", inputs: 64, outputs: 320, isHead: true)]

  /// The input is the configuration of a folder, or its tensors; the other file is a fixture's.
  static func makeReader() throws -> ([UInt8], String) throws -> Void {
    let configuration = try FuzzFile.fixture("lora/plain/adapter_config.json")
    let tensors = try FuzzFile.fixture("lora/plain/adapter_model.safetensors")
    return { bytes, folder in
      let isTensors = bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
      try FuzzFile.write(
        isTensors ? configuration : bytes, to: "\(folder)/adapter_config.json")
      try FuzzFile.write(
        isTensors ? bytes : tensors, to: "\(folder)/adapter_model.safetensors")
      let adapter = try AdapterFolder.read(folder, for: layers)
      require(!adapter.modules.isEmpty, "an adapter of nothing")
      try adapter.configuration.checkBlocks(of: layers)
    }
  }
}

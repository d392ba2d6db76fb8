public import Foundation
import Serialization

/// A Llama of one block whose rows are whole super-blocks, with seeded weights: a Hugging Face folder.
///
/// Tokenizer and template are those of the fixture `models/tiny-tied`.
public enum WideModel {
  /// Elements of a row of most matrices.
  public static let hiddenSize = 256

  /// Writes the folder.
  ///
  /// - Parameter change: is called with the name and the numbers of each tensor before they are written.
  public static func write(
    to folder: URL, change: (String, inout [Float]) -> Void = { _, _ in }
  ) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let source = Fixture.root.appendingPathComponent("models/tiny-tied")
    for name in ["tokenizer.json", "tokenizer_config.json"] {
      try FileManager.default.copyItem(
        at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
    let text = try Data(contentsOf: source.appendingPathComponent("config.json"))
    guard var settings = try JSON.parse([UInt8](text)).objectValue else { return }
    settings["hidden_size"] = .integer(hiddenSize)
    settings["head_dim"] = 64
    settings["intermediate_size"] = 512
    settings["num_hidden_layers"] = 1
    try Data(JSONValue.object(settings).serialized().utf8).write(
      to: folder.appendingPathComponent("config.json"))
    try safetensors(change).write(to: folder.appendingPathComponent("model.safetensors"))
  }

  private static func safetensors(_ change: (String, inout [Float]) -> Void) -> Data {
    let block = "model.layers.0"
    let shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [320, hiddenSize]), ("model.norm.weight", [hiddenSize]),
      ("\(block).input_layernorm.weight", [hiddenSize]),
      ("\(block).post_attention_layernorm.weight", [hiddenSize]),
      ("\(block).self_attn.q_proj.weight", [256, hiddenSize]),
      ("\(block).self_attn.k_proj.weight", [128, hiddenSize]),
      ("\(block).self_attn.v_proj.weight", [128, hiddenSize]),
      ("\(block).self_attn.o_proj.weight", [hiddenSize, 256]),
      ("\(block).mlp.gate_proj.weight", [512, hiddenSize]),
      ("\(block).mlp.up_proj.weight", [512, hiddenSize]),
      ("\(block).mlp.down_proj.weight", [hiddenSize, 512]),
    ]
    var numbers = SeededNumbers(1_521)
    var header = JSONObject()
    var data = Data()
    for (name, shape) in shapes {
      let count = shape.reduce(1, *)
      // The sum of four is bell-shaped enough; norms are spread around one.
      let parts = (0..<4).map { _ in numbers.floats(count, within: 0.1) }
      var values = (0..<count).map { i in
        parts.reduce(shape.count == 1 ? Float(1) : 0) { $0 + $1[i] }
      }
      change(name, &values)
      header[name] = [
        "dtype": "F32", "shape": .array(shape.map { .integer($0) }),
        "data_offsets": [.integer(data.count), .integer(data.count + 4 * count)],
      ]
      data.append(
        contentsOf: values.flatMap { value in
          withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
        })
    }
    let text = Array(JSONValue.object(header).serialized().utf8)
    var file = Data(withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init))
    file.append(contentsOf: text)
    return file + data
  }
}

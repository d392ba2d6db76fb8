import Foundation
import Kernels
import Serialization
import TestSupport
import Testing

@testable import LoRA

@Suite("Whole weights in an adapter") struct WholeWeightTests {
  private static let weights =
    [WholeWeightShape(module: "model.embed_tokens", dimensions: [100, 6])]
    + (0..<2).flatMap { block in
      [
        WholeWeightShape(
          module: "model.layers.\(block).self_attn.q_proj", dimensions: [8, 6]),
        WholeWeightShape(
          module: "model.layers.\(block).self_attn.q_proj", part: "bias", dimensions: [8]),
        WholeWeightShape(module: "model.layers.\(block).input_layernorm", dimensions: [6]),
      ]
    } + [
      WholeWeightShape(module: "model.norm", dimensions: [6]),
      WholeWeightShape(module: "lm_head", dimensions: [100, 6]),
    ]
  private static let layers = (0..<2).flatMap { block in
    ["q_proj", "v_proj"].map {
      LoRAConfiguration.Layer(
        name: "model.layers.\(block).self_attn.\($0)", inputs: 6, outputs: 8)
    }
  }

  @Test(
    "are those whose modules' names end as modules_to_save says",
    arguments: [
      (["lm_head"], ["lm_head.weight"]),
      (
        ["norm"],
        [
          "model.layers.0.input_layernorm.weight", "model.layers.1.input_layernorm.weight",
          "model.norm.weight",
        ]
      ),
      (["model.norm", "embed_tokens"], ["model.embed_tokens.weight", "model.norm.weight"]),
      (
        ["1.self_attn.q_proj"],
        ["model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.bias"]
      ),
      ([], []),
    ])
  func names(_ modules: [String], _ expected: [String]) throws {
    let configuration = LoRAConfiguration(wholeModules: modules)
    #expect(try configuration.wholeShapes(of: Self.weights).map(\.name) == expected)
  }

  @Test("take the place of adapters that the same layers would have")
  func exclusion() throws {
    let configuration = LoRAConfiguration(rank: 2, wholeModules: ["0.self_attn.q_proj"])
    #expect(
      try configuration.shapes(for: Self.layers).map(\.name) == Self.layers.dropFirst().map(\.name))
  }

  @Test("that no module has are an error which names those that are near")
  func unknown() {
    let error = #expect(throws: LoRAError.self) {
      try LoRAConfiguration(wholeModules: ["norm", "lmhead"]).wholeShapes(of: Self.weights)
    }
    #expect(
      error?.description
        == "lora.modules_to_save: \"lmhead\" is the end of no module's path in this model; did you mean lm_head?"
    )
  }

  /// An adapter with whole weights, every number another one.
  private static func adapter() throws -> LoRAAdapter {
    let configuration = LoRAConfiguration(rank: 2, wholeModules: ["lm_head", "norm"])
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: layers),
      whole: try configuration.wholeShapes(of: weights), configuration: configuration)
    for index in 0..<adapter.parameters.count {
      adapter.parameters.base[index] = Float(index) * 0.25 - 7
    }
    return adapter
  }

  @Test("come back from PEFT's folder bit by bit, under their modules' own names")
  func roundTrip() throws {
    let folder = NSTemporaryDirectory() + "lorikeet-whole-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let adapter = try Self.adapter()
    try AdapterFolder.save(adapter, as: folder, baseModel: "tiny")
    let (configuration, json) = try AdapterFolder.readConfiguration(folder)
    #expect(json["modules_to_save"]?.serialized() == #"["lm_head", "norm"]"#)
    #expect(configuration.wholeModules == ["lm_head", "norm"])
    let header = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/adapter_model.safetensors")),
      as: UTF8.self)
    #expect(header.contains(#""base_model.model.lm_head.weight":{"dtype":"F32","shape":[100,6]"#))
    #expect(header.contains(#""base_model.model.model.norm.weight""#))
    let back = try AdapterFolder.read(folder, for: Self.layers, weights: Self.weights)
    expectSameBits(back.parameters.array, adapter.parameters.array)
    #expect(back.untiesHead && !back.isFullModel)

    // Of a model that has no such modules it is not.
    #expect(throws: LoRAError.self) { try AdapterFolder.read(folder, for: Self.layers) }
    var others = Self.weights
    others[others.count - 1].dimensions = [99, 6]
    #expect(throws: LoRAError.self) {
      try AdapterFolder.read(folder, for: Self.layers, weights: others)
    }
  }

  @Test(
    "that a folder's configuration names in another way than as a list are refused",
    arguments: [#""lm_head""#, "[1]", #"[""]"#, "true", #"{"lm_head": 1}"#])
  func badConfiguration(_ value: String) throws {
    let json = try JSON.parse(#"{"target_modules": ["q_proj"], "modules_to_save": \#(value)}"#)
    #expect(throws: LoRAError.self) {
      try AdapterFolder.configuration(try #require(json.objectValue), path: "a")
    }
  }
}

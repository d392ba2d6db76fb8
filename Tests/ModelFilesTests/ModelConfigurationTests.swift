import Foundation
import Serialization
import TestSupport
import Testing

@testable import ModelFiles

@Suite("Model configuration")
struct ModelConfigurationTests {
  static let least: JSONObject = [
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 100,
    "num_attention_heads": 4,
  ]

  static func normalized(_ extra: JSONObject) throws -> JSONObject {
    var settings = least
    for (key, value) in extra { settings[key] = value }
    return try ModelConfiguration(path: "config.json", source: settings).normalized()
  }

  @Test("what is left out has the default of Transformers' LlamaConfig")
  func defaults() throws {
    let settings = try Self.normalized([:])
    #expect(settings["num_key_value_heads"] == 4)
    #expect(settings["head_dim"] == 16)
    #expect(settings["rms_norm_eps"] == 1e-6)
    #expect(settings["rope_theta"] == 10_000.0)
    #expect(settings["rope_scaling"] == .some(.null))
    #expect(settings["max_position_embeddings"] == 2_048)
    #expect(settings["tie_word_embeddings"] == false)
    #expect(settings["attention_bias"] == false)
    #expect(settings["mlp_bias"] == false)
  }

  @Test(
    "the settings of RoPE read the same from Transformers 4 and 5",
    arguments: [
      ["rope_theta": 500_000.0, "rope_scaling": ["type": "linear", "factor": 2.0]],
      ["rope_theta": 500_000.0, "rope_scaling": ["rope_type": "linear", "factor": 2.0]],
      ["rope_parameters": ["rope_type": "linear", "factor": 2.0, "rope_theta": 500_000]],
      [
        "rope_parameters": ["rope_type": "linear", "factor": 2.0, "rope_theta": 500_000.0],
        "rope_theta": 1.0, "rope_scaling": nil,
      ],
    ] as [JSONObject])
  func rotation(_ source: JSONObject) throws {
    let settings = try Self.normalized(source)
    #expect(settings["rope_theta"] == 500_000.0)
    #expect(settings["rope_scaling"] == ["rope_type": "linear", "factor": 2.0])
    #expect(
      settings["rope_parameters"]
        == ["rope_type": "linear", "factor": 2.0, "rope_theta": 500_000.0])
  }

  @Test("no scaling is no scaling, however it is said")
  func noScaling() throws {
    for source: JSONObject in [
      ["rope_scaling": ["rope_type": "default"]],
      ["rope_parameters": ["rope_type": "default", "rope_theta": 10_000.0]],
    ] {
      #expect(try Self.normalized(source)["rope_scaling"] == .some(.null))
    }
  }

  @Test("Llama 3's factors are those llama.cpp's converter writes, bit for bit")
  func llama3Factors() throws {
    let expected = try JSONDecoder().decode(
      [Float].self, from: Data(Fixture.bytes("modelfiles/llama3-factors.json")))
    let factors = Llama3RopeScaling(factor: 32).factors(headSize: 64, theta: 500_000)
    #expect(factors == expected)
    #expect(Set(factors).count > 3)
  }
}

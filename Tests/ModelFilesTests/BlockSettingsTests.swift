import Quantization
import Serialization
import TestSupport
import Testing

@testable import ModelFiles

@Suite("Block settings") struct BlockSettingsTests {
  static func settings(_ family: ModelFamily, _ extra: JSONObject = [:]) throws -> BlockSettings {
    var source = ModelConfigurationTests.least
    source["num_hidden_layers"] = 8
    source["num_key_value_heads"] = 2
    for (key, value) in extra { source[key] = value }
    let normalized = try ModelConfiguration(path: "c", source: source, family: family).normalized()
    return try BlockSettings(family, normalized, path: "c")
  }

  @Test("of a Llama say nothing unless config.json does")
  func llama() throws {
    // A window is no setting of Llama's.
    #expect(try Self.settings(.llama, ["sliding_window": 3]) == BlockSettings())
    let biased = try Self.settings(.llama, ["attention_bias": true])
    #expect(biased.biasedLinears == ["q_proj", "k_proj", "v_proj", "o_proj"])
    #expect(try Self.settings(.llama, ["mlp_bias": true]).biasedLinears.count == 3)
  }

  @Test("of Qwen have biases or norms, and a window only where it is turned on")
  func qwen() throws {
    let two = try Self.settings(.qwen2, ["sliding_window": 4])
    #expect(two.biasedLinears == ["q_proj", "k_proj", "v_proj"] && two.windowSize == nil)
    #expect(!two.normalizesQueriesAndKeys)
    let three = try Self.settings(
      .qwen3, ["use_sliding_window": true, "sliding_window": 4, "max_window_layers": 6])
    #expect(three.normalizesQueriesAndKeys && three.biasedLinears.isEmpty)
    #expect((0..<8).map { three.window(ofBlock: $0) } == Array(repeating: nil, count: 6) + [4, 4])
    let types: JSONValue = .array(
      (0..<8).map { $0 == 1 ? "sliding_attention" : "full_attention" })
    let listed = try Self.settings(
      .qwen3, ["use_sliding_window": true, "sliding_window": 4, "layer_types": types])
    #expect((0..<8).filter { listed.window(ofBlock: $0) != nil } == [1])
  }

  @Test("of Mistral have a window unless it is null")
  func mistral() throws {
    #expect(try Self.settings(.mistral).window(ofBlock: 7) == 4_096)
    #expect(try Self.settings(.mistral, ["sliding_window": 9]).window(ofBlock: 0) == 9)
    #expect(try Self.settings(.mistral, ["sliding_window": nil]).windowSize == nil)
  }

  @Test("of SmolLM3 skip the rotation of every fourth block, or of those that are listed")
  func smolLM3() throws {
    func unrotated(_ extra: JSONObject) throws -> [Int] {
      let settings = try Self.settings(.smolLM3, extra)
      return (0..<8).filter { !settings.rotates(block: $0) }
    }
    #expect(try unrotated([:]) == [3, 7])
    #expect(try unrotated(["no_rope_layer_interval": 3]) == [2, 5])
    #expect(try unrotated(["no_rope_layers": [0, 1, 1, 1, 1, 1, 1, 0]]) == [0, 7])
  }

  @Test("of Gemma bound scores and logits, and rotate blocks with a window by a base of their own")
  func gemma() throws {
    let two = try Self.settings(.gemma2)
    #expect(two.attentionSoftCap == 50 && two.logitSoftCap == 30 && two.queryScalar == 256)
    #expect((0..<8).filter { two.window(ofBlock: $0) == 4_096 } == [0, 2, 4, 6])
    #expect(two.normalizesOutputs && two.normOffset == 1 && two.activation == .geluTanh)
    #expect(two.embeddingScale == 8 && two.localRopeTheta == nil)
    let free = try Self.settings(
      .gemma2, ["attn_logit_softcapping": nil, "final_logit_softcapping": nil])
    #expect(free.attentionSoftCap == nil && free.logitSoftCap == nil)

    let three = try Self.settings(.gemma3, ["sliding_window": 7])
    #expect((0..<8).filter { three.window(ofBlock: $0) == nil } == [5])
    #expect((0..<8).filter { !three.rotatesLocally(block: $0) } == [5])
    #expect(three.localRopeTheta == 10_000 && three.normalizesQueriesAndKeys)
    // Transformers ignores this one, whose attention has no bound.
    #expect(try Self.settings(.gemma3, ["attn_logit_softcapping": 5.0]).attentionSoftCap == nil)
    // The form of Transformers 4, and that of 5.
    let older = try Self.settings(
      .gemma3,
      [
        "sliding_window_pattern": 2, "rope_theta": 5.0, "rope_local_base_freq": 3.0,
        "rope_scaling": ["rope_type": "linear", "factor": 8.0],
      ])
    let newer = try Self.settings(
      .gemma3,
      [
        "layer_types": .array(
          (0..<8).map { $0 % 2 == 0 ? "sliding_attention" : "full_attention" }),
        "rope_parameters": [
          "full_attention": ["rope_type": "linear", "factor": 8.0, "rope_theta": 5.0],
          "sliding_attention": ["rope_type": "default", "rope_theta": 3.0],
        ],
      ])
    #expect(older.ropeScaling == .linear(factor: 8) && newer.ropeScaling == older.ropeScaling)
    #expect(older.localRopeTheta == 3 && newer.localRopeTheta == 3)
    #expect((0..<8).allSatisfy { older.window(ofBlock: $0) == newer.window(ofBlock: $0) })
  }

  @Test("that are damaged are refused in one sentence")
  func refused() {
    for (family, extra, expected) in [
      (.smolLM3, ["no_rope_layers": [1, 0]], "no_rope_layers is not a list of 8"),
      (.smolLM3, ["no_rope_layers": [0, 1, 1, 1, 1, 1, 1, 2]], "neither 0 nor 1"),
      (.smolLM3, ["no_rope_layer_interval": 0], "no_rope_layer_interval is 0, not a whole number"),
      (.mistral, ["sliding_window": 0], "sliding_window is 0, not a whole number from 1"),
      (.mistral, ["sliding_window": "x"], "sliding_window is \"x\", not a whole number"),
      (.mistral, ["layer_types": ["full_attention"]], "layer_types is not a list of 8"),
      (
        .mistral, ["layer_types": .array(Array(repeating: "chunked_attention", count: 8))],
        "has layer_types with \"chunked_attention\""
      ),
      (.qwen2, ["use_sliding_window": 1], "use_sliding_window is a number, not true or false"),
      (
        .qwen2, ["use_sliding_window": true, "max_window_layers": -1],
        "max_window_layers is -1, not a whole number from 0"
      ),
      (.gemma2, ["sliding_window": nil], "sliding_window is missing"),
      (.gemma2, ["query_pre_attn_scalar": 0], "query_pre_attn_scalar is 0, not a number above 0"),
      (
        .gemma2, ["attn_logit_softcapping": -1.0],
        "attn_logit_softcapping is -1.0, not a number above 0"
      ),
      (
        .gemma3, ["final_logit_softcapping": "x"],
        "final_logit_softcapping is \"x\", not a number above 0"
      ),
      (
        .gemma3, ["hidden_activation": "gelu"], "uses the activation gelu; use a model with gelu_py"
      ),
      (.gemma3, ["use_bidirectional_attention": true], "attends in both directions"),
      (
        .gemma3, ["rope_parameters": ["full_attention": 1]],
        "rope_parameters.full_attention is a number, not an object"
      ),
      (
        .gemma3, ["rope_parameters": ["sliding_attention": ["rope_type": "yarn"]]],
        "stretches RoPE of blocks with a window in the way \"yarn\""
      ),
      (.gemma3, ["sliding_window_pattern": 0], "sliding_window_pattern is 0, not a whole number"),
      (.gemma3, ["rope_local_base_freq": 0], "rope_local_base_freq is 0, not a number above 0"),
      (.llama, ["rope_scaling": ["type": "dynamic", "factor": 2.0]], "in the way \"dynamic\""),
      (.llama, ["rope_scaling": ["type": "linear"]], "rope_scaling.factor is missing"),
      (.llama, ["rope_scaling": ["type": "linear", "factor": -1.0]], "not a number above 0"),
      (
        .llama, ["rope_scaling": ["type": "yarn", "original_max_position_embeddings": 0]],
        "rope_scaling.original_max_position_embeddings is 0, not a whole number"
      ),
      (
        .llama,
        ["rope_scaling": ["type": "llama3", "factor": 8.0, "high_freq_factor": 1.0]],
        "high_freq_factor is 1.0, not above low_freq_factor"
      ),
    ] as [(ModelFamily, JSONObject, String)] {
      let text = message { _ = try Self.settings(family, extra) }
      #expect(text.contains(expected), "\(text)")
      #expect(text.hasPrefix("c: ") && !text.contains("\n"))
    }
  }

  @Test("need no memory for blocks that are only said to be there")
  func manyBlocks() throws {
    for family in ModelFamily.all {
      let settings = try Self.settings(family, ["num_hidden_layers": 268_435_456])
      #expect(settings.rotates(block: 268_435_454))
    }
  }

  @Test("of YaRN in GGUF's keys are those of config.json")
  func yarnKeys() throws {
    typealias F = FileBytes
    func float(_ key: String, _ value: Float) -> [UInt8] {
      F.entry(key, 6, F.little(value.bitPattern))
    }
    let scaling = "llama.rope.scaling."
    let bytes = RefusedModelTests.llama([
      RefusedModelTests.text(scaling + "type", "yarn"), float(scaling + "factor", 4),
      RefusedModelTests.number(scaling + "original_context_length", 64),
      float(scaling + "attn_factor", 0.5), float(scaling + "yarn_beta_fast", 16),
      float(scaling + "yarn_beta_slow", 2),
    ])
    let folder = try ScratchFolder()
    let model = try ModelFile.open(folder.write(bytes, to: "m.gguf"))
    guard case .yarn(let yarn) = model.blocks.ropeScaling else {
      Issue.record("\(model.blocks.ropeScaling)")
      return
    }
    #expect(yarn.factor == 4 && yarn.originalContextLength == 64 && yarn.truncates)
    #expect(yarn.betaFast == 16 && yarn.betaSlow == 2)
    #expect(abs(yarn.attentionFactor - 0.5 * 1.138_629_436) < 1e-6)
    let other = RefusedModelTests.llama([
      RefusedModelTests.text(scaling + "type", "longrope"), float(scaling + "factor", 4),
    ])
    #expect(
      message { _ = try ModelFile.open(folder.write(other, to: "o.gguf")) }.contains(
        "stretches RoPE in the way \"longrope\"; use a model with one of these: default, linear"))
  }

  @Test("that GGUF cannot say are refused before anything is written")
  func notInGGUF() throws {
    let scratch = try ScratchFolder()
    for (family, old, new, expected) in [
      (
        "qwen3", "\"use_sliding_window\": false", "\"use_sliding_window\": true",
        "sees a window of 3 tokens, which GGUF's architecture qwen3 cannot say"
      ),
      (
        "smollm3", "\"no_rope_layers\": [\n    1,", "\"no_rope_layers\": [\n    0,",
        "rotates other blocks than GGUF's architecture smollm3 does"
      ),
      (
        "gemma3_text", "\"query_pre_attn_scalar\": 16", "\"query_pre_attn_scalar\": 17",
        "has a query_pre_attn_scalar other than 16, which GGUF's architecture gemma3 cannot say"
      ),
      (
        "gemma3_text", "\"rope_theta\": 10000.0", "\"rope_theta\": 20000.0",
        "has a rope_local_base_freq other than 10000, which GGUF's architecture gemma3 cannot say"
      ),
      (
        "gemma3_text", "\"final_logit_softcapping\": null", "\"final_logit_softcapping\": 3.0",
        "has a final_logit_softcapping, which GGUF's architecture gemma3 cannot say"
      ),
      (
        "gemma2", "\"attn_logit_softcapping\": 4.0", "\"attn_logit_softcapping\": null",
        "has no attn_logit_softcapping, which GGUF's architecture gemma2 cannot say"
      ),
    ] {
      for name in ["config.json", "model.safetensors"] {
        try scratch.write(Fixture.bytes("families/\(family)/\(name)"), to: "\(family)/\(name)")
      }
      let text = String(decoding: try scratch.bytes("\(family)/config.json"), as: UTF8.self)
      let changed =
        text.replacing(old, with: new)
        .replacing("\"sliding_window\": null", with: "\"sliding_window\": 3")
        .replacing(
          "\"full_attention\"",
          with: family.hasPrefix("gemma") ? "\"full_attention\"" : "\"sliding_attention\"")
      #expect(changed.contains(new))
      try scratch.write(changed, to: "\(family)/config.json")
      let model = try ModelFile.open(scratch.path(family))
      #expect(
        message {
          try GGUFModelWriter.write(model, to: scratch.path("o.gguf"), as: .f16) { _, _, _ in }
        }.contains(expected))
    }
    #expect(try scratch.names().contains("o.gguf") == false)
  }
}

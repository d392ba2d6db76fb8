import Foundation
import Serialization
import TestSupport
import Testing

@Suite("A run that trains weights as a whole") struct WholeWeightRunTests {
  private let scratch: ScratchFolder
  private static let data = Fixture.path("training/conversations.jsonl")

  init() throws { scratch = try ScratchFolder() }

  /// Runs the tool, which is to end well.
  private func lorikeet(_ arguments: [String], exitCode: Int32 = 0) throws -> CommandRun {
    let run = try CommandRun(CommandRun.lorikeet, arguments)
    #expect(run.exitCode == exitCode, "\(arguments.joined(separator: " ")): \(run.standardError)")
    return run
  }

  /// Writes the configuration of the fixtures' run with another section `lora`.
  private func configuration(_ lora: String, steps: Int = 6) throws -> String {
    let old = "lora:\n  init_adapter: \(Fixture.path("training/attention/initial"))"
    let text = TinyRun.configuration(steps: steps)
    try #require(text.contains(old))
    return try scratch.write(text.replacingOccurrences(of: old, with: lora), to: "run.yaml")
  }

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  private func loss(_ model: [String]) throws -> Double {
    let run = try lorikeet(["evaluate"] + model + ["--data", Self.data, "--json"])
    return try #require(try JSON.parse(run.standardOutput)["loss"]?.doubleValue)
  }

  private static let saving =
    "lora:\n  r: 4\n  target_modules: [q_proj, v_proj]\n  modules_to_save: [embed_tokens, lm_head, norm]"

  @Test("beside an adapter merges into either format, with a head of its own")
  func merges() throws {
    let config = try configuration(Self.saving)
    let run = scratch.path("run")
    let training = try TinyRun.train(config, output: run)
    #expect(training.exitCode == 0, "\(training.standardError)")
    #expect(
      training.standardError.contains(
        "4 layers adapted and model.embed_tokens.weight, model.layers.0.input_layernorm.weight, model.layers.0.post_attention_layernorm.weight and 4 more weights trained as a whole"
      ))
    #expect(training.standardError.contains("embeddings and head of this model are one matrix: "))
    let tuned = try loss(["--run", run])
    #expect(abs(tuned - (try loss(["--model", Fixture.path("models/tiny-tied")]))) > 0.1)
    for output in ["merged", "merged.gguf"] {
      let path = scratch.path(output)
      let merged = try lorikeet(
        ["merge", "--run", run, "--output", path, "--type", "f32", "--json"])
      let difference = try JSON.parse(merged.standardOutput)["max_logit_difference"]?.doubleValue
      #expect(try #require(difference) < 1e-5)
      #expect(abs(try loss(["--model", path]) - tuned) < 1e-5 * tuned)
      let inspected = try lorikeet(["inspect", path, "--json"])
      let settings = try JSON.parse(inspected.standardOutput)["configuration"]
      #expect(settings?["tie_word_embeddings"]?.boolValue == false)
    }
    let settings = try JSON.parse(
      String(decoding: try bytes(scratch.path("merged/config.json")), as: UTF8.self))
    #expect(settings["tie_word_embeddings"]?.boolValue == false)
    // To a quantised type the adapter cannot be kept apart, so that is not tried.
    let measured = try lorikeet([
      "merge", "--run", run, "--output", scratch.path("small.gguf"), "--type", "q8_0", "--policy",
      "closest", "--json",
    ])
    let trials = try JSON.parse(measured.standardOutput)["trials"]?.arrayValue ?? []
    #expect(trials.compactMap { $0["way"]?.stringValue } == ["plain", "refit"])
  }

  @Test("beside an adapter leaves it as a PEFT folder, and GGUF has no place for it")
  func exports() throws {
    let run = scratch.path("run")
    #expect(try TinyRun.train(try configuration(Self.saving, steps: 2), output: run).exitCode == 0)
    let copy = scratch.path("copy")
    _ = try lorikeet(["export", "--run", run, "--output", copy])
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      #expect(try bytes("\(copy)/\(name)") == bytes("\(run)/adapter/\(name)"), "\(name)")
    }
    let refused = try lorikeet(
      ["export", "--run", run, "--output", scratch.path("a.gguf")], exitCode: 65)
    #expect(
      refused.standardError.contains(
        "a GGUF adapter has no place for modules that were trained as a whole (lora.modules_to_save); merge the adapter into its base, or write a PEFT folder instead"
      ))
    #expect(!FileManager.default.fileExists(atPath: scratch.path("a.gguf")))
    let scaled = try lorikeet(
      [
        "merge", "--model", Fixture.path("models/tiny-tied"), "--adapter", copy, "--scale", "0.5",
        "--output", scratch.path("b.gguf"),
      ], exitCode: 64)
    #expect(scaled.standardError.contains("holds modules that were trained as a whole"))
  }

  @Test(
    "all of them ends with a model, from either format, and resumes to its bytes",
    arguments: ["models/tiny-tied", "models/tiny-tied.f32.gguf", "models/tiny-untied"])
  func full(_ base: String) throws {
    let config = try configuration("lora: null", steps: 8)
    let settings = [
      "--set", "model.path=\(Fixture.path(base))", "--set", "training.learning_rate=2e-3",
    ]
    let run = scratch.path("run")
    let training = try TinyRun.train(config, output: run, settings)
    #expect(training.exitCode == 0, "\(training.standardError)")
    #expect(training.standardError.contains("all weights are trained, in f32, "))
    #expect(training.standardOutput.contains("model: \(run)/model"))
    #expect(!FileManager.default.fileExists(atPath: "\(run)/adapter"))
    let losses = try TinyRun.losses(run)
    #expect(losses.count == 8 && losses[7] < losses[0] - 1)

    // The folder is a model like any other, and the run stands for it.
    let tuned = try loss(["--run", run])
    #expect(tuned == (try loss(["--model", "\(run)/model"])))
    #expect(tuned < (try loss(["--model", Fixture.path(base)])) - 1)
    _ = try lorikeet(["generate", "--run", run, "--prompt", "Hi", "--max-tokens", "3"])
    let refused = try lorikeet(
      ["merge", "--run", run, "--output", scratch.path("m.gguf")], exitCode: 66)
    #expect(
      refused.standardError.contains(
        "the run trained all weights, so it has no adapter; use its model, \(run)/model"))
    _ = try lorikeet(["report", run])

    let whole = try bytes("\(run)/model/model.safetensors")
    for gone in ["checkpoints/step-8", "model", "run.json"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(gone)")
    }
    let resumed = try TinyRun.train(config, output: run, settings + ["--resume", "--threads", "1"])
    #expect(resumed.exitCode == 0, "\(resumed.standardError)")
    #expect(resumed.standardError.contains("resuming from \(run)/checkpoints/step-7"))
    #expect(try bytes("\(run)/model/model.safetensors") == whole)
  }
}

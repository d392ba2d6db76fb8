import Foundation
import Serialization
import TestSupport
import Testing

@Suite("The built tool") struct TrainEvaluateMergeTests {
  @Test(
    "trains from chat rows along PEFT's losses, from either file format and in NF4",
    arguments: [
      ("models/tiny-tied", false, "f32"), ("models/tiny-tied.f32.gguf", false, "f32"),
      ("models/tiny-tied", true, "nf4"),
    ])
  func followsPEFT(_ model: String, _ is4Bit: Bool, _ reference: String) throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(
      TinyRun.configuration(model: model, is4Bit: is4Bit), to: "run.yaml")
    let run = try TinyRun.train(config, output: scratch.path("run"))
    #expect(run.exitCode == 0, "\(run.standardError)")
    let expected = try JSON.parse(try Fixture.bytes("training/attention/\(reference).json"))[
      "losses"]?.arrayValue?
      .compactMap(\.doubleValue)
    let losses = try TinyRun.losses(scratch.path("run"))
    #expect(losses.count == 20)
    for (loss, reference) in zip(losses, expected ?? []) {
      #expect(abs(loss - reference) / reference < 1e-5)
    }
  }

  @Test("resumes to the bytes of the uninterrupted run, with any number of threads")
  func resumesBitIdentically() throws {
    let scratch = try ScratchFolder()
    // Dropout, shuffling and a fresh adapter: everything random takes part.
    let text = TinyRun.configuration().replacingOccurrences(
      of: "shuffle: false", with: "shuffle: true"
    )
    .replacingOccurrences(
      of: "init_adapter: \(Fixture.path("training/attention/initial"))",
      with: "r: 4\n  lora_dropout: 0.1\n  target_modules: all-linear")
    let config = try scratch.write(text, to: "run.yaml")
    var bytes: [Data] = []
    for threads in 1...3 {
      let output = scratch.path("threads-\(threads)")
      let run = try TinyRun.train(config, output: output, ["--threads", "\(threads)"])
      #expect(run.exitCode == 0, "\(run.standardError)")
      bytes.append(try TinyRun.adapterBytes(output))
    }
    #expect(bytes[1] == bytes[0])
    #expect(bytes[2] == bytes[0])

    // As if the run had ended after step 7, in the middle of an epoch: a torn later checkpoint lies about.
    let output = scratch.path("threads-1")
    for gone in ["checkpoints/step-20", "adapter", "run.json"] {
      try FileManager.default.removeItem(atPath: "\(output)/\(gone)")
    }
    try Data("torn".utf8).write(
      to: URL(fileURLWithPath: "\(output)/checkpoints/step-14/optimizer.safetensors"))
    let resumed = try TinyRun.train(config, output: output, ["--resume", "--threads", "2"])
    #expect(resumed.exitCode == 0, "\(resumed.standardError)")
    #expect(
      resumed.standardError.contains("step-14: optimizer.safetensors differs from what was saved"))
    #expect(resumed.standardError.contains("resuming from \(output)/checkpoints/step-7"))
    #expect(try TinyRun.adapterBytes(output) == bytes[0])
    #expect(try TinyRun.losses(output).count == 20)
  }

  @Test("refuses to resume what has changed, naming each difference, unless that is allowed")
  func resumesWithChanges() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(), to: "run.yaml")
    let output = scratch.path("run")
    #expect(
      try TinyRun.train(config, output: output, ["--set", "training.max_steps=14"]).exitCode == 0)
    // What a killed process leaves behind.
    try Data("half".utf8).write(
      to: URL(fileURLWithPath: "\(output)/checkpoints/.step-15.1-a.partial"))
    let changed = ["--resume", "--set", "training.weight_decay=0.5"]
    let refused = try TinyRun.train(config, output: output, changed)
    #expect(refused.exitCode == 64)
    #expect(
      refused.standardError.contains("training.weight_decay (\"0.01\" then, \"0.5\" now)"))
    #expect(refused.standardError.contains("training.max_steps (\"14\" then, \"20\" now)"))
    #expect(refused.standardError.contains("--allow-changes"))
    let allowed = try TinyRun.train(config, output: output, changed + ["--allow-changes"])
    #expect(allowed.exitCode == 0, "\(allowed.standardError)")
    #expect(allowed.standardError.contains("goes on with another training.weight_decay"))
    #expect(try TinyRun.losses(output).count == 20)
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(output)/checkpoints")
    #expect(!left.contains { $0.hasSuffix(".partial") })
  }

  @Test(
    "keeps activations below the adapters while it trains, and gives the bytes that it gives without"
  )
  func trunkCache() throws {
    let scratch = try ScratchFolder()
    let text = TinyRun.configuration().replacingOccurrences(
      of: "init_adapter: \(Fixture.path("training/attention/initial"))",
      with: "r: 4\n  lora_dropout: 0.1\n  layers_to_transform: [1]")
    let config = try scratch.write(text, to: "run.yaml")
    let output = scratch.path("kept")
    let kept = try TinyRun.train(config, output: output)
    #expect(kept.exitCode == 0, "\(kept.standardError)")
    #expect(
      kept.standardError.contains(
        "MB of activations in \(output)/trunk.cache, computed once and read again each epoch"))
    #expect(!FileManager.default.fileExists(atPath: "\(output)/trunk.cache"))
    let plain = try TinyRun.train(
      config, output: scratch.path("plain"), ["--set", "training.trunk_cache=false"])
    #expect(plain.exitCode == 0 && !plain.standardError.contains("trunk.cache"))
    let bytes = try TinyRun.adapterBytes(scratch.path("plain"))
    #expect(try TinyRun.adapterBytes(output) == bytes)

    // As if the run had ended after step 14; what is left in the cache's place is no cache.
    for gone in ["checkpoints/step-20", "adapter", "run.json"] {
      try FileManager.default.removeItem(atPath: "\(output)/\(gone)")
    }
    try Data("torn".utf8).write(to: URL(fileURLWithPath: "\(output)/trunk.cache"))
    let resumed = try TinyRun.train(config, output: output, ["--resume"])
    #expect(resumed.exitCode == 0, "\(resumed.standardError)")
    #expect(resumed.standardError.contains("resuming from \(output)/checkpoints/step-14"))
    #expect(try TinyRun.adapterBytes(output) == bytes)
    #expect(!FileManager.default.fileExists(atPath: "\(output)/trunk.cache"))
  }

  @Test("leaves in its folder what compute: auto came to")
  func automaticArithmetic() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(
      TinyRun.configuration(steps: 2).replacingOccurrences(
        of: "compute: f32", with: "compute: auto"), to: "run.yaml")
    let run = try TinyRun.train(config, output: scratch.path("run"), ["--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let used = TinyRun.hasFastIntegers ? "w8a16" : "f32"
    #expect(try JSON.parse(run.standardOutput)["compute"]?.stringValue == used)
    let settled = try String(contentsOfFile: scratch.path("run/config.yaml"), encoding: .utf8)
    #expect(settled.contains("\n  compute: \(used)\n"))
  }

  /// Whether this machine has what PiSSA needs.
  private static let hasLAPACK = dlopen("liblapacke.so.3", RTLD_NOW) != nil

  @Test(
    "evaluates and merges to what base and adapter compute together",
    arguments: [[], ["lora.init_adapter=null", "lora.use_dora=true"]]
      + (hasLAPACK ? [["lora.init_adapter=null", "lora.init_lora_weights=pissa"]] : []))
  func mergeEqualsAdapter(_ settings: [String]) throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(), to: "run.yaml")
    let run = try TinyRun.train(
      config, output: scratch.path("run"), settings.flatMap { ["--set", $0] })
    #expect(run.exitCode == 0, "\(run.standardError)")
    func evaluate(_ model: String, _ more: [String] = []) throws -> JSONValue {
      let run = try CommandRun(
        CommandRun.lorikeet,
        [
          "evaluate", "--model", model, "--data", Fixture.path("training/conversations.jsonl"),
          "--json", "--quiet",
        ] + more)
      #expect(run.exitCode == 0, "\(run.standardError)")
      return try JSON.parse(run.standardOutput)
    }
    let base = Fixture.path("models/tiny-tied")
    let adapter = scratch.path("run/adapter")
    let tuned = try evaluate(
      base, ["--adapter", adapter, "--compare-base", "--generate", "--max-tokens", "8"])
    let loss = try #require(tuned["loss"]?.doubleValue)
    let baseLoss = try #require(tuned["base"]?["loss"]?.doubleValue)
    #expect(loss < baseLoss - 1)
    #expect(tuned["generation"]?["examples"]?.intValue == tuned["examples"]?.intValue)
    for (output, type, policy, bound) in [
      ("merged", "f32", [], 1e-5), ("f32.gguf", "f32", [], 1e-5), ("f16.gguf", "f16", [], 1e-2),
      ("q8.gguf", "q8_0", ["--policy", "plain"], 5e-2),
    ] as [(String, String, [String], Double)] where settings.isEmpty || type != "q8_0" {
      // What q8_0 costs depends on the adapter; the bound is the fixture's.
      let merge = try CommandRun(
        CommandRun.lorikeet,
        [
          "merge", "--model", base, "--adapter", adapter, "--output", scratch.path(output),
          "--type", type, "--json",
        ] + policy)
      #expect(merge.exitCode == 0, "\(merge.standardError)")
      let distance = try JSON.parse(merge.standardOutput)["max_logit_difference"]?.doubleValue
      #expect(try #require(distance) < bound)
      let merged = try #require(try evaluate(scratch.path(output))["loss"]?.doubleValue)
      #expect(abs(merged - loss) < bound * 10)
    }
    // Without the merge there is a difference, so the bounds above mean something.
    #expect(abs(try #require(try evaluate(base)["loss"]?.doubleValue) - loss) > 1)
  }

  @Test("generates JSON with the promised keys")
  func generates() throws {
    let run = try CommandRun(
      CommandRun.lorikeet,
      [
        "generate", "--model", Fixture.path("models/tiny-tied.mixed.gguf"), "--prompt", "Hi",
        "--max-tokens", "5", "--json",
      ])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let json = try #require(try JSON.parse(run.standardOutput).objectValue)
    #expect(
      Set(json.keys) == [
        "text", "prompt_tokens", "completion_tokens", "finish_reason", "tokens_per_second",
      ])
  }
}

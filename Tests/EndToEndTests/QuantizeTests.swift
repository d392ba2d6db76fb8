import Foundation
import Serialization
import TestSupport
import Testing

@Suite("lorikeet quantize") struct QuantizeTests {
  private func quantize(_ model: String, _ type: String, _ output: String) throws -> CommandRun {
    try CommandRun(
      CommandRun.lorikeet,
      ["quantize", "--model", model, "--type", type, "--output", output, "--json"])
  }

  private func loss(_ model: String) throws -> Double {
    let run = try CommandRun(
      CommandRun.lorikeet,
      [
        "evaluate", "--model", model, "--data", Fixture.path("training/conversations.jsonl"),
        "--json", "--quiet",
      ])
    #expect(run.exitCode == 0, "\(run.standardError)")
    return try #require(try JSON.parse(run.standardOutput)["loss"]?.doubleValue)
  }

  @Test("writes a model near the one it was made of, the nearer the more bits it has")
  func nearTheSource() throws {
    let scratch = try ScratchFolder()
    let source = scratch.path("wide")
    try WideModel.write(to: URL(fileURLWithPath: source))
    let expected = try loss(source)
    for (type, bound) in [("q4_k", 5e-2), ("q5_k", 2e-2), ("q6_k", 1e-2), ("q8_0", 5e-3)] {
      let output = scratch.path("\(type).gguf")
      let run = try quantize(source, type, output)
      #expect(run.exitCode == 0, "\(run.standardError)")
      let json = try JSON.parse(run.standardOutput)
      #expect(json["types"]?[type]?.intValue == 8)
      #expect(json["types"]?["f32"]?.intValue == 3)
      #expect(json["fallbacks"]?.intValue == 0)
      let tensors = try #require(json["tensors"]?.arrayValue)
      #expect(tensors.count == 11)
      for tensor in tensors {
        let mean = try #require(tensor["mean_error"]?.doubleValue)
        let worst = try #require(tensor["worst_error"]?.doubleValue)
        #expect(tensor["type"]?.stringValue == "f32" ? worst == 0 : mean > 0 && mean < worst)
      }
      let distance = abs(try loss(output) - expected)
      #expect(distance < bound * expected, "\(type)")
      // The numbers did change, so the bound above means something.
      #expect(distance > 0, "\(type)")
    }
  }

  @Test("writes what training and merging can use")
  func trainsAndMerges() throws {
    let scratch = try ScratchFolder()
    try WideModel.write(to: URL(fileURLWithPath: scratch.path("wide")))
    let model = scratch.path("m.gguf")
    #expect(try quantize(scratch.path("wide"), "q4_k", model).exitCode == 0)
    let text = TinyRun.configuration(steps: 8)
      .replacingOccurrences(of: Fixture.path("models/tiny-tied"), with: model)
      .replacingOccurrences(
        of: "init_adapter: \(Fixture.path("training/attention/initial"))",
        with: "r: 4\n  target_modules: all-linear")
    for compute in ["f32", "w8a16"] {
      let config = try scratch.write(
        text.replacingOccurrences(of: "compute: f32", with: "compute: \(compute)"),
        to: "\(compute).yaml")
      let run = try TinyRun.train(config, output: scratch.path(compute))
      #expect(run.exitCode == 0, "\(run.standardError)")
      let losses = try TinyRun.losses(scratch.path(compute))
      #expect(try #require(losses.last) < #require(losses.first) - 0.5, "\(losses)")
    }
    let merge = try CommandRun(
      CommandRun.lorikeet,
      [
        "merge", "--model", model, "--adapter", scratch.path("f32/adapter"), "--output",
        scratch.path("merged.gguf"), "--type", "q6_k", "--json",
      ])
    #expect(merge.exitCode == 0, "\(merge.standardError)")
    let json = try JSON.parse(merge.standardOutput)
    #expect(json["types"]?["q6_k"]?.intValue == 8)
    // Seeded weights of this width magnify errors: f16 is 0.003 from base and adapter, q8_0 0.05, q4_k 0.85.
    #expect(try #require(json["max_logit_difference"]?.doubleValue) < 0.3)
    #expect(try #require(json["kl_divergence"]?.doubleValue) < 0.02)
  }

  @Test("says to people what became of rows that do not fit, and of a source rounded before")
  func peopleAreTold() throws {
    let scratch = try ScratchFolder()
    let run = try CommandRun(
      CommandRun.lorikeet,
      [
        "quantize", "--model", Fixture.path("models/tiny-tied.mixed.gguf"), "--type", "q4_k",
        "--output", scratch.path("m.gguf"),
      ])
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(
      run.standardError.contains(
        "15 tensors are q5_0, since q4_k needs rows of a multiple of 256 and theirs have 64, 128"))
    #expect(run.standardError.contains("rounding again adds to its errors"))
    #expect(run.standardOutput.contains("tensors 15 q5_0, 5 f32"))
    #expect(run.standardOutput.contains("blk.*.ffn_down.weight"))
  }
}

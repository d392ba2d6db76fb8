import Foundation
import Serialization
import TestSupport
import Testing

@Suite("A measured merge") struct MeasuredMergeTests {
  private let scratch: ScratchFolder
  private let base: String
  private let adapter: String
  private static let data = Fixture.path("training/conversations.jsonl")

  init() throws {
    scratch = try ScratchFolder()
    let wide = scratch.path("wide")
    try WideModel.write(to: URL(fileURLWithPath: wide))
    base = scratch.path("base.gguf")
    let made = try CommandRun(
      CommandRun.lorikeet,
      ["quantize", "--model", wide, "--type", "q4_0", "--output", base, "--quiet"])
    #expect(made.exitCode == 0, "\(made.standardError)")
    let text = TinyRun.configuration(steps: 8)
      .replacingOccurrences(of: Fixture.path("models/tiny-tied"), with: base)
      .replacingOccurrences(
        of: "init_adapter: \(Fixture.path("training/attention/initial"))",
        with: "r: 4\n  target_modules: all-linear")
    let config = try scratch.write(text, to: "run.yaml")
    let run = try TinyRun.train(config, output: scratch.path("run"))
    #expect(run.exitCode == 0, "\(run.standardError)")
    adapter = scratch.path("run/adapter")
  }

  private func lorikeet(_ words: [String]) throws -> CommandRun {
    let run = try CommandRun(CommandRun.lorikeet, words)
    #expect(run.exitCode == 0, "\(words.joined(separator: " ")): \(run.standardError)")
    return run
  }

  private func merge(_ output: String, _ more: [String]) throws -> JSONValue {
    try JSON.parse(
      try lorikeet(
        [
          "merge", "--model", base, "--adapter", adapter, "--output", scratch.path(output),
          "--json",
        ] + more
      ).standardOutput)
  }

  private func evaluate(_ model: String, _ more: [String] = []) throws -> Double {
    let run = try lorikeet(
      ["evaluate", "--model", model, "--data", Self.data, "--json", "--quiet"] + more)
    return try #require(try JSON.parse(run.standardOutput)["perplexity"]?.doubleValue)
  }

  @Test("tries every way, says what each costs, and leaves the nearest single file")
  func oneFile() throws {
    let json = try merge("m.gguf", ["--type", "q4_0", "--data", Self.data])
    #expect(json["policy"]?.stringValue == "one-file")
    let trials = try #require(json["trials"]?.arrayValue)
    #expect(trials.compactMap { $0["way"]?.stringValue } == ["plain", "refit", "apart"])
    let divergences = trials.compactMap { $0["kl_divergence"]?.doubleValue }
    #expect(divergences.count == 3 && divergences[0] > 0 && divergences[1] > 0)
    // The base has the type already, so that base and adapter apart are what they were.
    #expect(divergences[2] == 0)
    #expect(trials[2]["top1_agreement"]?.doubleValue == 1)
    #expect(trials[2]["perplexity"] == json["reference_perplexity"])
    let bytes = trials.compactMap { $0["bytes"]?.intValue }
    #expect(bytes[0] == bytes[1] && bytes[2] > bytes[0])
    let best = divergences[1] < divergences[0] ? "refit" : "plain"
    #expect(json["way"]?.stringValue == best)
    #expect(json["kl_divergence"]?.doubleValue == divergences[best == "refit" ? 1 : 0])
    #expect(json["bytes"]?.intValue == bytes[0])
    #expect(json["adapter_output"] == .null)

    // What is said of the file is true of the file.
    let perplexity = try #require(json["perplexity"]?.doubleValue)
    #expect(abs(try evaluate(scratch.path("m.gguf")) - perplexity) < 1e-4 * perplexity)
    let reference = try #require(json["reference_perplexity"]?.doubleValue)
    let tuned = try evaluate(base, ["--adapter", adapter])
    #expect(abs(tuned - reference) < 1e-4 * reference)

    // Nothing of the other ways is left.
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted()
    #expect(left == ["base.gguf", "m.gguf", "run", "run.yaml", "wide"])
  }

  @Test("leaves base and adapter where they are nearest and two files are allowed")
  func apart() throws {
    let json = try merge("m.gguf", ["--type", "q4_0", "--policy", "closest"])
    #expect(json["way"]?.stringValue == "apart")
    let output = scratch.path("m.adapter.gguf")
    #expect(json["adapter_output"]?.stringValue == output)
    let apart = try evaluate(scratch.path("m.gguf"), ["--adapter", output])
    #expect(try apart == evaluate(base, ["--adapter", adapter]))

    // A file that is in the way is known before anything is done.
    let again = try CommandRun(
      CommandRun.lorikeet,
      [
        "merge", "--model", base, "--adapter", adapter, "--output", scratch.path("n.gguf"),
        "--type", "q4_0", "--policy", "plain", "--json",
      ])
    #expect(again.exitCode == 0)
    try FileManager.default.removeItem(atPath: scratch.path("m.gguf"))
    let refused = try CommandRun(
      CommandRun.lorikeet,
      [
        "merge", "--model", base, "--adapter", adapter, "--output", scratch.path("m.gguf"),
        "--type", "q4_0", "--policy", "apart", "--json",
      ])
    #expect(refused.exitCode != 0)
    #expect(refused.standardError.contains("m.adapter.gguf"))
  }

  @Test("tells people what was tried and what was taken")
  func peopleAreTold() throws {
    let run = try lorikeet([
      "merge", "--model", base, "--adapter", adapter, "--output", scratch.path("m.gguf"),
      "--type", "q5_k",
    ])
    #expect(run.standardOutput.contains("q5_k against base + adapter on"))
    #expect(run.standardOutput.contains("taken: plain, the merged weights quantised as they are"))
    #expect(!run.standardOutput.contains("refit"))
    // The base has q4_0, so that apart it is what it was, and any single file is far from that.
    let far = try lorikeet([
      "merge", "--model", base, "--adapter", adapter, "--output", scratch.path("n.gguf"),
      "--type", "q4_0",
    ])
    #expect(
      far.standardError.contains(
        "note: apart, the base quantised and the adapter beside it, is far nearer; --policy closest takes it"
      ))
  }

  @Test("of several adapters gives what the adapter exported from them gives")
  func several() throws {
    let other = Self.scaled(adapter, to: scratch.path("other"))
    let both = ["--model", base, "--adapter", adapter, "--adapter", other, "--scale", "0.75"]
    for method in [
      ["--method", "ties", "--density", "0.5"], ["--method", "svd", "--rank", "3"], [],
    ] {
      let folder = scratch.path("combined-\(method.count)\(method.last ?? "")")
      _ = try lorikeet(["export", "--output", folder] + both + method)
      let file = "\(folder).gguf"
      let json = try JSON.parse(
        try lorikeet(["merge", "--output", file, "--type", "f32", "--json"] + both + method)
          .standardOutput)
      #expect(try #require(json["max_logit_difference"]?.doubleValue) < 1e-5)
      let (merged, applied) = (try evaluate(file), try evaluate(base, ["--adapter", folder]))
      #expect(abs(merged - applied) < 1e-4 * applied)
      #expect(abs(try evaluate(base) - applied) > 1e-2 * applied)
    }
    let inspected = try JSON.parse(
      try lorikeet(["inspect", base, "--adapter", scratch.path("combined-4" + "3"), "--json"])
        .standardOutput)
    let layers = try #require(inspected["layers"]?.arrayValue)
    #expect(layers.count == 7)
    for layer in layers {
      #expect(layer["rank"]?.intValue == 3)
      let effective = try #require(layer["effective_rank"]?.doubleValue)
      #expect(effective >= 1 && effective <= 3)
      let relative = try #require(layer["relative_norm"]?.doubleValue)
      #expect(relative > 0 && relative < 1)
    }
  }

  /// A copy of an adapter under another name; combined with itself it is not the same twice.
  private static func scaled(_ adapter: String, to path: String) -> String {
    try? FileManager.default.copyItem(atPath: adapter, toPath: path)
    return path
  }
}

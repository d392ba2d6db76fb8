import Foundation
import Serialization
import TestSupport
import Testing

@Suite("A run folder in place of a model and its adapter") struct RunSelectionTests {
  private let scratch: ScratchFolder
  private let run: String
  private static let data = Fixture.path("training/conversations.jsonl")

  init() throws {
    scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(is4Bit: true, steps: 8), to: "run.yaml")
    run = scratch.path("run")
    let training = try TinyRun.train(config, output: run)
    #expect(training.exitCode == 0, "\(training.standardError)")
  }

  private func lorikeet(_ arguments: [String]) throws -> CommandRun {
    try CommandRun(CommandRun.lorikeet, arguments)
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(run)/\(name)"))
  }

  private func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(run)/\(name)")
  }

  @Test("is evaluated as its model and adapter are, and keeps what came of it")
  func evaluates() throws {
    let how = ["--data", Self.data, "--compare-base", "--generate", "--max-tokens", "4", "--json"]
    let kept = try lorikeet(["evaluate", "--run", "\(run)/"] + how)
    #expect(kept.exitCode == 0, "\(kept.standardError)")
    #expect(kept.standardError.contains("evaluation: \(run)/evaluation.json"))
    #expect(kept.standardError.contains("report: \(run)/report.html"))
    #expect(kept.standardError.contains("base in NF4, as the adapter was trained (lorikeet.json)"))
    #expect(try bytes("evaluation.json") == Data(kept.standardOutput.utf8))
    let page = String(decoding: try bytes("report.html"), as: UTF8.self)
    #expect(page.contains("<h2>Evaluation</h2>") && page.contains("finished"))
    #expect(page.contains("training, each logged step: 8 values"))

    let named = try lorikeet(
      ["evaluate", "--model", Fixture.path("models/tiny-tied"), "--adapter", "\(run)/adapter"] + how
    )
    #expect(named.exitCode == 0, "\(named.standardError)")
    let same = ["model", "adapter", "data", "precision", "loss", "token_accuracy", "examples"]
    let (first, second) = (
      try JSON.parse(kept.standardOutput), try JSON.parse(named.standardOutput)
    )
    for key in same { #expect(first[key] == second[key] && first[key] != nil, "\(key)") }
    #expect(first["precision"]?.stringValue == "nf4")
    #expect(first["generation"] == second["generation"])

    // The adapter's folder names its base.
    let implied = try lorikeet(["evaluate", "--adapter", "\(run)/adapter"] + how)
    #expect(implied.exitCode == 0, "\(implied.standardError)")
    #expect(try JSON.parse(implied.standardOutput)["loss"] == first["loss"])

    // Without the record beside the adapter, the configuration knows the precision.
    try FileManager.default.removeItem(atPath: "\(run)/adapter/lorikeet.json")
    let unrecorded = try lorikeet(["evaluate", "--run", run] + how)
    #expect(unrecorded.standardError.contains("as the adapter was trained (config.yaml)"))
    #expect(try JSON.parse(unrecorded.standardOutput)["loss"] == first["loss"])
  }

  @Test("is not touched by an evaluation that fails")
  func failure() throws {
    let page = try bytes("report.html")
    for (arguments, exitCode) in [
      (["--data", scratch.path("none.jsonl")], 66),
      (["--data", try scratch.write("{}\n", to: "bad.jsonl")], 65),
      (["--data", Self.data, "--generate", "--max-tokens", "2", "--predictions", "/dev/full"], 74),
    ] as [([String], Int32)] {
      let evaluation = try lorikeet(["evaluate", "--run", run] + arguments)
      #expect(evaluation.exitCode == exitCode, "\(evaluation.standardError)")
      #expect(!has("evaluation.json"))
      #expect(try bytes("report.html") == page)
    }
  }

  @Test("is asked and merged as well")
  func generatesAndMerges() throws {
    let asked = ["--prompt", "Hi", "--max-tokens", "6", "--json"]
    let answer = try lorikeet(["generate", "--run", run] + asked)
    #expect(answer.exitCode == 0, "\(answer.standardError)")
    let named = try lorikeet(
      [
        "generate", "--model", Fixture.path("models/tiny-tied"), "--adapter", "\(run)/adapter",
      ] + asked)
    let text = try JSON.parse(answer.standardOutput)["text"]
    #expect(try text != nil && text == JSON.parse(named.standardOutput)["text"])

    for (output, arguments) in [
      ("a.gguf", ["--run", run]),
      (
        "b.gguf",
        ["--model", Fixture.path("models/tiny-tied"), "--adapter", "\(run)/adapter"]
      ),
    ] {
      let merge = try lorikeet(
        ["merge", "--output", scratch.path(output), "--type", "f32"] + arguments)
      #expect(merge.exitCode == 0, "\(merge.standardError)")
    }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: scratch.path("a.gguf")))
        == Data(contentsOf: URL(fileURLWithPath: scratch.path("b.gguf"))))
  }

  @Test("that is none, has no adapter yet, or names a model that is gone, is refused in a sentence")
  func refused() throws {
    let none = try lorikeet(["generate", "--run", scratch.url.path, "--prompt", "Hi"])
    #expect(none.exitCode == 66)
    #expect(none.standardError.contains("no run folder: config.yaml is not in it"))

    let text = try String(contentsOfFile: "\(run)/config.yaml", encoding: .utf8)
    try text.replacingOccurrences(of: "models/tiny-tied", with: "models/gone").write(
      toFile: "\(run)/config.yaml", atomically: true, encoding: .utf8)
    let gone = try lorikeet(["generate", "--run", run, "--prompt", "Hi"])
    #expect(gone.exitCode == 66)
    #expect(gone.standardError.contains("\(run)/config.yaml: its model.path, "))
    #expect(gone.standardError.contains("start where the run was started, or name the model"))

    try FileManager.default.removeItem(atPath: "\(run)/adapter")
    let unfinished = try lorikeet(["generate", "--run", run, "--prompt", "Hi"])
    #expect(unfinished.exitCode == 66)
    #expect(
      unfinished.standardError.contains(
        "no adapter yet; let it end, or resume it, or name a checkpoint's with --model and --adapter \(run)/checkpoints/step-8/adapter"
      ), "\(unfinished.standardError)")
  }
}

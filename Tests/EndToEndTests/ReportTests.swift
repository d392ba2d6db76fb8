import Foundation
import Serialization
import TestSupport
import Testing

@Suite("The report of a run") struct ReportTests {
  private static let validation = "data.validation=\(Fixture.path("training/conversations.jsonl"))"

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test("is there at the end, of everything that the run did, and samples change no number")
  func writtenByTraining() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(
      TinyRun.configuration().replacingOccurrences(
        of: "init_adapter: \(Fixture.path("training/attention/initial"))",
        with: "r: 4\n  lora_dropout: 0.1\n  target_modules: all-linear"), to: "run.yaml")
    let set = ["--set", Self.validation, "--set", "training.eval_steps=5"]
    let output = scratch.path("run")
    let run = try TinyRun.train(config, output: output, set)
    #expect(run.exitCode == 0, "\(run.standardError)")
    let silent = try TinyRun.train(
      config, output: scratch.path("silent"), set + ["--set", "training.samples=0"])
    #expect(silent.exitCode == 0, "\(silent.standardError)")
    let bytes = try TinyRun.adapterBytes(output)
    #expect(try TinyRun.adapterBytes(scratch.path("silent")) == bytes)

    let data = try JSON.parse(try text("\(output)/report.json"))
    let samples = try #require(data["samples"]?["rows"]?.arrayValue)
    #expect(samples.count == 3)
    #expect(data["samples"]?["step"]?.intValue == 20)
    for sample in samples {
      #expect(sample["reference"]?.stringValue?.isEmpty == false)
      #expect(sample["base"]?.stringValue != nil)
      #expect(sample["tuned"]?.stringValue != nil)
    }
    #expect(samples.contains { $0["base"] != $0["tuned"] }, "twenty steps change some answer")
    let history = samples.map { $0["history"]?.arrayValue ?? [] }
    for (sample, answers) in zip(samples, history) {
      let steps = answers.compactMap { $0["step"]?.intValue }
      #expect(
        steps.first == 5 && steps == steps.sorted() && Set(steps).isSubset(of: [5, 10, 15, 20]))
      #expect(answers.last?["text"] == sample["tuned"])
      #expect(zip(answers, answers.dropFirst()).allSatisfy { $0["text"] != $1["text"] })
    }
    #expect(history.contains { $0.count > 1 }, "some answer changes on the way")
    let layers = try #require(data["layers"]?["norms"]?.arrayValue)
    #expect(layers.count == 14)
    #expect(layers.allSatisfy { ($0["delta"]?.doubleValue ?? 0) > 0 })
    #expect(layers.allSatisfy { ($0["weight"]?.doubleValue ?? 0) > 0 })
    #expect(data["layers"]?["step"]?.intValue == 20)
    let rows = data["row_lengths"]?.arrayValue?.compactMap { $0.arrayValue?.last?.intValue }
    let lines = try text(Fixture.path("training/conversations.jsonl")).split(separator: "\n").count
    #expect(rows?.reduce(0, +) == lines)

    let page = try text("\(output)/report.html")
    for part in ["finished", "Best validation loss", "Row lengths", "Change of each layer"] {
      #expect(page.contains(part), "\(part)")
    }
    #expect(!page.contains("http-equiv=\"refresh\""))
    #expect(!(try text(scratch.path("silent/report.html"))).contains("Answers before"))

    // The command needs none of model and data, and gives the same page.
    let again = try CommandRun(
      CommandRun.lorikeet, ["report", output, "--output", scratch.path("again.html"), "--json"])
    #expect(again.exitCode == 0, "\(again.standardError)")
    #expect(
      try JSON.parse(again.standardOutput)["output"]?.stringValue == scratch.path("again.html"))
    #expect(try text(scratch.path("again.html")) == page)

    // As if the run had ended after step 14: the resumed report has all steps, each once.
    for gone in ["checkpoints/step-20", "adapter", "run.json"] {
      try FileManager.default.removeItem(atPath: "\(output)/\(gone)")
    }
    let resumed = try TinyRun.train(config, output: output, set + ["--resume"])
    #expect(resumed.exitCode == 0, "\(resumed.standardError)")
    #expect(try TinyRun.adapterBytes(output) == bytes)
    #expect(try text("\(output)/report.html").contains("training, each logged step: 20 values"))
    let after = try JSON.parse(try text("\(output)/report.json"))["samples"]?["rows"]?.arrayValue
    #expect(after?.map { $0["history"]?.arrayValue ?? [] } == history, "as if it had never ended")
  }

  @Test(
    "has what was forgotten, and says at each validation what is answered otherwise than before")
  func forgetting() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(steps: 10), to: "run.yaml")
    let run = try CommandRun(
      CommandRun.lorikeet,
      [
        "train", config, "--output", scratch.path("run"), "--set", Self.validation, "--set",
        "training.eval_steps=5", "--set", "training.max_forgetting=0.5", "--set",
        "data.retention=\(Fixture.path("training/conversations.jsonl"))",
      ])
    #expect(run.exitCode == 0, "\(run.standardError)")
    for part in [
      "sample prompts, the base model:\n  1  asked   ",
      "sample prompts, after step 5:\n  1  answer",
    ] {
      #expect(run.standardError.contains(part), "\(part): \(run.standardError)")
    }
    let page = try text(scratch.path("run/report.html"))
    #expect(page.contains("training, each logged step: 10 values"), "retention lines are no steps")
    #expect(
      page.contains("loss on data.retention: 3 values") && page.contains("of at most +50.0 %"))
    let again = try CommandRun(
      CommandRun.lorikeet, ["report", scratch.path("run"), "--output", scratch.path("again.html")])
    #expect(again.exitCode == 0, "\(again.standardError)")
    #expect(try text(scratch.path("again.html")) == page)
  }

  @Test("answers prompts of the configuration, after the last step where nothing is validated")
  func ownPrompts() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(steps: 3), to: "run.yaml")
    let run = try TinyRun.train(
      config, output: scratch.path("run"),
      [
        "--set", "training.sample_prompts=[Hi, \"\(String(repeating: "very long ", count: 400))\"]",
      ])
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(
      run.standardError.contains(
        "training.sample_prompts: 1 of 2 are longer than every row and are not answered"))
    let data = try JSON.parse(try text(scratch.path("run/report.json")))
    let samples = try #require(data["samples"]?["rows"]?.arrayValue)
    #expect(samples.count == 1)
    #expect(samples[0]["messages"]?.arrayValue?.last?["content"]?.stringValue == "Hi")
    #expect(samples[0]["reference"] == nil)
    #expect(samples[0]["tuned"]?.stringValue != nil)
    #expect(data["samples"]?["step"]?.intValue == 3)
  }

  @Test("of several runs lays them over each other, and a folder that is no run is refused")
  func severalRuns() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(steps: 2), to: "run.yaml")
    for (name, rate) in [("slow", "1e-3"), ("fast", "1e-2")] {
      let run = try TinyRun.train(
        config, output: scratch.path(name), ["--set", "training.learning_rate=\(rate)"])
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
    let page = scratch.path("both.html")
    let report = try CommandRun(
      CommandRun.lorikeet,
      ["report", scratch.path("slow"), scratch.path("fast/"), "--output", page])
    #expect(report.exitCode == 0, "\(report.standardError)")
    let html = try text(page)
    for part in ["2 runs compared", ">slow<", "training.learning_rate", "0.001", "0.01"] {
      #expect(html.contains(part), "\(part)")
    }
    let none = try CommandRun(CommandRun.lorikeet, ["report", scratch.url.path])
    #expect(none.exitCode == 66)
    #expect(none.standardError.contains("neither config.yaml nor metrics.jsonl is in it"))
    #expect(try CommandRun(CommandRun.lorikeet, ["report"]).exitCode == 64)
  }
}

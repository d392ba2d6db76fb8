import Foundation
import TestSupport
import Testing

@Suite("Bad input ends with one sentence and the right exit code") struct BadInputTests {
  /// What is changed in a good run, and how it must end.
  struct ErrorCase: Sendable, CustomTestStringConvertible {
    let id: String
    var config: (@Sendable (String) -> String) = { $0 }
    var data: String?
    let exitCode: Int32
    let message: String
    var testDescription: String { id }
  }

  private static func row(_ messages: String) -> String { "{\"messages\": [\(messages)]}\n" }
  private static let good = row(
    #"{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}"#)

  static let cases = [
    ErrorCase(
      id: "misspelt key",
      config: { $0.replacingOccurrences(of: "learning_rate", with: "learing_rate") }, exitCode: 64,
      message: "learning_rate"),
    ErrorCase(
      id: "wrong type", config: { $0.replacingOccurrences(of: "1e-2", with: "fast") }, exitCode: 64,
      message: "training.learning_rate: expected a number above 0, found \"fast\""),
    ErrorCase(
      id: "missing model",
      config: { $0.replacingOccurrences(of: "models/tiny-tied", with: "models/none.gguf") },
      exitCode: 66, message: "none.gguf"),
    ErrorCase(
      id: "missing data",
      config: { $0.replacingOccurrences(of: "conversations.jsonl", with: "none.jsonl") },
      exitCode: 66, message: "none.jsonl"),
    ErrorCase(
      id: "adapter for another model",
      config: {
        $0.replacingOccurrences(of: "attention/initial", with: "gradients/tiny-untied-adapter")
      }, exitCode: 65,
      message: "the adapter was made for another model"),
    ErrorCase(
      id: "unknown target module",
      config: {
        $0.replacingOccurrences(
          of: "init_adapter: \(Fixture.path("training/attention/initial"))",
          with: "target_modules: [q_porj]")
      }, exitCode: 64, message: "\"q_porj\" matches no linear layer of this model; it has q_proj"),
    ErrorCase(
      id: "a block that is not there",
      config: {
        $0.replacingOccurrences(
          of: "init_adapter: \(Fixture.path("training/attention/initial"))",
          with: "layers_to_transform: [0, 99]")
      }, exitCode: 64,
      message: "there is no block 99; this model has 2 blocks, numbered from 0 to 1"),
    ErrorCase(
      id: "bad line", data: good + "{\"messages\": [\n", exitCode: 65, message: "data.jsonl line 2"),
    ErrorCase(
      id: "unknown role", data: row(#"{"role":"bot","content":"Hi"}"#), exitCode: 65,
      message: "data.jsonl line 1"),
    ErrorCase(id: "empty conversation", data: row(""), exitCode: 65, message: "data.jsonl line 1"),
    ErrorCase(
      id: "no assistant turn", data: row(#"{"role":"user","content":"Hi"}"#), exitCode: 65,
      message: "data.jsonl line 1"),
    ErrorCase(
      id: "row too long",
      data: row(
        "{\"role\":\"user\",\"content\":\"\(String(repeating: "word ", count: 400))\"},{\"role\":\"assistant\",\"content\":\"a\"}"
      ),
      exitCode: 65, message: "data.jsonl line 1"),
    ErrorCase(
      id: "resume without a run", config: { $0 }, exitCode: 66,
      message: "no checkpoint to resume from"),
  ]

  @Test("for each fault of a run's files", arguments: cases)
  func endsWithOneSentence(_ fault: ErrorCase) throws {
    let scratch = try ScratchFolder()
    var text = fault.config(TinyRun.configuration())
    if let data = fault.data {
      let path = try scratch.write(data, to: "data.jsonl")
      text = text.replacingOccurrences(of: Fixture.path("training/conversations.jsonl"), with: path)
    }
    let config = try scratch.write(text, to: "run.yaml")
    let run = try TinyRun.train(
      config, output: scratch.path("run"), fault.id == "resume without a run" ? ["--resume"] : [])
    #expect(run.exitCode == fault.exitCode, "\(run.standardError)")
    let last = run.standardError.split(separator: "\n").last.map(String.init) ?? ""
    #expect(last.hasPrefix("lorikeet: "))
    #expect(last.contains(fault.message), "\(last)")
    #expect(
      !FileManager.default.fileExists(atPath: scratch.path("run")), "something was left behind")
  }

  @Test("for a truncated GGUF and a safetensors header that lies")
  func damagedModels() throws {
    let scratch = try ScratchFolder()
    let gguf = try Data(contentsOf: URL(fileURLWithPath: Fixture.path("models/tiny-tied.f32.gguf")))
    try gguf.prefix(gguf.count / 2).write(to: URL(fileURLWithPath: scratch.path("half.gguf")))
    let folder = scratch.path("folder")
    try FileManager.default.copyItem(atPath: Fixture.path("models/tiny-tied"), toPath: folder)
    var tensors = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/model.safetensors"))
    tensors.replaceSubrange(0..<8, with: [0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0])
    try tensors.write(to: URL(fileURLWithPath: "\(folder)/model.safetensors"))
    for path in [scratch.path("half.gguf"), folder] {
      let run = try CommandRun(
        CommandRun.lorikeet, ["generate", "--model", path, "--prompt", "Hi"])
      #expect(run.exitCode == 65, "\(run.standardError)")
      #expect(run.standardError.contains(path))
    }
  }

  @Test("for an output that exists, and for a full disk")
  func outputs() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(steps: 1), to: "run.yaml")
    #expect(try TinyRun.train(config, output: scratch.path("run")).exitCode == 0)
    let again = try TinyRun.train(config, output: scratch.path("run"))
    #expect(again.exitCode == 64)
    #expect(again.standardError.contains("exists already"))
    let base = Fixture.path("models/tiny-tied")
    let full = try CommandRun(
      CommandRun.lorikeet,
      [
        "evaluate", "--model", base, "--data", Fixture.path("training/conversations.jsonl"),
        "--generate", "--limit", "1",
        "--max-tokens", "2", "--predictions", "/dev/full",
      ])
    #expect(full.exitCode == 74, "\(full.standardError)")
    let merge = try CommandRun(
      CommandRun.lorikeet,
      [
        "merge", "--model", base, "--adapter", scratch.path("run/adapter"), "--output",
        scratch.path("run"),
      ])
    #expect(merge.exitCode == 64, "\(merge.standardError)")
  }

  @Test(
    "for a command line that cannot be followed",
    arguments: [
      (["trian"], "did you mean train?"), (["train"], "missing argument <CONFIG.yaml>"),
      (["train", "a.yaml", "--resmue"], "did you mean --resume?"),
      (["generate", "--prompt", "Hi"], "missing --model <M> or --run <RUN>"),
      (
        ["evaluate", "--model", "m", "--data", "d", "--limit", "few"],
        "--limit: expected a whole number, found \"few\""
      ),
      (["generate", "--model", "m", "--prompt"], "--prompt needs a value <TEXT>"),
    ])
  func usage(_ words: [String], _ message: String) throws {
    let run = try CommandRun(CommandRun.lorikeet, words)
    #expect(run.exitCode == 64)
    #expect(run.standardError.contains(message), "\(run.standardError)")
  }
}

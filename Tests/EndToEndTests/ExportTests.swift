import Foundation
import Serialization
import TestSupport
import Testing

@Suite("An exported adapter") struct ExportTests {
  private static let base = Fixture.path("models/tiny-tied")

  private static func run(_ words: [String]) throws -> CommandRun {
    let run = try CommandRun(CommandRun.lorikeet, words)
    #expect(run.exitCode == 0, "\(words.joined(separator: " ")): \(run.standardError)")
    return run
  }

  private static func export(_ adapter: String, _ output: String) throws -> JSONValue {
    try JSON.parse(
      try run([
        "export", "--adapter", adapter, "--model", base, "--output", output, "--json",
      ]).standardOutput)
  }

  private static func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test(
    "comes back from GGUF with its record and the same bytes, and is the same wherever it is used")
  func roundTrip() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(is4Bit: true, steps: 3), to: "run.yaml")
    #expect(try TinyRun.train(config, output: scratch.path("run")).exitCode == 0)
    let folder = scratch.path("run/adapter")
    let gguf = scratch.path("adapter.gguf")
    let json = try Self.export(folder, gguf)
    #expect(json["format"]?.stringValue == "gguf")
    #expect(json["alpha"]?.doubleValue == 8)
    #expect(json["folded_modules"]?.intValue == 0)
    #expect(json["bytes"]?.intValue == (try Self.bytes(gguf)).count)

    let back = scratch.path("back")
    #expect(try Self.export(gguf, back)["format"]?.stringValue == "peft")
    for name in ["adapter_model.safetensors", "lorikeet.json"] {
      #expect(try Self.bytes("\(back)/\(name)") == Self.bytes("\(folder)/\(name)"), "\(name)")
    }

    var answers: [JSONValue?] = []
    for adapter in [folder, gguf] {
      let evaluated = try Self.run([
        "evaluate", "--model", Self.base, "--adapter", adapter, "--data",
        Fixture.path("training/conversations.jsonl"), "--json",
      ])
      // The record says that the adapter was trained on NF4, and is followed.
      #expect(evaluated.standardError.contains("base in NF4, as the adapter was trained"))
      answers.append(try JSON.parse(evaluated.standardOutput)["loss"])
    }
    #expect(answers[0] != nil && answers[0] == answers[1])

    var merged: [Data] = []
    for (adapter, output) in [(folder, "a.gguf"), (gguf, "b.gguf")] {
      _ = try Self.run([
        "merge", "--model", Self.base, "--adapter", adapter, "--output", scratch.path(output),
      ])
      merged.append(try Self.bytes(scratch.path(output)))
    }
    #expect(merged[0] == merged[1])

    let inspected = try JSON.parse(try Self.run(["inspect", gguf, "--json"]).standardOutput)
    #expect(inspected["kind"]?.stringValue == "adapter")
    #expect(inspected["architecture"]?.stringValue == "llama")
    #expect(inspected["alpha"]?.doubleValue == 8)
  }

  @Test("trains on as the PEFT folder does, byte for byte")
  func trainsOn() throws {
    let scratch = try ScratchFolder()
    let initial = Fixture.path("training/attention/initial")
    let gguf = scratch.path("initial.gguf")
    _ = try Self.export(initial, gguf)
    var adapters: [Data] = []
    for (name, start) in [("folder", initial), ("gguf", gguf)] {
      let text = TinyRun.configuration(steps: 3)
      let config = try scratch.write(
        text.replacingOccurrences(of: initial, with: start), to: "\(name).yaml")
      let run = try TinyRun.train(config, output: scratch.path(name))
      #expect(run.exitCode == 0, "\(run.standardError)")
      adapters.append(try TinyRun.adapterBytes(scratch.path(name)))
    }
    #expect(adapters[0] == adapters[1])
    #expect(adapters[0] != (try Self.bytes("\(initial)/adapter_model.safetensors")))
  }

  @Test("says what was folded")
  func saysWhatWasFolded() throws {
    let scratch = try ScratchFolder()
    let run = try Self.run([
      "export", "--adapter", Fixture.path("lora/patterns"), "--model", Self.base, "--output",
      scratch.path("a.gguf"), "--type", "f16",
    ])
    #expect(run.standardOutput.contains("10 layers in f16"))
    #expect(run.standardOutput.contains("alpha 8.0; the scales of 4 differ and are folded into B"))
  }
}

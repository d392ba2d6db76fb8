import Foundation
import Serialization
import TestSupport

/// A comparison of five arms on a model of a few thousand weights, through the built tool.
struct TinyComparison {
  let scratch: ScratchFolder
  let config: String

  static let arms = [
    "base-1", "few-shot-1", "retrieval-1", "tuned-1", "tuned-2", "tuned-retrieval-1",
    "tuned-retrieval-2",
  ]

  init() throws {
    scratch = try ScratchFolder()
    try FileManager.default.createDirectory(
      atPath: scratch.path("docs"), withIntermediateDirectories: true)
    var rows: [String] = []
    for index in 0..<14 {
      _ = try scratch.write(
        "# Part \(index)\n\nThe part called p\(index) costs \(index * 7) coins.",
        to: "docs/p\(index).md")
      rows.append(
        "{\"question\": \"What does p\(index) cost?\", \"answer\": \"\(index * 7) coins\", \"docs\": [\"p\(index).md\"], \"kind\": \"\(index % 2 == 0 ? "even" : "odd")\"}\n"
      )
    }
    _ = try scratch.write(rows[..<8].joined(), to: "train.jsonl")
    _ = try scratch.write(rows[8...].joined(), to: "test.jsonl")
    _ = try scratch.write("{\"text\": \"To be kept in mind.\"}\n", to: "retention.jsonl")
    config = try scratch.write(
      """
      model:
        path: \(Fixture.path("models/tiny-tied"))
      data:
        train: \(scratch.path("train.jsonl"))
        retention: \(scratch.path("retention.jsonl"))
      lora:
        r: 4
      training:
        output_dir: \(scratch.path("comparison"))
        max_steps: 6
        save_steps: 2
        per_device_train_batch_size: 4
        learning_rate: 1e-2
      compare:
        questions: \(scratch.path("test.jsonl"))
        documents: \(scratch.path("docs"))
        seeds: [1, 2]
        num_fewshot: 2
        max_new_tokens: 12
        top_k: 2
        raft:
          distractors: 1
          golden_share: 0.5

      """, to: "compare.yaml")
  }

  func run(_ more: [String] = [], output: String? = nil) throws -> CommandRun {
    let output = output.map { ["--output", scratch.path($0)] } ?? []
    return try CommandRun(CommandRun.lorikeet, ["compare", config] + output + more)
  }

  /// Starts a comparison, and sends it a signal after so many seconds; returns how it ended.
  func run(output: String, signal: Int32, after seconds: Double) throws -> Int32 {
    let process = Process()
    process.executableURL = CommandRun.lorikeet
    process.arguments = ["compare", config, "--output", scratch.path(output), "--quiet"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: seconds)
    if process.isRunning { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    return process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
  }

  /// An arm's answers without what a clock says.
  func answers(_ arm: String, output: String = "comparison") throws -> [JSONObject] {
    try lines("answers/\(arm).jsonl", output: output).map { line in
      var json = try JSON.parse(line).objectValue ?? JSONObject()
      json["seconds"] = nil
      return json
    }
  }

  /// The lines of a file of the comparison's folder.
  func lines(_ name: String, output: String = "comparison") throws -> [String] {
    try String(contentsOfFile: scratch.path("\(output)/\(name)"), encoding: .utf8)
      .split(separator: "\n").map(String.init)
  }
}

import Foundation
import Serialization
import TestSupport
import Testing

@Suite("A run within a memory plan") struct MemoryPlanRunTests {
  private static let model = ProcessInfo.processInfo.environment["LORIKEET_TEST_MODEL"]

  /// Rows of some 500 tokens that do not begin alike.
  private static func rows(_ count: Int, seed: UInt64) -> String {
    let words = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child"]
    var numbers = SeededNumbers(seed)
    func text() -> String {
      (0..<235).map { _ in words[numbers.integer(below: words.count)] }.joined(separator: " ")
    }
    return (0..<count).map { _ in
      #"{"messages":[{"role":"user","content":"\#(text())"},"#
        + #"{"role":"assistant","content":"\#(text())"}]}"# + "\n"
    }.joined()
  }

  @Test(
    "takes what the plan says within a tenth, and no more than it may",
    .enabled(if: model != nil), arguments: [("350MB", 350_000_000), ("600MB", 600_000_000)])
  func staysWithinPlan(_ text: String, _ limit: Int) throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(
      """
      model:
        path: \(try #require(Self.model))
        load_in_4bit: true
      data:
        train: \(try scratch.write(Self.rows(8, seed: 1), to: "train.jsonl"))
        validation: \(try scratch.write(Self.rows(1, seed: 2), to: "valid.jsonl"))
        max_length: 640
      lora:
        r: 16
        target_modules: [q_proj, k_proj, v_proj, o_proj]
      training:
        output_dir: unused
        max_steps: 2
        per_device_train_batch_size: 4
        max_memory: \(text)
        eval_steps: 1
        save_steps: 1
      """, to: "run.yaml")
    let run = try TinyRun.train(config, output: scratch.path("run"), ["--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let summary = try JSON.parse(run.standardOutput)
    let plan = try #require(summary["planned_memory_bytes"]?.intValue)
    let peak = try #require(summary["peak_rss_bytes"]?.intValue)
    #expect(plan <= limit)
    #expect(plan > limit * 9 / 10, "memory that is allowed is used")
    #expect(abs(peak - plan) < plan / 10, "\(peak) of \(plan) planned")
    #expect(peak <= limit, "\(peak)")
    #expect(run.standardError.contains("memory: \((plan + 999_999) / 1_000_000) MB planned"))
  }

  @Test("that cannot be is refused in one sentence, before anything is written")
  func refusal() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(), to: "run.yaml")
    let run = try TinyRun.train(
      config, output: scratch.path("run"), ["--set", "training.max_memory=2MB"])
    #expect(run.exitCode == 64)
    #expect(run.standardOutput.isEmpty)
    let line = "lorikeet: training.max_memory: 2 MB do not suffice, the smallest plan takes "
    #expect(run.standardError.split(separator: "\n").last?.hasPrefix(line) == true)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run")))
  }
}

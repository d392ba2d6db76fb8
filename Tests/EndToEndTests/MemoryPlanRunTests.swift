import Foundation
import Serialization
import TestSupport
import Testing

@Suite("A run within a memory plan") struct MemoryPlanRunTests {
  private static let model = ProcessInfo.processInfo.environment["LORIKEET_TEST_MODEL"]

  /// Rows that do not begin alike, of so many words, each a token.
  private static func rows(_ count: Int, question: Int, answer: Int, seed: UInt64) -> String {
    let words = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child"]
    var numbers = SeededNumbers(seed)
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[numbers.integer(below: words.count)] }.joined(separator: " ")
    }
    return (0..<count).map { _ in
      #"{"messages":[{"role":"user","content":"\#(text(question))"},"#
        + #"{"role":"assistant","content":"\#(text(answer))"}]}"# + "\n"
    }.joined()
  }

  @Test(
    "takes what the plan says within a tenth, and no more than it may",
    .enabled(if: model != nil), arguments: [("350MB", 350_000_000), ("600MB", 600_000_000)])
  func staysWithinPlan(_ text: String, _ limit: Int) throws {
    let (plan, peak, messages) = try Self.planAndPeak(
      training: Self.rows(8, question: 235, answer: 235, seed: 1),
      validation: Self.rows(1, question: 235, answer: 235, seed: 2),
      [
        "model.load_in_4bit=true", "training.max_memory=\(text)",
        "lora.target_modules=[q_proj, k_proj, v_proj, o_proj]",
      ])
    #expect(plan <= limit)
    #expect(plan > limit * 9 / 10, "memory that is allowed is used")
    #expect(abs(peak - plan) < plan / 10, "\(peak) of \(plan) planned")
    #expect(peak <= limit, "\(peak)")
    #expect(messages.contains("memory: \((plan + 999_999) / 1_000_000) MB planned"))
    // A byte a weight more than NF4 alone: `auto` goes back to f32 where there is no room for it.
    let hasRoom = limit > 500_000_000
    #expect(messages.contains("computing in w8a16 on ") == (hasRoom && TinyRun.hasFastIntegers))
    #expect(messages.contains("computing in f32: ") == (!hasRoom && TinyRun.hasFastIntegers))
  }

  @Test(
    "takes what the plan says where little of a row is learnt, in f32 and in integers",
    .enabled(if: model != nil),
    arguments: [
      ["f32"], ["w8a16"], ["f32", "lora.use_dora=true"],
      ["w8a16", "lora.modules_to_save=[embed_tokens, lm_head, norm]"], ["f32", "lora=null"],
    ])
  func shortAnswers(_ settings: [String]) throws {
    let (plan, peak, _) = try Self.planAndPeak(
      training: Self.rows(32, question: 40, answer: 5, seed: 3),
      validation: Self.rows(4, question: 40, answer: 5, seed: 4),
      [
        "training.per_device_train_batch_size=16", "training.compute=\(settings[0])",
        "training.samples=0",
      ] + settings.dropFirst())
    #expect(abs(peak - plan) < plan / 10, "\(peak) of \(plan) planned")
  }

  /// Trains two steps with a validation after each.
  ///
  /// - Returns: bytes planned, the most bytes taken, and what the run said.
  private static func planAndPeak(training: String, validation: String, _ settings: [String]) throws
    -> (plan: Int, peak: Int, messages: String)
  {
    let scratch = try ScratchFolder()
    let config = try scratch.write(
      """
      model:
        path: \(try #require(model))
      data:
        train: \(try scratch.write(training, to: "train.jsonl"))
        validation: \(try scratch.write(validation, to: "valid.jsonl"))
        max_length: 640
      lora:
        r: 16
      training:
        output_dir: unused
        max_steps: 2
        per_device_train_batch_size: 4
        eval_steps: 1
        save_steps: 1
      """, to: "run.yaml")
    let run = try TinyRun.train(
      config, output: scratch.path("run"), ["--json"] + settings.flatMap { ["--set", $0] })
    #expect(run.exitCode == 0, "\(run.standardError)")
    let summary = try JSON.parse(run.standardOutput)
    return (
      try #require(summary["planned_memory_bytes"]?.intValue),
      try #require(summary["peak_rss_bytes"]?.intValue), run.standardError
    )
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

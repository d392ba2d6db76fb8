import Foundation
import TestSupport
import Testing

@Suite("Progress on a terminal") struct TerminalTests {
  private static let model = ProcessInfo.processInfo.environment["LORIKEET_TEST_MODEL"]

  @Test("of a training run fits into one row, however narrow", arguments: [80, 40] as [UInt16])
  func training(_ columns: UInt16) throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(steps: 40), to: "run.yaml")
    let run = try TerminalRun(
      [
        "train", config, "--output", scratch.path("run"), "--set", "training.eval_steps=20",
        "--set", "data.validation=\(Fixture.path("training/conversations.jsonl"))",
      ], columns: columns)
    #expect(run.exitCode == 0, "\(run.written)")
    let last = try #require(run.lines.first { $0.last?.hasPrefix("step 40/40  ") == true }?.last)
    #expect(last.contains("loss ") && last.contains("left "))
    #expect(last.contains("mean ") == (columns == 80), "\(last)")
    let answers = run.lines.compactMap(\.last).filter { $0.hasPrefix("  1  ") }
    #expect(answers.count >= 2, "an answer before and one after: \(run.written)")
    for line in run.redrawn + [last] + answers {
      #expect(line.count < Int(columns), "\(line)")
    }
  }

  @Test(
    "shows that a model is being evaluated, and leaves no trace of it",
    .enabled(if: model != nil), arguments: [80, 40] as [UInt16])
  func stages(_ columns: UInt16) throws {
    let arguments = [
      "evaluate", "--model", try #require(Self.model), "--load-in-4bit", "--data",
      Fixture.repository.appendingPathComponent("data/support/valid.jsonl").path,
    ]
    let run = try TerminalRun(arguments, columns: columns)
    #expect(run.exitCode == 0, "\(run.written)")
    // Quantising may be over before it is worth a line.
    #expect(run.redrawn.contains { $0.hasPrefix("model: loss  ") }, "\(run.written)")
    for line in run.redrawn { #expect(line.count < Int(columns), "\(line)") }
    // A blank in the place of a line: the stage is over, and nothing of it stays.
    #expect(
      run.lines.compactMap(\.last).allSatisfy { $0.allSatisfy { $0 == " " } }, "\(run.written)")
    for silent in ["--quiet", "--json"] {
      let run = try TerminalRun(arguments + [silent], columns: columns)
      #expect(run.exitCode == 0 && run.redrawn.isEmpty, "\(silent): \(run.written)")
    }
  }

  @Test("elsewhere a stage that is soon over leaves no line")
  func elsewhere() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(is4Bit: true, steps: 1), to: "run.yaml")
    let run = try CommandRun(
      CommandRun.lorikeet, ["train", config, "--output", scratch.path("run")])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let evaluation = try CommandRun(
      CommandRun.lorikeet,
      [
        "evaluate", "--run", scratch.path("run"), "--data",
        Fixture.path("training/conversations.jsonl"),
      ])
    #expect(evaluation.exitCode == 0, "\(evaluation.standardError)")
    for stage in ["quantising", "hashing", "loss  "] {
      #expect(!(run.standardError + evaluation.standardError).contains(stage), "\(stage)")
    }
    #expect(run.standardError.contains("step 1/1  "))
  }
}

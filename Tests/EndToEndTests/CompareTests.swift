import Foundation
import Serialization
import TestSupport
import Testing

@Suite("lorikeet compare") struct CompareTests {
  @Test("trains two arms, asks all five, and keeps every answer with what it rests on")
  func wholeComparison() throws {
    let comparison = try TinyComparison()
    let run = try comparison.run()
    #expect(run.exitCode == 0, "\(run.standardError)")
    for arm in TinyComparison.arms {
      let answers = try comparison.answers(arm)
      #expect(answers.count == 6, "\(arm)")
      let passages = answers.map { $0["retrieved"]?.arrayValue?.count ?? -1 }
      #expect(
        passages.allSatisfy { $0 == (arm.contains("retrieval") ? 2 : 0) }, "\(arm): \(passages)")
      let record = try JSON.parse(try comparison.lines("arms/\(arm).json").joined())
      #expect((record["memory_bytes"]?.intValue ?? 0) > 1_000_000)
      let isTrained = arm.hasPrefix("tuned")
      #expect((record["training_seconds"]?.doubleValue ?? 0 > 0) == isTrained, "\(arm)")
      #expect((record["retention_loss_after"]?.doubleValue ?? 0 > 0) == isTrained, "\(arm)")
    }
    let first = try comparison.answers("retrieval-1")[0]["retrieved"]?.arrayValue?[0]
    #expect(first?["document"]?.stringValue == "p8.md")
    #expect(first?["citation"]?.stringValue?.hasSuffix("/docs/p8.md:1") == true)
    // Seeds and passages make a difference; base and tuned read the same.
    func texts(_ arm: String) throws -> [String?] {
      try comparison.answers(arm).map { $0["answer"]?.stringValue }
    }
    func read(_ arm: String) throws -> [Int?] {
      try comparison.answers(arm).map { $0["prompt_tokens"]?.intValue }
    }
    #expect(try texts("tuned-1") != texts("tuned-2"))
    #expect(try texts("tuned-1") != texts("base-1"))
    #expect(try read("tuned-1") == read("base-1"))
    #expect(try read("tuned-retrieval-1") == read("retrieval-1"))
    #expect(try zip(read("few-shot-1"), read("base-1")).allSatisfy { ($0 ?? 0) > ($1 ?? 0) })
    // A training run of the comparison is a run as any other.
    let rows = comparison.scratch.path("comparison/data/tuned-retrieval-1.jsonl")
    let check = try CommandRun(CommandRun.lorikeet, ["data", "check", rows])
    #expect(check.exitCode == 0 && check.standardOutput.contains("nothing is wrong"))
    let asked = try CommandRun(
      CommandRun.lorikeet,
      [
        "generate", "--run", comparison.scratch.path("comparison/training/tuned-1"), "--prompt",
        "What does p8 cost?", "--max-tokens", "12", "--json",
      ])
    let answer = try JSON.parse(asked.standardOutput)["text"]?.stringValue
    #expect(try texts("tuned-1")[0] == answer, "\(asked.standardError)")

    // Table, page and lines of scores are of these answers, and baselines stand among them.
    let summary = try JSON.parse(try comparison.lines("comparison.json").joined(separator: "\n"))
    let systems = (summary["systems"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
    #expect(
      systems == [
        "majority", "nearest", "base", "few-shot", "retrieval", "tuned", "tuned-retrieval",
      ])
    #expect(try comparison.lines("scores.jsonl").count == 6 * (2 + TinyComparison.arms.count))
    #expect(try comparison.lines("report.html").joined().hasSuffix("</html>"))
    let headline = summary["verdict"]?["headline"]?.stringValue ?? "none"
    #expect(run.standardOutput.hasPrefix(String(headline.prefix(40))))
    #expect(run.standardOutput.contains("token F1, 95 % interval"))

    let scored = try comparison.run([
      "--json", "--set", "compare.metric=command", "--set",
      "compare.metric_command=while read line; do echo 0.25; done",
    ])
    #expect(scored.exitCode == 0, "\(scored.standardError)")
    let own = try JSON.parse(scored.standardOutput)
    #expect(own["metric"]?.stringValue == "command")
    #expect(own["systems"]?.arrayValue?[2]["score"]?["mean"]?.doubleValue == 0.25)

    let again = try comparison.run()
    #expect(again.exitCode == 0)
    #expect(
      again.standardError.components(separatedBy: "done before").count
        == TinyComparison.arms.count + 1)
  }

  @Test("goes on where it was killed or interrupted, to the same answers", arguments: [9, 2, 15])
  func goesOn(_ signal: Int32) throws {
    let comparison = try TinyComparison()
    #expect(try comparison.run(output: "whole").exitCode == 0)
    var ended: [Int32] = []
    for seconds in [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8] {
      ended.append(try comparison.run(output: "parts", signal: signal, after: seconds))
    }
    // Killed, stopped after saving, before there was anything to save, or done.
    let codes: Set<Int32> = signal == 9 ? [0, 137] : [0, 130, 128 + signal]
    #expect(Set(ended).isSubset(of: codes), "\(ended)")
    let last = try comparison.run(output: "parts")
    #expect(last.exitCode == 0, "\(last.standardError)")
    for arm in TinyComparison.arms {
      #expect(
        try comparison.answers(arm, output: "parts") == comparison.answers(arm, output: "whole"),
        "\(arm) after \(ended)")
    }
  }

  @Test("repairs a torn line, and trains no arm anew that is trained")
  func repairs() throws {
    let comparison = try TinyComparison()
    #expect(try comparison.run(output: "whole").exitCode == 0)
    #expect(try comparison.run(output: "parts").exitCode == 0)
    let path = comparison.scratch.path("parts/answers/tuned-1.jsonl")
    try Data(contentsOf: URL(fileURLWithPath: path)).dropLast(30)
      .write(to: URL(fileURLWithPath: path))
    try FileManager.default.removeItem(
      atPath: comparison.scratch.path("parts/arms/tuned-1.json"))
    // As if the second training had been killed after its fourth step.
    let training = comparison.scratch.path("parts/training/tuned-2")
    for gone in [
      "\(training)/run.json", "\(training)/checkpoints/step-6", "\(training)/adapter",
      comparison.scratch.path("parts/answers/tuned-2.jsonl"),
      comparison.scratch.path("parts/arms/tuned-2.json"),
    ] {
      try FileManager.default.removeItem(atPath: gone)
    }
    let run = try comparison.run(output: "parts")
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(!run.standardError.contains("tuned, seed 1: training"))
    #expect(run.standardError.contains("resuming from \(training)/checkpoints/step-4"))
    for arm in TinyComparison.arms {
      #expect(
        try comparison.answers(arm, output: "parts") == comparison.answers(arm, output: "whole"),
        "\(arm)")
    }
  }

  @Test("asks more questions, seeds and arms of a comparison that is there, and keeps its answers")
  func grows() throws {
    let comparison = try TinyComparison()
    #expect(try comparison.run(output: "whole").exitCode == 0)
    let less = ["--set", "compare.limit=2", "--set", "compare.arms=[base, tuned]"]
    let first = try comparison.run(less + ["--set", "compare.seeds=1"], output: "parts")
    #expect(first.exitCode == 0, "\(first.standardError)")
    #expect(try comparison.answers("tuned-1", output: "parts").count == 2)
    let run = try comparison.run(
      ["--set", "compare.arms=[base, tuned, few-shot]"], output: "parts")
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(!run.standardError.contains("tuned, seed 1: training"))
    for arm in ["base-1", "few-shot-1", "tuned-1", "tuned-2"] {
      #expect(
        try comparison.answers(arm, output: "parts") == comparison.answers(arm, output: "whole"))
    }
    // Documents are noted once an arm reads them, and from then on are what they were.
    let all = try comparison.run(output: "parts")
    #expect(all.exitCode == 0, "\(all.standardError)")
    for arm in TinyComparison.arms {
      #expect(
        try comparison.answers(arm, output: "parts") == comparison.answers(arm, output: "whole"))
    }
    _ = try comparison.run(["--set", "compare.arms=[base, tuned]"], output: "parts")
    #expect(try comparison.run(["--set", "compare.top_k=1"], output: "parts").exitCode == 64)
  }

  @Test("goes on with nothing that has changed, and says what has")
  func changes() throws {
    let comparison = try TinyComparison()
    let few = ["--set", "compare.arms=[base, retrieval]", "--set", "compare.limit=2"]
    #expect(try comparison.run(few).exitCode == 0)
    func refusal(_ more: [String] = []) throws -> String {
      let run = try comparison.run(few + more)
      #expect(run.exitCode == 64, "\(run.standardError)")
      return run.standardError.split(separator: "\n").last.map(String.init) ?? ""
    }
    #expect(
      try refusal(["--set", "compare.top_k=1"]).contains(
        "was begun with another compare.top_k (2 then, 1 now); go on with what it was begun with"))
    #expect(try refusal(["--set", "lora.r=8"]).contains("another lora.r (\"4\" then, \"8\" now)"))
    #expect(
      try refusal(["--set", "compare.chunk_size=500"]).contains(
        "another compare.documents or compare.chunk_size"))
    let metric = try comparison.run(few + ["--set", "compare.price_per_core_hour=1"])
    #expect(metric.exitCode == 0)
    _ = try comparison.scratch.write("# Part 3\n\nIt is free now.", to: "docs/p3.md")
    #expect(try refusal().contains("another compare.documents"))
    #expect(
      try FileManager.default.contentsOfDirectory(
        atPath: comparison.scratch.path("comparison")
      ).allSatisfy { !$0.contains("partial") })
  }

  @Test("measures a learning curve and what distractors cost, where that is asked for")
  func onDemand() throws {
    let comparison = try TinyComparison()
    let arms = ["--set", "compare.arms=[base, retrieval, tuned]", "--set", "compare.seeds=2"]
    #expect(try comparison.run(arms).exitCode == 0)
    let before = try comparison.answers("tuned-2")
    let more =
      arms + [
        "--set", "compare.learning_curve=[0.25, 0.5]", "--set",
        "compare.distractor_robustness=[0, 2]", "--json",
      ]
    let run = try comparison.run(more)
    #expect(run.exitCode == 0, "\(run.standardError)")
    let json = try JSON.parse(run.standardOutput)
    #expect(json["learning_curve"]?.objectValue != nil)
    let levels = json["distractor_robustness"]?.arrayValue?.first
    #expect(levels?["name"]?.stringValue == "retrieval")
    #expect(levels?["levels"]?.arrayValue?.count == 2)
    #expect(try comparison.answers("tuned-2") == before)
    // The fewer rows are among the more, and passages without the answer beside the one that has it.
    let two = try comparison.lines("data/tuned-2-of-2.jsonl")
    let four = try comparison.lines("data/tuned-2-of-4.jsonl")
    #expect(two.count == 2 && four.count == 4 && Set(two).isSubset(of: Set(four)))
    #expect(try comparison.answers("tuned-2-of-4").count == 6)
    for (name, count) in [("retrieval-2-with-0", 1), ("retrieval-2-with-2", 3)] {
      for answer in try comparison.answers(name) {
        let passages = answer["retrieved"]?.arrayValue ?? []
        #expect(passages.count == count)
        let wanted = answer["question"]?["docs"]?.arrayValue?.first
        #expect(passages.count { $0["document"] == wanted } == 1)
      }
    }
    let again = try comparison.run(more)
    #expect(again.exitCode == 0 && again.standardOutput == run.standardOutput)
  }

  @Test("learns rows that data raft makes just so")
  func raft() throws {
    let comparison = try TinyComparison()
    #expect(
      try comparison.run(["--set", "compare.arms=tuned-retrieval", "--set", "compare.seeds=2"])
        .exitCode == 0)
    let rows = comparison.scratch.path("rows.jsonl")
    let words = [
      "data", "raft", comparison.scratch.path("train.jsonl"), "--knowledge-base",
      comparison.scratch.path("comparison/knowledge.db"), "-o", rows, "--distractors", "1",
      "--golden-share", "0.5", "--seed", "2", "--json",
    ]
    let run = try CommandRun(CommandRun.lorikeet, words)
    #expect(run.exitCode == 0, "\(run.standardError)")
    let json = try JSON.parse(run.standardOutput)
    #expect(json["rows"]?.intValue == 8 && json["passages"]?.intValue == 16)
    #expect((1...7).contains(json["golden"]?.intValue ?? 0))
    #expect(
      try String(contentsOfFile: rows, encoding: .utf8).split(separator: "\n").map(String.init)
        == comparison.lines("data/tuned-retrieval-2.jsonl"))
    // A file that is there stays.
    let again = try CommandRun(CommandRun.lorikeet, words)
    #expect(again.exitCode == 64 || again.exitCode == 74, "\(again.standardError)")
  }

  @Test("says how long it would take, and leaves nothing")
  func plan() throws {
    let comparison = try TinyComparison()
    let run = try comparison.run(["--plan", "--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let json = try JSON.parse(run.standardOutput)
    #expect(json["questions"]?.intValue == 6)
    let arms = json["arms"]?.arrayValue ?? []
    #expect(arms.count == 7)
    #expect(arms.compactMap { $0["training_steps"]?.intValue } == [6, 6, 6, 6])
    #expect(arms.allSatisfy { ($0["prompt_tokens"]?.intValue ?? 0) > 20 })
    #expect((json["seconds"]?.doubleValue ?? 0) > 0)
    #expect(!FileManager.default.fileExists(atPath: comparison.scratch.path("comparison")))
  }

  @Test("begins anew where nothing was trained or asked before it failed")
  func beginsAnew() throws {
    let comparison = try TinyComparison()
    let few = ["--set", "compare.limit=1", "--set", "compare.seeds=1"]
    let failed = try comparison.run(few + ["--set", "lora.target_modules=[conv]"])
    #expect(failed.exitCode == 64)
    #expect(failed.standardError.contains("\"conv\" matches no linear layer"))
    let run = try comparison.run(few)
    #expect(run.exitCode == 0, "\(run.standardError)")
  }

  @Test("names the files that it cannot read, and goes on with the others")
  func badDocuments() throws {
    let comparison = try TinyComparison()
    try Data([0, 1, 2]).write(to: URL(fileURLWithPath: comparison.scratch.path("docs/b.txt")))
    try Data([0x61, 0xE9]).write(to: URL(fileURLWithPath: comparison.scratch.path("docs/l.md")))
    let run = try comparison.run([
      "--set", "compare.arms=retrieval", "--set", "compare.limit=1",
    ])
    #expect(run.exitCode == 0)
    #expect(
      run.standardError.contains("docs/b.txt is passed over: it holds bytes that are no text"))
    #expect(run.standardError.contains("docs/l.md is passed over: it is not UTF-8"))
  }
}

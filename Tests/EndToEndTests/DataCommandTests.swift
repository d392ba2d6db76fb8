import Foundation
import Serialization
import TestSupport
import Testing

@Suite("lorikeet data") struct DataCommandTests {
  private static let model = Fixture.path("models/tiny-tied")

  private func data(
    _ words: [String], environment: [String: String] = [:]
  ) throws -> CommandRun {
    try CommandRun(CommandRun.lorikeet, ["data"] + words, environment: environment)
  }

  private static func chat(_ question: String, _ answer: String) -> String {
    #"{"messages":[{"role":"user","content":"\#(question)"},"#
      + #"{"role":"assistant","content":"\#(answer)"}]}"# + "\n"
  }

  /// 40 rows of different questions and two labels.
  private static let labelled = (0..<40).map { chat("question \($0)", $0 % 4 == 0 ? "no" : "yes") }
    .joined()

  // MARK: Help

  @Test("lists its commands, and says of each what it takes, within 80 columns")
  func help() throws {
    let names = ["check", "preview", "convert", "split"]
    let group = try data(["--help"])
    #expect(group.exitCode == 0)
    for name in names { #expect(group.standardOutput.contains("\n  \(name) ")) }
    var texts = [group.standardOutput]
    for name in names {
      let run = try data([name, "--help"])
      #expect(run.exitCode == 0)
      #expect(run.standardOutput.contains("usage: lorikeet data \(name) "))
      texts.append(run.standardOutput)
    }
    texts.append(try CommandRun(CommandRun.lorikeet, ["--help"]).standardOutput)
    for line in texts.joined(separator: "\n").split(separator: "\n") {
      #expect(line.count <= 80, "\(line)")
    }
  }

  @Test(
    "ends with 64 and one sentence for a command line that cannot be followed",
    arguments: [
      ([], "missing subcommand: check, preview, convert, split"),
      (["chek"], "unknown subcommand \"chek\", did you mean check?; see lorikeet data --help"),
      (["--json"], "missing subcommand before --json"),
      (["check"], "missing argument <FILE…>, or --config"),
      (["check", "a", "--max-length", "9"], "--max-length needs --model"),
      (
        ["check", "--config", "configs/support.yaml", "--model", "m"],
        "--model and --config exclude each other"
      ),
      (["preview", "a"], "missing --model <M>; see lorikeet data preview --help"),
      (["preview", "a", "--model", "m", "--row", "0"], "--row: expected at least 1"),
      (["convert", "a", "--to", "mesages", "-o", "b"], "did you mean messages?"),
      (["convert", "a", "--to", "text"], "missing --output <O>"),
      (["split", "a", "b", "--output", "c"], "unexpected argument \"b\""),
      (["split", "a", "--output", ""], "--output: expected a folder, found nothing"),
      (["convert", "a", "--to", "text", "-o", ""], "--output: expected a file, found nothing"),
    ] as [([String], String)])
  func usage(_ words: [String], _ message: String) throws {
    let run = try data(words)
    #expect(run.exitCode == 64)
    #expect(run.standardError.contains(message), "\(run.standardError)")
    #expect(run.standardError.split(separator: "\n").count == 1)
  }

  @Test(
    "ends with 66 for a file that is not there",
    arguments: ["check", "preview", "convert", "split"])
  func missingFile(_ name: String) throws {
    let scratch = try ScratchFolder()
    let more = [
      "check": [], "preview": ["--model", Self.model],
      "convert": ["--to", "text", "-o", scratch.path("o")],
      "split": ["--output", scratch.path("o")],
    ]
    let run = try data([name, scratch.path("none.jsonl")] + (more[name] ?? []))
    #expect(run.exitCode == 66, "\(run.standardError)")
    #expect(run.standardError.contains("none.jsonl: there is no such file"))
    #expect(!FileManager.default.fileExists(atPath: scratch.path("o")))
  }

  // MARK: check

  @Test("check goes on after a bad line, counts all, and ends with 65")
  func checkGoesOn() throws {
    let scratch = try ScratchFolder()
    let bad =
      Self.chat("a", "b c") + "{\n" + #"{"messages":[{"role":"bot","content":"x"}]}"# + "\n{\n"
      + Self.chat("a", "b c")
    let path = try scratch.write(bad, to: "bad.jsonl")
    let run = try data(["check", path])
    #expect(run.exitCode == 65)
    #expect(run.standardOutput.contains("invalid_json: 2\n"))
    #expect(run.standardOutput.contains("\(path) line 4, column 2: "))
    #expect(run.standardOutput.contains("unrecognized_role: 1\n"))
    #expect(run.standardOutput.contains("line 5, column 1: the row is the same as line 1"))
    #expect(run.standardOutput.contains("tokens are not counted: give --model or --config"))
    #expect(run.standardOutput.hasSuffix("\nnot ready: 4 errors in 3 rows; 1 warning\n"))

    let json = try data(["check", path, "--json", "--show", "1"])
    #expect(json.exitCode == 65)
    let value = try JSON.parse(json.standardOutput)
    #expect(json.standardOutput.split(separator: "\n").count == 1)
    #expect(value["verdict"] == "errors")
    #expect(value["errors"] == 4)
    #expect(value["rows_with_errors"] == 3)
    #expect(value["train"]?["tokens"] == .null)
    #expect(value["train"]?["rows"] == 5)
    let problems = try #require(value["problems"]?.arrayValue)
    let invalid = try #require(problems.first { $0["kind"] == "invalid_json" })
    #expect(invalid["count"] == 2)
    #expect(invalid["first"]?.arrayValue?.count == 1)
    #expect(invalid["first"]?.arrayValue?.first?["line"] == 2)
  }

  @Test("check ends with 0 where there are only warnings, and says what they are")
  func checkWarns() throws {
    let scratch = try ScratchFolder()
    let train = try scratch.write(Self.chat("a", "b c") + Self.chat("d", "e f"), to: "t.jsonl")
    let valid = try scratch.write(Self.chat("d", "e f"), to: "v.jsonl")
    let run = try data(["check", train, "--validation", valid, "--model", Self.model])
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(run.standardOutput.contains("validation_leakage: 1\n"))
    #expect(run.standardOutput.contains("rows longer than 256"))
    #expect(run.standardOutput.hasSuffix("\nready, with 1 warning\n"))
    let fine = try data(["check", train])
    #expect(fine.standardOutput.hasSuffix("\nready: nothing is wrong\n"))
  }

  @Test("check counts the tokens, and the steps, that train takes")
  func checkAgreesWithTrain() throws {
    let scratch = try ScratchFolder()
    let text = TinyRun.configuration().replacingOccurrences(
      of: "max_steps: 20", with: "num_train_epochs: 1.5")
    let config = try scratch.write(text, to: "run.yaml")
    let check = try data(["check", "--config", config, "--json"])
    #expect(check.exitCode == 0, "\(check.standardError)")
    let value = try JSON.parse(check.standardOutput)
    let run = try TinyRun.train(config, output: scratch.path("run"), ["--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(value["steps"] == (try JSON.parse(run.standardOutput))["steps"])
    let tokens = try #require(value["train"]?["tokens"])
    let total = try #require(tokens["total"]?.intValue)
    let supervised = try #require(tokens["supervised"]?.intValue)
    #expect(
      run.standardError.contains("train: 24 rows, \(total) tokens, \(supervised) supervised"),
      "\(run.standardError)")
  }

  @Test("check refuses as too long what train refuses, and a shorter limit is taken")
  func checkLimits() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(
      Self.chat(String(repeating: "word ", count: 40), "b c"), to: "t.jsonl")
    let run = try data(["check", path, "--model", Self.model, "--max-length", "20"])
    #expect(run.exitCode == 65)
    #expect(run.standardOutput.contains("more than max_length = 20"))
    #expect(try data(["check", path, "--model", Self.model]).exitCode == 0)
  }

  @Test("check shows no control character of a file as it is")
  func checkEscapes() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(
      #"{"messages":[{"role":"\u001b[31mred","content":"x"}]}"#, to: "t.jsonl")
    let run = try data(["check", path])
    #expect(!run.standardOutput.unicodeScalars.contains("\u{1B}"))
    #expect(run.standardOutput.contains(#"the role "\u{001B}[31mred" is unknown"#))
    let convert = try data(["convert", path, "--to", "text", "-o", scratch.path("o")])
    #expect(convert.exitCode == 65)
    #expect(!convert.standardError.unicodeScalars.contains("\u{1B}"))
  }

  // MARK: preview

  @Test("preview marks what is learnt by brackets where there is no colour")
  func previewMarks() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(
      Self.chat("first", "one") + Self.chat(#"a\u001b]0;title\u0007b"#, "two\\nlines"),
      to: "t.jsonl")
    let run = try data(["preview", path, "--model", Self.model, "--row", "2"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(run.standardOutput.hasPrefix("[[what is learnt]]; "))
    #expect(run.standardOutput.contains("t.jsonl line 2 (row 2 of 2): "))
    #expect(run.standardOutput.contains("[[two↵\nlines"))
    #expect(run.standardOutput.contains(#"a\u{001B}]0;title\u{0007}b"#))
    let controls = run.standardOutput.unicodeScalars.filter {
      $0.properties.generalCategory == .control && $0 != "\n"
    }
    #expect(controls.isEmpty)
    #expect(!run.standardOutput.contains("first"))
    let both = try data(["preview", path, "--model", Self.model, "--limit", "9"])
    #expect(both.standardOutput.contains("first") && both.standardOutput.contains("two"))
    let beyond = try data(["preview", path, "--model", Self.model, "--row", "3"])
    #expect(beyond.exitCode == 64)
    #expect(beyond.standardError.contains("has 2 rows, and 3 is asked for"))
  }

  @Test("preview shows the ids and weights that a run learns from")
  func previewIDs() throws {
    let path = Fixture.path("training/conversations.jsonl")
    let run = try data(["preview", path, "--model", Self.model, "--ids", "--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let row = try #require(try JSON.parse(run.standardOutput)["rows"]?.arrayValue?.first)
    let sequences = try JSON.parse(try Fixture.bytes("training/sequences.json"))
    let sequence = try #require(sequences["sequences"]?.arrayValue?.first)
    let expected = sequence["input_ids"]?.arrayValue?.compactMap(\.intValue) ?? []
    let labels = sequence["labels"]?.arrayValue?.compactMap(\.intValue) ?? []
    #expect(!expected.isEmpty)
    #expect(row["ids"]?.arrayValue?.compactMap(\.intValue) == expected)
    let weights = row["weights"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    #expect(weights.map { $0 > 0 } == labels.map { $0 != -100 })
    #expect(weights.count { $0 > 0 } == row["supervised_tokens"]?.intValue)
    let text = row["text"]?.arrayValue?.compactMap { $0["text"]?.stringValue }.joined() ?? ""
    #expect(text.contains("What does the lorikeet eat?"))
    let lines = try data(["preview", path, "--model", Self.model, "--ids"])
    #expect(lines.standardOutput.split(separator: "\n").count == 2 + expected.count)
  }

  // MARK: convert

  @Test("convert there and back gives the rows back, and refuses to overwrite")
  func convertRoundTrip() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(Self.labelled, to: "t.jsonl")
    for format in ["sharegpt", "alpaca", "prompt-completion"] {
      let there = scratch.path("\(format).jsonl")
      let back = scratch.path("\(format).back.jsonl")
      #expect(try data(["convert", path, "--to", format, "-o", there]).exitCode == 0)
      let run = try data(["convert", there, "--to", "messages", "--output", back, "--json"])
      #expect(run.exitCode == 0, "\(run.standardError)")
      #expect(try JSON.parse(run.standardOutput)["from"] == .string(format))
      let before = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      let after = try String(contentsOfFile: back, encoding: .utf8).split(separator: "\n")
      #expect(
        try before.map { try JSON.parse(String($0)) } == after.map { try JSON.parse(String($0)) })
      let again = try data(["convert", path, "--to", format, "-o", there])
      #expect(again.exitCode == 64)
      #expect(again.standardError.contains("exists already"))
    }
  }

  @Test("convert refuses what a format cannot express, or drops it and counts")
  func convertRefuses() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(
      Self.chat("a", "b")
        + #"{"messages":[{"role":"assistant","content":"b"}]}"# + "\n", to: "t.jsonl")
    let output = scratch.path("o.jsonl")
    let refused = try data(["convert", path, "--to", "alpaca", "-o", output])
    #expect(refused.exitCode == 65)
    #expect(refused.standardError.contains("t.jsonl line 2: Alpaca instructions cannot express"))
    #expect(!FileManager.default.fileExists(atPath: output))
    let dropped = try data(
      ["convert", path, "--to", "alpaca", "-o", output, "--drop-inexpressible", "--json"])
    #expect(dropped.exitCode == 0, "\(dropped.standardError)")
    #expect(try JSON.parse(dropped.standardOutput)["dropped"] == 1)
    #expect(
      try String(contentsOfFile: output, encoding: .utf8)
        == #"{"instruction": "a", "input": "", "output": "b"}"# + "\n")
    let none = try data(
      ["convert", path, "--to", "text", "-o", scratch.path("n"), "--drop-inexpressible"])
    #expect(none.exitCode == 65)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("n")))
    let full = try data(["convert", path, "--to", "messages", "-o", "/dev/full"])
    #expect(full.exitCode == 74)
  }

  // MARK: split

  @Test("split writes every line once as it was, and what it writes passes check")
  func splits() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(Self.labelled, to: "all.jsonl")
    let folder = scratch.path("new/split")
    let run = try data(["split", path, "--output", folder, "--stratify", "--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let value = try JSON.parse(run.standardOutput)
    #expect(value["train"]?["rows"] == 32)
    #expect(value["validation"]?["rows"] == 4 && value["test"]?["rows"] == 4)
    #expect(value["strata"] == 2)
    func lines(_ name: String) throws -> [Substring] {
      try String(contentsOfFile: "\(folder)/\(name).jsonl", encoding: .utf8).split(separator: "\n")
    }
    let parts = try ["train", "valid", "test"].map(lines)
    #expect(parts.flatMap { $0 }.sorted() == Self.labelled.split(separator: "\n").sorted())
    #expect(parts[1].count { $0.contains("\"no\"") } == 1)
    let check = try data(
      ["check", "\(folder)/train.jsonl", "--validation", "\(folder)/valid.jsonl"])
    #expect(check.exitCode == 0)
    #expect(
      check.standardOutput.hasSuffix("\nready: nothing is wrong\n"), "\(check.standardOutput)")

    // The same seed gives the same bytes, into a folder with something else in it too.
    _ = try scratch.write("kept", to: "other.txt")
    let again = try data(["split", path, "--output", scratch.url.path, "--stratify"])
    #expect(again.exitCode == 0, "\(again.standardError)")
    #expect(
      try Data(contentsOf: scratch.url.appendingPathComponent("valid.jsonl"))
        == Data(contentsOf: URL(fileURLWithPath: "\(folder)/valid.jsonl")))
  }

  @Test("split overwrites nothing, and leaves nothing behind where it refuses")
  func splitRefuses() throws {
    let scratch = try ScratchFolder()
    let path = try scratch.write(Self.labelled, to: "all.jsonl")
    try FileManager.default.createDirectory(
      atPath: scratch.path("old"), withIntermediateDirectories: true)
    _ = try scratch.write("mine", to: "old/test.jsonl")
    let run = try data(["split", path, "--output", scratch.path("old"), "--test", "0"])
    #expect(run.exitCode == 64)
    #expect(run.standardError.contains("old/test.jsonl: exists already"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path("old")) == ["test.jsonl"])
    let shares = try data(["split", path, "--output", scratch.path("new"), "--test", "0.95"])
    #expect(shares.exitCode == 64, "\(shares.standardError)")
    let key = try data(["split", path, "--output", scratch.path("new"), "--group", "user"])
    #expect(key.exitCode == 65)
    #expect(key.standardError.contains("all.jsonl line 1: the key \"user\" is missing"))
    #expect(!FileManager.default.fileExists(atPath: scratch.path("new")))
  }
}

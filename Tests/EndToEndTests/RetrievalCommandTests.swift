import Foundation
import Serialization
import TestSupport
import Testing

@Suite("lorikeet index, search, and generate --retrieve") struct RetrievalCommandTests {
  private static let encoder = Fixture.path("encoder/tiny")
  private static let model = Fixture.path("models/tiny-tied")

  private static func run(_ arguments: String...) throws -> CommandRun {
    try CommandRun(CommandRun.lorikeet, arguments)
  }

  private static func documents() throws -> ScratchFolder {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(
      atPath: scratch.path("docs"), withIntermediateDirectories: true)
    _ = try scratch.write("# Ships\n\nShips sail.", to: "docs/ships.md")
    _ = try scratch.write("intro\n\n# Trees\n\nOak trees grow.", to: "docs/trees.md")
    _ = try scratch.write("a\u{0}b", to: "docs/binary.txt")
    return scratch
  }

  @Test("find what was indexed, with citations, and name what was passed over")
  func indexAndSearch() throws {
    let scratch = try Self.documents()
    let base = scratch.path("kb.db")
    let indexed = try Self.run(
      "index", scratch.path("docs"), "-o", base, "--json", "--encoder", Self.encoder)
    #expect(indexed.exitCode == 0, "\(indexed.standardError)")
    let summary = try JSON.parse(indexed.standardOutput)
    #expect(summary["indexed_files"]?.intValue == 2 && summary["skipped_files"]?.intValue == 1)
    #expect(summary["passages"]?.intValue == 2 && summary["encoder"]?.stringValue == "tiny")
    #expect(
      indexed.standardError.contains(
        "docs/binary.txt is passed over: it holds bytes that are no text"))
    for method in ["bm25", "dense", "hybrid"] {
      let found = try Self.run(
        "search", base, "tree", "--json", "--encoder", Self.encoder, "--method", method,
        "--diversity", "0.5")
      #expect(found.exitCode == 0, "\(found.standardError)")
      let json = try JSON.parse(found.standardOutput)
      #expect(json["search_seconds"]?.doubleValue ?? 0 > 0)
      let passages = try #require(json["passages"]?.arrayValue)
      #expect(passages.count == (method == "bm25" ? 1 : 2))
      let tree = try #require(passages.first { $0["title"]?.stringValue == "Trees" })
      #expect(tree["citation"]?.stringValue == scratch.path("docs/trees.md") + ":1")
      #expect(tree["word_rank"]?.intValue == (method == "dense" ? nil : 1))
    }
    let text = try Self.run("search", base, "tree")
    #expect(text.standardOutput.hasPrefix("1  \(scratch.path("docs/trees.md")):1  Trees  ("))
    #expect(text.standardError.contains("searching by words only"))
    #expect(
      try Self.run("search", base, "nowhere to be seen").standardOutput == "nothing is found\n")
  }

  @Test("index JSONL without the rows that are none, and name those")
  func badRows() throws {
    let scratch = try Self.documents()
    let bad = String(repeating: "x\n", count: 7)
    _ = try scratch.write("{\"text\": \"a\"}\n" + bad, to: "docs/rows.jsonl")
    let indexed = try Self.run("index", scratch.path("docs"), "-o", scratch.path("kb.db"), "--json")
    #expect(indexed.exitCode == 0, "\(indexed.standardError)")
    #expect(
      indexed.standardError.contains(
        "docs/rows.jsonl: 7 lines are no JSON objects and passed over: 2, 3, 4, 5, 6, …"))
    let summary = try JSON.parse(indexed.standardOutput)
    #expect(summary["skipped_rows"]?.intValue == 7 && summary["indexed_files"]?.intValue == 3)
  }

  @Test("rank candidates anew by a language model")
  func rerank() throws {
    let scratch = try Self.documents()
    let base = scratch.path("kb.db")
    #expect(try Self.run("index", scratch.path("docs"), "-o", base).exitCode == 0)
    let found = try Self.run(
      "search", base, "ships trees", "--json", "--limit", "2", "--rerank", Self.model)
    #expect(found.exitCode == 0, "\(found.standardError)")
    let passages = try #require(try JSON.parse(found.standardOutput)["passages"]?.arrayValue)
    let scores = passages.compactMap { $0["likelihood"]?.doubleValue }
    #expect(scores.count == 2 && scores[0] >= scores[1] && scores[0] < 0)
    let both = try Self.run(
      "search", base, "x", "--rerank", Self.model, "--diversity", "1", "--encoder", Self.encoder)
    #expect(both.exitCode == 64 && both.standardError.contains("give one of them"))
  }

  @Test("answer from passages that fit, with where they stand")
  func generate() throws {
    let scratch = try Self.documents()
    let base = scratch.path("kb.db")
    #expect(try Self.run("index", scratch.path("docs"), "-o", base).exitCode == 0)
    func answer(_ maxTokens: Int, _ more: String...) throws -> CommandRun {
      try CommandRun(
        CommandRun.lorikeet,
        [
          "generate", "--model", Self.model, "--prompt", "ships trees", "--system", "",
          "--retrieve",
          base, "--max-tokens", "\(maxTokens)",
        ] + more)
    }
    let whole = try answer(4, "--json")
    #expect(whole.exitCode == 0, "\(whole.standardError)")
    let json = try JSON.parse(whole.standardOutput)
    let passages = try #require(json["passages"]?.arrayValue)
    #expect(passages.count == 2 && passages[0]["number"]?.intValue == 1)
    #expect(Set(passages.compactMap { $0["is_cited"]?.boolValue }) == [false])
    let tokens = try #require(json["prompt_tokens"]?.intValue)
    // One token less than both need: one is left out, and the text says so.
    let one = try answer(256 - tokens + 1)
    #expect(one.exitCode == 0, "\(one.standardError)")
    #expect(one.standardError.contains("1 of 2 passages are left out"))
    let citations = one.standardOutput.split(separator: "\n").filter { $0.hasPrefix("[") }
    #expect(citations == ["[1] \(passages[0]["citation"]?.stringValue ?? "")"])
    let none = try answer(250)
    #expect(none.exitCode == 64)
    #expect(none.standardError.contains("with one passage has"))
    #expect(none.standardError.contains("and the model reads 256; lower --max-tokens"))
    let bare = try CommandRun(
      CommandRun.lorikeet,
      [
        "generate", "--model", Self.model, "--prompt", "zebra", "--retrieve", base, "--max-tokens",
        "2", "--json",
      ])
    #expect(bare.exitCode == 0 && bare.standardError.contains("nothing is found"))
    #expect(try JSON.parse(bare.standardOutput)["passages"]?.arrayValue?.isEmpty == true)
  }

  @Test("refuse what does not belong together, and leave nothing behind")
  func refused() throws {
    let scratch = try Self.documents()
    let (docs, base) = (scratch.path("docs"), scratch.path("kb.db"))
    let plain = try Self.run("index", docs, "-o", base)
    #expect(plain.exitCode == 0)
    let none = try Self.run("search", base, "x", "--encoder", Self.encoder)
    #expect(none.exitCode == 64 && none.standardError.contains("was indexed without an encoder"))
    #expect(try Self.run("index", docs, "-o", base, "--encoder", Self.encoder).exitCode == 0)
    let without = try Self.run("index", docs, "-o", base)
    #expect(without.exitCode == 64 && without.standardError.contains("no encoder is named"))
    // Another model: the same with other settings.
    let other = scratch.path("other")
    try FileManager.default.copyItem(atPath: Self.encoder, toPath: other)
    try Data("{\"max_seq_length\": 30}".utf8).write(
      to: URL(fileURLWithPath: other + "/sentence_bert_config.json"))
    for run in [
      try Self.run("search", base, "x", "--encoder", other),
      try Self.run("index", docs, "-o", base, "--encoder", other),
    ] {
      #expect(run.exitCode == 64)
      #expect(run.standardError.contains("its vectors are of tiny, not of other; "))
    }
    // A damaged page beyond the first.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: base))
    for index in 8_192..<bytes.count { bytes[index] = 0xA5 }
    try bytes.write(to: URL(fileURLWithPath: base))
    let damaged = try Self.run("search", base, "trees")
    #expect(damaged.exitCode == 65, "\(damaged.standardError)")
    #expect(damaged.standardError.contains("is damaged ("))
    let fresh = scratch.path("new.db")
    try FileManager.default.createDirectory(
      atPath: scratch.path("empty"), withIntermediateDirectories: true)
    #expect(try Self.run("index", scratch.path("empty"), "-o", fresh).exitCode == 65)
    #expect(!FileManager.default.fileExists(atPath: fresh))
  }
}

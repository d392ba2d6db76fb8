import Foundation
import TestSupport
import Testing

@testable import Retrieval

@Suite("A knowledge base") struct KnowledgeBaseTests {
  private final class Folder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-kb-\(UUID().uuidString)")
    init() throws {
      try FileManager.default.createDirectory(
        at: url.appendingPathComponent("docs/deep"), withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }
  }

  private static func filled() throws -> Folder {
    let folder = try Folder()
    try folder.write("# Apples\n\nApples grow on trees.\n\nThey are red.", "docs/apples.md")
    try folder.write("Pears grow on trees, too; a pear is green.", "docs/pears.txt")
    try folder.write("<h1>Ships</h1><p>Ships sail the sea.</p>", "docs/deep/ships.html")
    try folder.write("x", "docs/picture.png")
    try Data([0, 1, 2]).write(to: folder.url.appendingPathComponent("docs/binary.txt"))
    return folder
  }

  @discardableResult
  private static func index(_ folder: Folder, size: Int = 1_000) throws -> Indexer.Summary {
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    return try Indexer(
      base, splitter: TextSplitter(size: size, overlap: 0), encoder: nil
    ).index(folder.path("docs"))
  }

  @Test("is found by words, the best first, with where they stand")
  func words() throws {
    let folder = try Self.filled()
    let summary = try Self.index(folder)
    #expect(summary.indexed == 3 && summary.passages == 3)
    #expect(summary.skipped.map(\.reason) == ["holds bytes that are no text"])
    let base = try KnowledgeBase(reading: folder.path("kb.db"))
    let found = try base.find(Search("which trees do apples grow on?", method: .words))
    #expect(found.map(\.passage.title) == ["Apples", "pears.txt"])
    #expect(found[0].passage.citation == folder.path("docs/apples.md") + ":1")
    #expect(found[0].passage.lines == 1...5 && found[0].wordRank == 1)
    #expect(found[0].score > found[1].score)
    // The stem of a word, and no operator of the query language.
    #expect(try base.find(Search("sailing", method: .words)).map(\.passage.title) == ["ships.html"])
    for query in ["\" OR 1 --", "NEAR(a b) *", "", "🍎"] {
      _ = try base.find(Search(query, method: .words))
    }
    let path = folder.path("docs/pears.txt")
    let filtered = try base.find(Search("trees", method: .words, filters: ["path": path]))
    #expect(filtered.map(\.passage.path) == [path])
    #expect(throws: RetrievalError.noVectors(path: base.path)) { _ = try base.find(Search("a")) }
  }

  @Test("is brought up to date by what has changed, and nothing else")
  func incremental() throws {
    let folder = try Self.filled()
    try Self.index(folder)
    let again = try Self.index(folder)
    #expect(again.indexed == 0 && again.unchanged == 3)
    try folder.write("Plums are blue.", "docs/pears.txt")
    try FileManager.default.removeItem(atPath: folder.path("docs/apples.md"))
    let changed = try Self.index(folder)
    #expect(changed.indexed == 1 && changed.unchanged == 1 && changed.removed == 1)
    let base = try KnowledgeBase(reading: folder.path("kb.db"))
    #expect(try base.find(Search("apples trees", method: .words)).isEmpty)
    #expect(try base.find(Search("plum", method: .words)).count == 1)
    // Cut otherwise, every file is another.
    #expect(try Self.index(folder, size: 20).indexed == 2)
  }

  @Test("is found by vectors and by both, with diversity where that is asked for")
  func vectors() throws {
    let folder = try Folder()
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    let encoder = EncoderIdentity(name: "made up", fingerprint: "f", dimensions: 9)
    try base.use(encoder)
    func unit(_ values: [Float]) -> [Float] {
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return (values + [Float](repeating: 0, count: 9 - values.count)).map { $0 / length }
    }
    let vectors: [[Float]] = [unit([1, 0]), unit([0.98, 0.2]), unit([0.6, 0.8]), unit([0, 1])]
    try base.replace(
      "a.txt", origin: "1",
      with: vectors.enumerated().map { index, vector in
        .init(title: "t", lines: 1...1, text: "passage number\(index)", vector: vector)
      })
    let query = unit([1, 0.1])
    let dense = try base.find(Search("x", method: .vectors, count: 4), vector: query)
    #expect(
      dense.map(\.passage.id)
        == [1, 2, 3, 4].sorted { a, b in
          func cosine(_ id: Int) -> Float {
            zip(vectors[id - 1], query).reduce(0) { $0 + $1.0 * $1.1 }
          }
          return cosine(a) > cosine(b)
        })
    #expect(abs(dense[0].score - 1) < 0.01)
    // By words the third alone is found; fused, it comes first.
    let both = try base.find(Search("number2", count: 2), vector: query)
    #expect(both[0].passage.text == "passage number2" && both[0].wordRank == 1)
    #expect(abs(both[0].score - (1 / 61.0 + 1 / 63.0)) < 1e-12)
    let diverse = try base.find(
      Search("x", method: .vectors, count: 2, diversity: 0.7), vector: query)
    #expect(diverse[1].passage.id > 2, "the second is unlike the first")
    #expect(
      throws: RetrievalError.otherEncoder(path: base.path, found: "made up", asked: "another")
    ) { try base.use(EncoderIdentity(name: "another", fingerprint: "g", dimensions: 9)) }
    // The same under another name is no other.
    try base.use(EncoderIdentity(name: "renamed", fingerprint: "f", dimensions: 9))
    #expect(throws: RetrievalError.otherEncoder(path: base.path, found: "made up", asked: nil)) {
      _ = try Indexer(base, splitter: TextSplitter(), encoder: nil)
    }
  }

  @Test("finds the same by vectors read and by vectors kept, and what is written after either")
  func keptVectors() throws {
    let folder = try Folder()
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    try base.use(EncoderIdentity(name: "made up", fingerprint: "f", dimensions: 17))
    var numbers = SeededNumbers(5)
    func fill(_ file: String, _ count: Int) throws {
      let passages = (0..<count).map { index in
        KnowledgeBase.NewPassage(
          title: "t", lines: 1...1, text: "\(file) \(index)",
          metadata: ["even": "\(index % 2 == 0)"], vector: numbers.floats(17))
      }
      try base.replace(file, origin: "1", with: passages)
    }
    try fill("a.txt", 1_500)
    let query = numbers.floats(17)
    func find(_ base: KnowledgeBase, _ filters: [String: String] = [:]) throws -> [Finding] {
      try base.find(
        Search("x", method: .vectors, count: 7, candidates: 7, filters: filters), vector: query)
    }
    let reader = try KnowledgeBase(reading: folder.path("kb.db"))
    func likest() throws -> [Int] {
      let (ids, scores) = try VectorTable(base.database).scores(of: query)
      return ids.indices.sorted { (scores[$1], ids[$0]) < (scores[$0], ids[$1]) }.prefix(7).map {
        ids[$0]
      }
    }
    for (file, count) in [("b.txt", 3), ("c.txt", 1_100), ("b.txt", 1)] {
      let first = try find(reader)
      #expect(first.map(\.passage.id) == (try likest()))
      for _ in 0..<2 { #expect(try find(reader) == first && find(base) == first) }
      let even = try find(reader, ["even": "true"])
      #expect(even.count == 7 && even.allSatisfy { $0.passage.metadata["even"] == "true" })
      #expect(
        Set(first.map(\.passage.id)).isSuperset(
          of: first.filter { $0.passage.metadata["even"] == "true" }.map(\.passage.id)))
      try fill(file, count)
    }
    #expect(try find(reader) == find(base))
    try base.database.execute("UPDATE vectors SET vector = x'00' WHERE passage = 5")
    #expect(throws: RetrievalError.damaged(path: base.path, reason: "a vector has another length"))
    {
      _ = try find(base)
    }
  }

  @Test("has vectors of every file once an encoder is named, also of those indexed without")
  func encoderLater() throws {
    let folder = try Self.filled()
    try Self.index(folder)
    let encoder = try SentenceEncoder(path: Fixture.path("encoder/tiny"))
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    let indexer = try Indexer(
      base, splitter: TextSplitter(size: 1_000, overlap: 0), encoder: encoder)
    #expect(try indexer.index(folder.path("docs")).indexed == 3)
    let vector = encoder.encode(["trees"])[0]
    #expect(try base.find(Search("trees", method: .vectors), vector: vector).count == 3)
    #expect(try indexer.index(folder.path("docs")).unchanged == 3)
  }

  @Test("hears of the rows that it lacks, and how far a long file is")
  func rows() throws {
    let folder = try Folder()
    let rows = (0..<300).map { "{\"text\": \"row \($0) about trees and ships and pears\"}\n" }
    let text = "{\"text\": \n" + rows.joined() + "{"
    try folder.write(text, "docs/many.jsonl")
    let encoder = try SentenceEncoder(path: Fixture.path("encoder/tiny"))
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    let indexer = try Indexer(base, splitter: TextSplitter(), encoder: encoder)
    var heard: [Int] = []
    var total = 0
    let summary = try indexer.index(folder.path("docs")) {
      heard.append($0); total = $1
    }
    #expect(summary.passages == 300 && summary.skipped.isEmpty)
    #expect(summary.incomplete.map(\.path) == [folder.path("docs/many.jsonl")])
    #expect(summary.incomplete.map(\.badLines) == [[1, 302]])
    #expect(total == text.utf8.count)
    #expect(heard.first == 0 && heard.last == total && heard == heard.sorted())
    #expect(Set(heard).count > 3)
    #expect(try indexer.index(folder.path("docs")).unchanged == 1)
  }

  @Test("is one file when the writer is done, and whole for readers meanwhile")
  func whileWritten() throws {
    let folder = try Self.filled()
    try Self.index(folder)
    func exists(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.path(name))
    }
    #expect(!exists("kb.db-wal") && !exists("kb.db-shm"))
    let reader = try KnowledgeBase(reading: folder.path("kb.db"))
    do {
      let writer = try KnowledgeBase(writing: folder.path("kb.db"))
      func count() throws -> Int { try reader.passageCount() }
      try writer.database.execute("BEGIN IMMEDIATE; DELETE FROM files")
      #expect(try count() == 3)
      #expect(try reader.find(Search("trees", method: .words)).count == 2)
      try writer.database.execute("COMMIT")
      #expect(try count() == 0)
      // A search sees one state, whatever is written meanwhile.
      try reader.database.execute("BEGIN")
      #expect(try count() == 0)
      try writer.replace(
        "new.md", origin: "o", with: [.init(title: "t", lines: 1...1, text: "trees")])
      #expect(try count() == 0)
      try reader.database.execute("COMMIT")
      #expect(try count() == 1)
    }
    #expect(try reader.passageCount() == 1)
    // What a process leaves that ends while it makes the file.
    try Data().write(to: folder.url.appendingPathComponent("begun.db"))
    #expect(try KnowledgeBase(writing: folder.path("begun.db")).passageCount() == 0)
    #expect(exists("begun.db"), "a file that was there is not removed")
    // A file that was made for nothing is.
    #expect(try KnowledgeBase(writing: folder.path("none.db")).passageCount() == 0)
    #expect(!exists("none.db"))
  }

  @Test("holds every file by one name, and passes over what it cannot read, with the reason")
  func files() throws {
    let folder = try Self.filled()
    let docs = folder.path("docs")
    try folder.write("hidden", "docs/.hidden.md")
    try FileManager.default.createSymbolicLink(
      atPath: docs + "/circle", withDestinationPath: docs)
    try FileManager.default.createSymbolicLink(
      atPath: docs + "/link.md", withDestinationPath: docs + "/apples.md")
    try FileManager.default.createSymbolicLink(
      atPath: docs + "/link.png", withDestinationPath: docs + "/picture.png")
    let name = Array(docs.utf8CString.dropLast()) + [0x2F, -23, 0x2E, 0x6D, 0x64, 0]
    let file = fopen(name, "w")
    try #require(file != nil)
    fclose(file)
    #expect(mkfifo(docs + "/pipe.txt", 0o600) == 0)
    try Data().write(to: folder.url.appendingPathComponent("docs/empty.txt"))
    let summary = try Self.index(folder)
    #expect(summary.indexed == 3)
    #expect(
      Set(summary.skipped.map { "\($0.path.dropFirst(docs.count + 1)) \($0.reason)" }) == [
        "binary.txt holds bytes that are no text", "empty.txt has no text",
        "circle is a symbolic link", "link.md is a symbolic link",
        "\u{FFFD}.md has a name that is not UTF-8",
      ])
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    let indexer = try Indexer(base, splitter: TextSplitter(size: 1_000, overlap: 0), encoder: nil)
    for path in [docs + "/", docs + "/./", docs.replacingOccurrences(of: "/docs", with: "//docs")] {
      #expect(try indexer.index(path).unchanged == 3)
    }
    // What can no longer be read is no longer found.
    try Data([0xFF]).write(to: folder.url.appendingPathComponent("docs/pears.txt"))
    let changed = try indexer.index(docs)
    #expect(changed.removed == 1 && changed.unchanged == 2)
    #expect(try base.files().keys.allSatisfy { !$0.hasSuffix("pears.txt") })
    // Where nothing is left, what was known stays.
    try FileManager.default.removeItem(atPath: docs)
    try FileManager.default.createDirectory(atPath: docs, withIntermediateDirectories: true)
    #expect(throws: RetrievalError.nothingToIndex(path: docs, skipped: 0, first: nil)) {
      _ = try indexer.index(docs)
    }
    #expect(try base.files().count == 2)
  }

  @Test("answers a question of any length")
  func longQuery() throws {
    let folder = try Self.filled()
    try Self.index(folder)
    let base = try KnowledgeBase(reading: folder.path("kb.db"))
    let query = "trees " + (0..<20_000).map { "word\($0)" }.joined(separator: " ")
    #expect(try base.find(Search(query, method: .words)).count == 2)
  }

  @Test("finds what metadata say, whatever else is likelier")
  func filters() throws {
    let folder = try Folder()
    try folder.write(
      """
      {"id": "a", "text": "trees and trees and trees", "domain": "wood", "year": 2001}
      {"id": "b", "text": "some trees", "domain": "park", "metadata": {"open": true}}
      """, "docs/rows.jsonl")
    try folder.write("---\ntitle: Own title\ndomain: park\n---\n# Head\ntrees", "docs/front.md")
    try Self.index(folder)
    let base = try KnowledgeBase(reading: folder.path("kb.db"))
    func titles(_ filters: [String: String]) throws -> [String] {
      try base.find(Search("trees", method: .words, count: 5, candidates: 2, filters: filters))
        .map(\.passage.title)
    }
    #expect(try titles([:]).count == 2)
    #expect(try titles(["year": "2001"]) == ["a"])
    #expect(try Set(titles(["domain": "park"])) == ["b", "Own title"])
    #expect(try titles(["domain": "park", "open": "true"]) == ["b"])
    #expect(try titles(["domain": "none"]).isEmpty)
    let row = try base.find(Search("some", method: .words))[0].passage
    #expect(row.citation == folder.path("docs/rows.jsonl") + ":2")
    let front = try base.find(Search("head", method: .words))[0].passage
    #expect(front.citation == folder.path("docs/front.md") + ":5")
  }

  @Test("says what it is not")
  func refused() throws {
    let folder = try Self.filled()
    try folder.write("text that is no database, and long enough to be one", "other.db")
    func reason(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      reason { _ = try KnowledgeBase(reading: folder.path("other.db")) }.contains(
        "is no knowledge base"))
    #expect(
      reason { _ = try KnowledgeBase(reading: folder.path("none.db")) }.contains("no such file"))
    try Self.index(folder)
    var bytes = try Data(contentsOf: folder.url.appendingPathComponent("kb.db"))
    for index in stride(from: 4_096, to: bytes.count, by: 3) { bytes[index] ^= 0x5A }
    try bytes.write(to: folder.url.appendingPathComponent("damaged.db"))
    let damaged = reason {
      let base = try KnowledgeBase(reading: folder.path("damaged.db"))
      _ = try base.find(Search("trees", method: .words))
    }
    #expect(damaged.contains("damaged.db: is damaged ("), "\(damaged)")
    let sqlite = try Database(path: folder.path("foreign.db"), .writing)
    try sqlite.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    #expect(
      reason { _ = try KnowledgeBase(reading: folder.path("foreign.db")) }.contains(
        "a SQLite file of another program"))
    #expect(
      reason { _ = try KnowledgeBase(writing: folder.path("foreign.db")) }.contains(
        "a SQLite file of another program"))
    #expect(try sqlite.integer("SELECT x FROM t") == 1)
    #expect(
      reason { _ = try KnowledgeBase(writing: folder.path("other.db")) }.contains(
        "is no knowledge base (file is not a database)"))
    let newer = try Database(path: folder.path("kb.db"), .writing)
    try newer.execute("PRAGMA user_version = 7")
    #expect(reason { _ = try KnowledgeBase(reading: folder.path("kb.db")) }.contains("version 7"))
    try FileManager.default.createDirectory(
      atPath: folder.path("empty"), withIntermediateDirectories: true)
    let base = try KnowledgeBase(writing: folder.path("new.db"))
    #expect(
      throws: RetrievalError.nothingToIndex(path: folder.path("empty"), skipped: 0, first: nil)
    ) {
      _ = try Indexer(base, splitter: TextSplitter(), encoder: nil).index(folder.path("empty"))
    }
  }
}

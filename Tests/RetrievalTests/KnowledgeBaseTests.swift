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
    #expect(throws: RetrievalError.noVectors(path: base.path)) { try base.find(Search("a")) }
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
    #expect(try base.find(Search("apples trees pears", method: .words)).isEmpty)
    #expect(try base.find(Search("plum", method: .words)).count == 1)
    // Cut otherwise, every file is another.
    #expect(try Self.index(folder, size: 20).indexed == 2)
  }

  @Test("is found by vectors and by both, with diversity where that is asked for")
  func vectors() throws {
    let folder = try Folder()
    let base = try KnowledgeBase(writing: folder.path("kb.db"))
    try base.use(encoder: "made up", dimensions: 9)
    func unit(_ values: [Float]) -> [Float] {
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return (values + [Float](repeating: 0, count: 9 - values.count)).map { $0 / length }
    }
    let vectors: [[Float]] = [unit([1, 0]), unit([0.98, 0.2]), unit([0.6, 0.8]), unit([0, 1])]
    try base.replace(
      "a.txt", hash: "1",
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
    ) { try base.use(encoder: "another", dimensions: 9) }
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
    #expect(damaged.contains("lorikeet index") || damaged.contains("damaged.db"), "\(damaged)")
    try FileManager.default.createDirectory(
      atPath: folder.path("empty"), withIntermediateDirectories: true)
    let base = try KnowledgeBase(writing: folder.path("new.db"))
    #expect(
      throws: RetrievalError.nothingToIndex(path: folder.path("empty"), skipped: 0)
    ) {
      try Indexer(base, splitter: TextSplitter(), encoder: nil).index(folder.path("empty"))
    }
  }
}

import Foundation
import Serialization
import TestSupport
import Testing

@testable import Retrieval

/// `Tests/Fixtures/retrieval`: passages of a library's handbook, and questions each with the one that answers it, some in
/// its own words and some in none of them.
@Suite("Search finds what answers a question") struct RetrievalQualityTests {
  private struct Quality {
    /// The share of questions whose passage is the first, or among the first three.
    var (first, three) = (0.0, 0.0)
    /// The mean of 1 / rank, 0 where it is not among the first ten.
    var reciprocalRank = 0.0
  }

  /// The quality of each method, from one knowledge base.
  private static func qualities(
    _ methods: [Search.Method], _ encoder: SentenceEncoder?
  ) throws -> [Quality] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-quality-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let base = try KnowledgeBase(writing: folder.appendingPathComponent("kb.db").path)
    let indexer = try Indexer(base, splitter: TextSplitter(), encoder: encoder)
    let summary = try indexer.index(Fixture.path("retrieval/documents.jsonl"))
    #expect(summary.passages == 26 && summary.overlong == 0)
    let lines = String(decoding: try Fixture.bytes("retrieval/questions.jsonl"), as: UTF8.self)
    let questions = try lines.split(separator: "\n").map { try JSON.parse(String($0)) }
    #expect(questions.count == 28)
    let texts = questions.map { $0["question"]?.stringValue ?? "" }
    let vectors = encoder?.encode(texts)
    return try methods.map { method in
      var quality = Quality()
      for (index, question) in questions.enumerated() {
        let found = try base.find(
          Search(texts[index], method: method, count: 10), vector: vectors?[index])
        let document = question["document"]?.stringValue
        guard let place = found.firstIndex(where: { $0.passage.metadata["id"] == document }) else {
          continue
        }
        quality.first += place < 1 ? 1 / Double(questions.count) : 0
        quality.three += place < 3 ? 1 / Double(questions.count) : 0
        quality.reciprocalRank += 1 / Double(place + 1) / Double(questions.count)
      }
      return quality
    }
  }

  @Test("by words, where the question has some of the passage's")
  func words() throws {
    let quality = try Self.qualities([.words], nil)[0]
    #expect(quality.first >= 0.46 && quality.three >= 0.53 && quality.reciprocalRank >= 0.51)
  }

  @Test(
    "by the meaning of the real all-MiniLM-L6-v2 nearly always, and by both more often than by words",
    .enabled(if: ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"] != nil))
  func meaning() throws {
    let path = try #require(ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"])
    let found = try Self.qualities([.vectors, .both, .words], try SentenceEncoder(path: path))
    let (dense, both, words) = (found[0], found[1], found[2])
    #expect(dense.first >= 0.89 && dense.three >= 0.96 && dense.reciprocalRank >= 0.93)
    #expect(both.first >= 0.64 && both.three >= 0.89 && both.reciprocalRank >= 0.77)
    #expect(both.reciprocalRank > words.reciprocalRank)
  }
}

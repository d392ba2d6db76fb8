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

  private static func quality(_ method: Search.Method, _ encoder: SentenceEncoder?) throws
    -> Quality
  {
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
    var quality = Quality()
    for question in questions {
      let text = question["question"]?.stringValue ?? ""
      let found = try base.find(
        Search(text, method: method, count: 10), vector: encoder?.encode([text])[0])
      let document = question["document"]?.stringValue
      guard let index = found.firstIndex(where: { $0.passage.metadata["id"] == document }) else {
        continue
      }
      quality.first += index < 1 ? 1 : 0
      quality.three += index < 3 ? 1 : 0
      quality.reciprocalRank += 1 / Double(index + 1)
    }
    let count = Double(questions.count)
    quality.first /= count
    quality.three /= count
    quality.reciprocalRank /= count
    print(
      "\(method.rawValue): hit@1 \(quality.first) hit@3 \(quality.three) MRR \(quality.reciprocalRank)"
    )
    return quality
  }

  @Test("by words in most cases")
  func words() throws {
    let quality = try Self.quality(.words, nil)
    #expect(quality.first >= 0.5 && quality.three >= 0.6 && quality.reciprocalRank >= 0.55)
  }

  @Test(
    "by the meaning of the real all-MiniLM-L6-v2 in nearly all, and by both no worse than by words",
    .enabled(if: ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"] != nil))
  func meaning() throws {
    let path = try #require(ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"])
    let encoder = try SentenceEncoder(path: path)
    let dense = try Self.quality(.vectors, encoder)
    #expect(dense.first >= 0.8 && dense.three >= 0.9 && dense.reciprocalRank >= 0.85)
    let both = try Self.quality(.both, encoder)
    let words = try Self.quality(.words, encoder)
    #expect(both.reciprocalRank > words.reciprocalRank)
  }
}

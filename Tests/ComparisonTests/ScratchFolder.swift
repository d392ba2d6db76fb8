import Foundation
import Retrieval

@testable import Comparison

/// A folder for one test's files, removed with the object.
final class ScratchFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent(
    "lorikeet-comparison-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ text: String, _ name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  /// A search by words over the folder `docs`.
  func finder() throws -> PassageFinder {
    let base = try KnowledgeBase(writing: path("kb.db"))
    _ = try Indexer(base, splitter: TextSplitter(size: 300, overlap: 0), encoder: nil)
      .index(path("docs"))
    return try PassageFinder(base, encoder: nil, method: nil, candidates: 20)
  }
}

import Comparison
import Configuration
import ModelFiles
import Retrieval

#if canImport(Glibc)
  import Glibc
#endif

/// Opens the documents of a comparison.
enum ComparisonDocuments {
  /// The knowledge base that the configuration names, or that of its documents, indexed once in the folder.
  ///
  /// - Throws: `RetrievalError`; `ComparisonError.changed` where the documents are others than when it began.
  static func open(
    _ compare: ComparisonConfiguration.Compare, encoder: SentenceEncoder?,
    _ folder: ComparisonFolder, _ console: Console
  ) throws -> KnowledgeBase {
    guard let documents = compare.documents else {
      let base = try KnowledgeBase(reading: compare.knowledgeBase ?? "")
      guard try base.passageCount() > 0 else {
        throw RetrievalError.notAKnowledgeBase(path: base.path, reason: "it holds no passage")
      }
      return base
    }
    let isKnown = access(folder.knowledgeBase, F_OK) == 0
    if isKnown { try copy(folder.knowledgeBase, to: folder.knowledgeBaseCheck) }
    let splitter = TextSplitter(size: compare.chunkSize, overlap: compare.chunkOverlap)
    let summary = try index(
      documents, into: folder.knowledgeBaseCheck, splitter, encoder, console,
      saysSkipped: !isKnown)
    if isKnown {
      for end in ["", "-wal", "-shm"] { unlink(folder.knowledgeBaseCheck + end) }
      guard summary.indexed == 0, summary.removed == 0 else {
        throw ComparisonError.changed(
          path: folder.path, differences: ["compare.documents or compare.chunk_size"])
      }
    } else {
      guard rename(folder.knowledgeBaseCheck, folder.knowledgeBase) == 0 else {
        throw RetrievalError.system(
          path: folder.knowledgeBase, reason: String(cString: strerror(errno)))
      }
    }
    return try KnowledgeBase(reading: folder.knowledgeBase)
  }

  /// Indexes; the file is closed when this returns.
  private static func index(
    _ documents: String, into path: String, _ splitter: TextSplitter, _ encoder: SentenceEncoder?,
    _ console: Console, saysSkipped: Bool
  ) throws -> Indexer.Summary {
    let base = try KnowledgeBase(writing: path)
    let indexer = try Indexer(base, splitter: splitter, encoder: encoder)
    let summary = try console.index(documents, with: indexer)
    guard saysSkipped else { return summary }
    console.warnOfSkipped(summary)
    console.note("\(documents): \(summary.passages) passages of \(summary.indexed) files")
    return summary
  }

  private static func copy(_ source: String, to target: String) throws {
    for end in ["", "-wal", "-shm"] { unlink(target + end) }
    let file = try AtomicFile(path: target, replacing: true)
    try MappedFile(path: source).withBytes { try file.write($0) }
    try file.commit()
  }
}

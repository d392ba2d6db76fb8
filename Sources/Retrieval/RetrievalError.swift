/// Why documents cannot be indexed or searched.
public enum RetrievalError: Error, Equatable, CustomStringConvertible {
  /// There is nothing at a path.
  case missing(path: String)
  /// A folder, or what is named, holds nothing that can be indexed.
  case nothingToIndex(path: String, skipped: Int)
  /// A file cannot be read or written.
  case system(path: String, reason: String)
  /// A file is no knowledge base, or was damaged.
  case notAKnowledgeBase(path: String, reason: String)
  /// The knowledge base was made by another version.
  case otherVersion(path: String, found: Int, known: Int)
  /// The knowledge base's vectors are of another encoder.
  case otherEncoder(path: String, found: String, asked: String)
  /// The knowledge base has no vectors, and they were asked for.
  case noVectors(path: String)
  /// Two processes write to it.
  case busy(path: String)
  /// SQLite refused something for another reason.
  case database(path: String, reason: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such file or folder; check the path"
    case .nothingToIndex(let path, let skipped):
      "\(path): holds no Markdown, text, HTML or JSONL that can be read"
        + (skipped > 0 ? " (\(skipped) files skipped)" : "") + "; name a folder of documents"
    case .system(let path, let reason): "\(path): \(reason)"
    case .notAKnowledgeBase(let path, let reason):
      "\(path): is no knowledge base (\(reason)); make one with lorikeet index"
    case .otherVersion(let path, let found, let known):
      "\(path): was made by version \(found) of the format, and this is version \(known); index the documents anew"
    case .otherEncoder(let path, let found, let asked):
      "\(path): its vectors were made by \(found), not by \(asked); name that model, or index the documents anew"
    case .noVectors(let path):
      "\(path): was indexed without an encoder, so it can be searched by words only; index again with --encoder"
    case .busy(let path):
      "\(path): another process is writing to it; try again when it is done"
    case .database(let path, let reason): "\(path): \(reason)"
    }
  }
}

/// Why documents cannot be indexed or searched.
public enum RetrievalError: Error, Equatable, CustomStringConvertible {
  /// There is nothing at a path.
  case missing(path: String)
  /// A folder, or what is named, holds nothing that can be indexed; `first` is the first file passed over, with why.
  case nothingToIndex(path: String, skipped: Int, first: String?)
  /// A file cannot be read or written.
  case system(path: String, reason: String)
  /// A file is no knowledge base.
  case notAKnowledgeBase(path: String, reason: String)
  /// A knowledge base was damaged.
  case damaged(path: String, reason: String)
  /// The knowledge base was made by another version.
  case otherVersion(path: String, found: Int, known: Int)
  /// The knowledge base's vectors are of another encoder, or of one where none was named.
  case otherEncoder(path: String, found: String, asked: String?)
  /// The knowledge base has no vectors, and they were asked for.
  case noVectors(path: String)
  /// Two processes write to it.
  case busy(path: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such file or folder; check the path"
    case .nothingToIndex(let path, let skipped, let first):
      "\(path): holds no Markdown, text, HTML or JSONL that can be read"
        + (first.map { " (\(skipped) passed over, first \($0))" } ?? "")
        + "; name a folder of documents"
    case .system(let path, let reason):
      "\(path): \(reason); check the path, its permissions and the free space"
    case .notAKnowledgeBase(let path, let reason):
      "\(path): is no knowledge base (\(reason)); name one that lorikeet index made, or another path to make one"
    case .damaged(let path, let reason):
      "\(path): is damaged (\(reason)); remove it and index the documents anew"
    case .otherVersion(let path, let found, let known):
      "\(path): was made by version \(found) of the format, and this is version \(known); index the documents anew"
    case .otherEncoder(let path, let found, let asked?):
      "\(path): its vectors are of \(found), not of \(asked); name that encoder, or index into another file"
    case .otherEncoder(let path, let found, nil):
      "\(path): its vectors are of \(found), and no encoder is named; name it with --encoder, or index into another file"
    case .noVectors(let path):
      "\(path): was indexed without an encoder, so it can be searched by words only; index again with --encoder"
    case .busy(let path):
      "\(path): another process is writing to it; try again when it is done"
    }
  }
}

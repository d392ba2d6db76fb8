internal import ModelFiles

/// Brings a knowledge base to what a folder holds now.
public struct Indexer {
  /// What became of the files.
  public struct Summary: Sendable {
    /// Files whose passages were made anew.
    public var indexed = 0
    /// Files that are as they were.
    public var unchanged = 0
    /// Files that are gone or can no longer be read, and with them their passages.
    public var removed = 0
    /// Files that were passed over, each with why, in a few words that follow "it".
    public var skipped: [(path: String, reason: String)] = []
    /// JSONL files that were indexed but for some lines, which are no JSON objects.
    ///
    /// A file that has not changed is not read again, and not named again.
    public var incomplete: [(path: String, badLines: [Int])] = []
    /// Passages that were made.
    public var passages = 0
    /// How many of them are longer than the encoder reads, so that their ends are found by words only.
    public var overlong = 0
  }

  /// Changes whenever documents are read or cut differently, so that files that have not changed are read again.
  private static let version = 1

  /// Where the passages go.
  public let base: KnowledgeBase
  /// How texts are cut.
  public let splitter: TextSplitter
  /// What makes vectors; nil for words only.
  public let encoder: SentenceEncoder?

  /// Prepares to index.
  ///
  /// - Throws: ``RetrievalError`` where the knowledge base has vectors of another encoder, or has some and there is none.
  public init(
    _ base: KnowledgeBase, splitter: TextSplitter, encoder: SentenceEncoder?
  ) throws(RetrievalError) {
    self.base = base
    self.splitter = splitter
    self.encoder = encoder
    try base.check(encoder?.identity)
    if encoder == nil, let made = base.encoder {
      throw .otherEncoder(path: base.path, found: made.name, asked: nil)
    }
  }

  /// Indexes what is new or has changed below `root`, a file or a folder, and forgets what is gone.
  ///
  /// Each file is a transaction of its own: what is done when the process ends stays done, and the rest is found changed
  /// the next time. Where nothing at all can be indexed, nothing is changed.
  ///
  /// - Parameter progress: hears how many bytes of the files are done; those of one file as its passages are encoded.
  /// - Throws: ``RetrievalError``.
  public func index(
    _ root: String, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws(RetrievalError) -> Summary {
    let folder = try DocumentFolder(root)
    var summary = Summary()
    summary.skipped = folder.skipped.map { ($0.path, $0.reason.description) }
    let known = try base.files()
    var present: Set<String> = []
    let total = folder.files.reduce(0) { $0 + $1.bytes }
    var done = 0
    for (path, size) in folder.files {
      progress(done, total)
      defer { done += size }
      guard let format = DocumentReader.Format(path: path) else { continue }
      switch Self.read(path) {
      case .failure(let skip): summary.skipped.append((path, skip.description))
      case .success(let bytes):
        let origin = origin(of: bytes)
        if known[path] == origin {
          summary.unchanged += 1
          present.insert(path)
          continue
        }
        switch DocumentReader.documents(bytes, format: format, name: Self.name(path)) {
        case .failure(let skip): summary.skipped.append((path, skip.description))
        case .success(let contents):
          let passages = passages(of: contents.documents, overlong: &summary.overlong) {
            encoded, count in
            progress(done + Int(Double(size) * Double(encoded) / Double(count)), total)
          }
          if !contents.badLines.isEmpty { summary.incomplete.append((path, contents.badLines)) }
          if let encoder { try base.use(encoder.identity) }
          try base.replace(path, origin: origin, with: passages)
          summary.indexed += 1
          summary.passages += passages.count
          present.insert(path)
        }
      }
    }
    progress(total, total)
    guard !present.isEmpty else {
      throw .nothingToIndex(
        path: root, skipped: summary.skipped.count,
        first: summary.skipped.first.map { "\($0.path), which \($0.reason)" })
    }
    for path in known.keys.sorted() where !present.contains(path) && folder.contains(path) {
      try base.remove(path)
      summary.removed += 1
    }
    return summary
  }

  private static func read(_ path: String) -> Result<[UInt8], DocumentReader.Skip> {
    do {
      return .success(try MappedFile(path: path).withBytes { Array($0) })
    } catch {
      switch error {
      case .truncated: return .failure(.empty)
      case .unreadable(_, let reason): return .failure(.unreadable(reason: reason))
      case .missing(_, let problem, _): return .failure(.unreadable(reason: problem))
      default: return .failure(.unreadable(reason: "\(error)"))
      }
    }
  }

  /// All that a file's passages follow from: its bytes, and how they are read, cut and encoded.
  private func origin(of bytes: [UInt8]) -> String {
    let unit = if case .characters = splitter.unit { "characters" } else { "tokens" }
    let hash = bytes.withUnsafeBytes { SHA256.hexadecimalDigest(of: $0) }
    return
      "\(hash) \(Self.version) \(splitter.size) \(splitter.overlap) \(unit) \(encoder?.identity.fingerprint ?? "-")"
  }

  private func passages(
    of documents: [Document], overlong: inout Int, progress: (_ done: Int, _ of: Int) -> Void
  ) -> [KnowledgeBase.NewPassage] {
    var passages: [KnowledgeBase.NewPassage] = []
    for document in documents {
      let lines = LineIndex(document)
      let bytes = Array(document.text.utf8)
      for range in splitter.split(document.text) {
        let first = lines.line(at: range.lowerBound)
        passages.append(
          .init(
            title: document.title,
            lines: first...max(first, lines.line(at: range.upperBound - 1)),
            text: String(decoding: bytes[range], as: UTF8.self), metadata: document.metadata))
      }
    }
    guard let encoder else { return passages }
    // The title says what a passage from the middle of a page is about.
    let texts = passages.map { Passage.titled($0.text, $0.title) }
    overlong += texts.count { encoder.tokenizer.count($0) + 2 > encoder.maximumTokens }
    let vectors = encoder.encode(texts, progress: progress)
    for (index, vector) in vectors.enumerated() { passages[index].vector = vector }
    return passages
  }

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}

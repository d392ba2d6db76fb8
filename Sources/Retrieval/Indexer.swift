internal import ModelFiles

#if canImport(Glibc)
  internal import Glibc
#endif

/// Brings a knowledge base to what a folder holds now.
public struct Indexer {
  /// What became of the files.
  public struct Summary: Sendable, Equatable {
    /// Files whose passages were made anew.
    public var indexed = 0
    /// Files that are as they were.
    public var unchanged = 0
    /// Files that are gone, and with them their passages.
    public var removed = 0
    /// Files that were passed over, each with why.
    public var skipped: [(path: String, reason: String)] = []
    /// Passages that were made.
    public var passages = 0

    public static func == (a: Summary, b: Summary) -> Bool {
      a.indexed == b.indexed && a.unchanged == b.unchanged && a.removed == b.removed
        && a.passages == b.passages && a.skipped.elementsEqual(b.skipped) { $0 == $1 }
    }
  }

  /// Where the passages go.
  public let base: KnowledgeBase
  /// How texts are cut.
  public let splitter: TextSplitter
  /// What makes vectors; nil for words only.
  public let encoder: SentenceEncoder?

  /// Prepares to index.
  ///
  /// - Throws: `RetrievalError` where the knowledge base has vectors of another encoder.
  public init(_ base: KnowledgeBase, splitter: TextSplitter, encoder: SentenceEncoder?) throws {
    self.base = base
    self.splitter = splitter
    self.encoder = encoder
    if let encoder {
      try base.use(encoder: encoder.name, dimensions: encoder.dimensions)
    } else if let name = base.encoder {
      throw RetrievalError.otherEncoder(path: base.path, found: name, asked: "none")
    }
  }

  /// Indexes what is new or has changed below `root`, a file or a folder, and forgets what is gone.
  ///
  /// Each file is a transaction of its own: what is done when the process ends stays done, and the rest is found changed
  /// the next time.
  ///
  /// - Parameter progress: hears how many files are done.
  /// - Throws: `RetrievalError`.
  public func index(_ root: String, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in })
    throws -> Summary
  {
    let files = try Self.files(below: root)
    var summary = Summary()
    let cut = "\(splitter.size) \(splitter.overlap) \(splitter.unit == .characters)"
    // Passages of another size are no longer what was asked for.
    let isCutAlike = try base.splitting() == cut
    let known = try base.files()
    try base.use(splitting: cut)
    for (done, path) in files.enumerated() {
      progress(done, files.count)
      guard let format = DocumentReader.Format(path: path) else { continue }
      let bytes: [UInt8]
      do {
        bytes = try MappedFile(path: path).withBytes { Array($0) }
      } catch {
        summary.skipped.append((path, "cannot be read"))
        continue
      }
      let hash = bytes.withUnsafeBytes { SHA256.hexadecimalDigest(of: $0) }
      if isCutAlike, known[path] == hash {
        summary.unchanged += 1
        continue
      }
      switch DocumentReader.documents(bytes, format: format, name: Self.name(path)) {
      case .failure(let skip): summary.skipped.append((path, skip.description))
      case .success(let documents):
        let passages = passages(of: documents)
        try base.replace(path, hash: hash, with: passages)
        summary.indexed += 1
        summary.passages += passages.count
      }
    }
    progress(files.count, files.count)
    let present = Set(files)
    let prefix = root.hasSuffix("/") ? root : root + "/"
    for path in known.keys.sorted()
    where !present.contains(path) && (path == root || path.hasPrefix(prefix)) {
      try base.remove(path)
      summary.removed += 1
    }
    guard summary.indexed + summary.unchanged > 0 else {
      throw RetrievalError.nothingToIndex(path: root, skipped: summary.skipped.count)
    }
    return summary
  }

  private func passages(of documents: [Document]) -> [KnowledgeBase.NewPassage] {
    var passages: [KnowledgeBase.NewPassage] = []
    for document in documents {
      let lines = LineIndex(document)
      let bytes = Array(document.text.utf8)
      for range in splitter.split(document.text) {
        passages.append(
          .init(
            title: document.title,
            lines: lines.line(
              at: range.lowerBound)...max(
                lines.line(at: range.lowerBound), lines.line(at: range.upperBound - 1)),
            text: String(decoding: bytes[range], as: UTF8.self), metadata: document.metadata))
      }
    }
    guard let encoder else { return passages }
    // The title says what a passage from the middle of a page is about.
    let texts = passages.map { $0.text.contains($0.title) ? $0.text : "\($0.title)\n\($0.text)" }
    for (index, vector) in encoder.encode(texts).enumerated() { passages[index].vector = vector }
    return passages
  }

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The files that can be indexed, in the order of their paths; hidden ones and links are passed over.
  static func files(below root: String) throws -> [String] {
    var status = stat()
    guard stat(root, &status) == 0 else { throw RetrievalError.missing(path: root) }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [root] }
    var files: [String] = []
    var folders = [root.hasSuffix("/") ? String(root.dropLast()) : root]
    while let folder = folders.popLast() {
      guard let directory = opendir(folder.isEmpty ? "/" : folder) else {
        throw RetrievalError.system(path: folder, reason: String(cString: strerror(errno)))
      }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard !name.hasPrefix(".") else { continue }
        let path = "\(folder)/\(name)"
        guard lstat(path, &status) == 0 else { continue }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: folders.append(path)
        case S_IFREG where DocumentReader.Format(path: path) != nil: files.append(path)
        default: break
        }
      }
    }
    return files.sorted()
  }
}

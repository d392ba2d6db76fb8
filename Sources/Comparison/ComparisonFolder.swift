internal import ModelFiles
public import Serialization

#if canImport(Glibc)
  internal import Glibc
#endif

/// A comparison's folder: what it is of, training rows, training runs, answers, report.
public struct ComparisonFolder: Sendable {
  /// Where it is.
  public let path: String

  /// Names a folder, which may be there.
  public init(_ path: String) { self.path = path }

  /// What the comparison is of; it is written last when the folder is made.
  public var manifest: String { "\(path)/manifest.json" }
  /// The index of `compare.documents`.
  public var knowledgeBase: String { "\(path)/knowledge.db" }

  /// The training rows of a task.
  public func rows(_ task: ComparisonTask, isValidation: Bool) -> String {
    // Without passages every seed has the same rows, unless it draws some of them.
    let isShared = !task.arm.retrieves && task.rows == nil
    let name = isShared ? task.arm.rawValue : task.trainingName
    return "\(path)/data/\(name)\(isValidation ? "-validation" : "").jsonl"
  }

  /// The run folder of a task's training.
  public func training(_ task: ComparisonTask) -> String { "\(path)/training/\(task.trainingName)" }

  /// The answers of a task.
  public func answers(_ task: ComparisonTask) -> String { "\(path)/answers/\(task.name).jsonl" }

  /// What a task took.
  public func run(_ task: ComparisonTask) -> String { "\(path)/arms/\(task.name).json" }

  /// Whether the folder is there and holds a comparison of which something is done.
  ///
  /// One that ended before it had trained or asked anything counts as none, so that what kept it from beginning can be
  /// put right.
  ///
  /// - Throws: ``ComparisonError/notAComparison(path:)`` where something else has the name.
  public func exists() throws(ComparisonError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAComparison(path: path) }
    if access(manifest, F_OK) == 0, hasWork { return true }
    // What a first start makes before it is settled what the comparison is of.
    let known: Set = [
      "data", "training", "answers", "arms", "knowledge.db", "knowledge.db-wal",
      "knowledge.db-shm", "config.yaml", "manifest.json", ".lock",
    ]
    let others = (namesInFolder(path) ?? []).filter { name in
      !known.contains(name) && !(name.hasPrefix(".") && name.contains(".partial"))
    }
    guard others.isEmpty else { throw .notAComparison(path: path) }
    return false
  }

  /// Removes what an attempt that was not settled may have left.
  public func clear() {
    for name in ["data", "training", "answers", "arms"] {
      for entry in namesInFolder("\(path)/\(name)") ?? [] {
        removeFolder("\(path)/\(name)/\(entry)")
      }
      for entry in namesInFolder("\(path)/\(name)") ?? [] { unlink("\(path)/\(name)/\(entry)") }
    }
    removeKnowledgeBase()
    unlink(manifest)
  }

  private var hasWork: Bool {
    guard (namesInFolder("\(path)/training") ?? []).isEmpty else { return true }
    return (namesInFolder("\(path)/answers") ?? []).contains { name in
      var status = stat()
      return stat("\(path)/answers/\(name)", &status) == 0 && status.st_size > 0
    }
  }

  /// Makes the folder and those in it.
  ///
  ///
  /// - Throws: `ModelFileError.notWritten`.
  public func create() throws {
    for name in ["data", "training", "answers", "arms"] {
      var prefix = path.hasPrefix("/") ? "/" : ""
      for component in "\(path)/\(name)".split(separator: "/") {
        prefix += component
        guard mkdir(prefix, 0o777) == 0 || errno == EEXIST else {
          throw ModelFileError.notWritten(path: prefix, reason: String(cString: strerror(errno)))
        }
        prefix += "/"
      }
    }
  }

  /// Removes the index of the documents, and what SQLite keeps beside it.
  public func removeKnowledgeBase() {
    for name in [knowledgeBase, knowledgeBaseCheck] {
      for end in ["", "-wal", "-shm"] { unlink(name + end) }
    }
  }

  /// Where the documents are indexed anew to see whether they are as they were.
  public var knowledgeBaseCheck: String { "\(path)/.knowledge.db.partial" }

  /// Removes the folder of a comparison that could not begin.
  public func abandon() {
    guard access(manifest, F_OK) != 0 else { return }
    removeFolder(path)
  }

  /// A key with its values, where they are no hashes.
  private static func difference(_ key: String, _ then: JSONValue, _ now: JSONValue) -> String {
    let texts = [then, now].map { $0.serialized() }
    guard texts.allSatisfy({ $0.utf8.count <= 40 }) else { return key }
    return "\(key) (\(texts[0]) then, \(texts[1]) now)"
  }

  /// Writes a file of the folder as a whole.
  ///
  /// - Throws: `ModelFileError`.
  public func write(_ text: String, to path: String) throws {
    let file = try AtomicFile(path: path, replacing: true)
    try file.write(text)
    try file.commit()
  }

  /// Notes what the comparison is of, or compares it with what was noted when it was begun.
  ///
  /// What no arm had to do with so far, such as documents before one reads them, is noted when one does.
  ///
  /// - Throws: ``ComparisonError/changed(path:differences:)``; `ModelFileError`.
  public func settle(_ identity: JSONObject) throws {
    var whole = identity
    if access(manifest, F_OK) == 0 {
      let bytes = try MappedFile(path: manifest).withBytes { Array($0) }
      guard let known = (try? JSON.parse(bytes))?["identity"]?.objectValue else {
        throw ComparisonError.notAComparison(path: path)
      }
      let differences = known.members.compactMap { key, then in
        identity[key].flatMap { $0 == then ? nil : Self.difference(key, then, $0) }
      }
      guard differences.isEmpty else {
        throw ComparisonError.changed(path: path, differences: differences)
      }
      for (key, value) in known.members { whole[key] = value }
    }
    let json: JSONObject = ["format_version": 1, "identity": .object(whole)]
    try write(JSONValue.object(json).serialized(pretty: true) + "\n", to: manifest)
  }
}

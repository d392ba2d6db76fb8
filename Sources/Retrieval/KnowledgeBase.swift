internal import Serialization

#if canImport(Glibc)
  internal import Glibc
#endif

/// Passages of documents in one SQLite file, searchable by words and by meaning.
///
/// Words are in an FTS5 table, vectors in a table beside it. A file's passages are replaced in one transaction, so who
/// reads meanwhile sees the old ones or the new ones. While it is written the file has a write-ahead log beside it, so
/// that nobody waits; when the writer is done the file stands alone and can be read on a medium that cannot be written.
public final class KnowledgeBase {
  /// `LKKB`.
  private static let applicationID = 0x4C4B_4B42
  private static let version = 1

  /// The file.
  public let path: String
  let database: Database
  let vectors: VectorTable
  private let isWriting: Bool
  /// Whether this object made the file.
  private var isNew = false

  /// What the vectors were made by; nil where there are none.
  public private(set) var encoder: EncoderIdentity?

  /// Opens a knowledge base to search it.
  ///
  /// - Throws: ``RetrievalError`` where there is none, or what is there is something else.
  public init(reading path: String) throws(RetrievalError) {
    guard access(path, F_OK) == 0 else { throw .missing(path: path) }
    self.path = path
    isWriting = false
    database = try Database(path: path, .reading)
    vectors = VectorTable(database)
    try checkKind()
    encoder = try storedEncoder()
  }

  /// Opens a knowledge base to add to it; makes it where there is none.
  ///
  /// A file that was made and into which nothing is put is removed with the object.
  ///
  /// - Throws: ``RetrievalError``.
  public init(writing path: String) throws(RetrievalError) {
    self.path = path
    isWriting = true
    let exists = access(path, F_OK) == 0
    database = try Database(path: path, .writing)
    vectors = VectorTable(database)
    // A process that ended while it made the file left one without tables.
    if try header("SELECT count(*) FROM sqlite_schema") == 0,
      try header("PRAGMA application_id") == 0
    {
      isNew = !exists
      try create()
    } else {
      try checkKind()
    }
    try database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
    encoder = try storedEncoder()
  }

  deinit {
    guard isWriting else { return }
    do throws(RetrievalError) {
      if isNew, try passageCount() == 0 {
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
      } else {
        try database.executeWithoutWaiting("PRAGMA journal_mode = DELETE")
      }
    } catch {
      // Somebody reads: the log stays beside the file, and the next writer takes it in.
    }
  }

  private func create() throws(RetrievalError) {
    try database.execute(
      """
      BEGIN IMMEDIATE;
      PRAGMA application_id = \(Self.applicationID);
      PRAGMA user_version = \(Self.version);
      CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE files (
        id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, origin TEXT NOT NULL);
      CREATE TABLE passages (
        id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
        title TEXT NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL,
        text TEXT NOT NULL, metadata TEXT NOT NULL);
      CREATE INDEX passages_of_file ON passages (file);
      CREATE TABLE vectors (
        passage INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE, vector BLOB NOT NULL);
      CREATE VIRTUAL TABLE words USING fts5 (
        title, text, content = 'passages', content_rowid = 'id',
        tokenize = 'porter unicode61 remove_diacritics 2');
      COMMIT;
      """)
  }

  private func checkKind() throws(RetrievalError) {
    guard try header("PRAGMA application_id") == Self.applicationID else {
      let isEmpty = try header("SELECT count(*) FROM sqlite_schema") == 0
      throw .notAKnowledgeBase(
        path: path, reason: isEmpty ? "it is empty" : "a SQLite file of another program")
    }
    let found = try header("PRAGMA user_version")
    guard found == Self.version else {
      throw .otherVersion(path: path, found: found, known: Self.version)
    }
  }

  /// A number that every SQLite file has; where it cannot be read, the file is none.
  private func header(_ sql: String) throws(RetrievalError) -> Int {
    do throws(RetrievalError) {
      return try database.integer(sql)
    } catch {
      guard case .damaged(_, let reason) = error else { throw error }
      throw .notAKnowledgeBase(path: path, reason: reason)
    }
  }

  private func storedEncoder() throws(RetrievalError) -> EncoderIdentity? {
    let statement = try database.prepare("SELECT value FROM settings WHERE key = ?")
    func setting(_ key: String) throws(RetrievalError) -> String? {
      try statement.bind(.text(key))
      return try statement.step() ? statement.text(0) : nil
    }
    guard let name = try setting("encoder") else { return nil }
    return EncoderIdentity(
      name: name, fingerprint: try setting("fingerprint") ?? "",
      dimensions: Int(try setting("dimensions") ?? "") ?? 0)
  }

  /// Checks that vectors of an encoder can be compared with those of this knowledge base, if there are any.
  ///
  /// - Throws: ``RetrievalError/otherEncoder(path:found:asked:)``.
  public func check(_ other: EncoderIdentity?) throws(RetrievalError) {
    guard let encoder, let other, !encoder.isSame(as: other) else { return }
    throw .otherEncoder(path: path, found: encoder.name, asked: other.name)
  }

  /// Says what the vectors of this knowledge base are made by.
  ///
  /// - Throws: ``RetrievalError/otherEncoder(path:found:asked:)`` where it has vectors of another.
  public func use(_ other: EncoderIdentity) throws(RetrievalError) {
    try check(other)
    guard encoder == nil else { return }
    try database.transaction { () throws(RetrievalError) in
      let statement = try database.prepare("INSERT OR REPLACE INTO settings VALUES (?, ?)")
      try statement.run(.text("encoder"), .text(other.name))
      try statement.run(.text("fingerprint"), .text(other.fingerprint))
      try statement.run(.text("dimensions"), .text("\(other.dimensions)"))
    }
    encoder = other
  }

  /// How many passages there are.
  public func passageCount() throws(RetrievalError) -> Int {
    try database.integer("SELECT count(*) FROM passages")
  }

  /// The files that are indexed, each with what its passages follow from.
  public func files() throws(RetrievalError) -> [String: String] {
    let statement = try database.prepare("SELECT path, origin FROM files")
    var files: [String: String] = [:]
    while try statement.step() { files[statement.text(0)] = statement.text(1) }
    return files
  }

  /// A piece of a document that is to be found.
  public struct NewPassage: Sendable {
    /// What its document is called.
    public var title: String
    /// The lines of the file that it stands on.
    public var lines: ClosedRange<Int>
    /// Its text.
    public var text: String
    /// What else its document said of itself.
    public var metadata: [String: String]
    /// Its vector, of length 1; nil where there is no encoder.
    public var vector: [Float]?

    /// Describes a passage.
    public init(
      title: String, lines: ClosedRange<Int>, text: String, metadata: [String: String] = [:],
      vector: [Float]? = nil
    ) {
      self.title = title
      self.lines = lines
      self.text = text
      self.metadata = metadata
      self.vector = vector
    }
  }

  /// Puts the passages of a file in the place of those that were there.
  ///
  /// - Parameter origin: what the passages follow from; where it is the same, so are they.
  /// - Throws: ``RetrievalError``; the old ones are then still there.
  public func replace(
    _ file: String, origin: String, with passages: [NewPassage]
  ) throws(RetrievalError) {
    try database.transaction { () throws(RetrievalError) in
      try forget(file)
      try database.prepare("INSERT INTO files (path, origin) VALUES (?, ?)").run(
        .text(file), .text(origin))
      let id = database.lastInsertedRow
      let insert = try database.prepare(
        "INSERT INTO passages (file, title, first_line, last_line, text, metadata) VALUES (?, ?, ?, ?, ?, ?)"
      )
      let insertWords = try database.prepare(
        "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)")
      let insertVector = try database.prepare("INSERT INTO vectors VALUES (?, ?)")
      for passage in passages {
        let metadata = JSONValue.object(
          JSONObject(passage.metadata.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))
        try insert.run(
          .integer(id), .text(passage.title), .integer(passage.lines.lowerBound),
          .integer(passage.lines.upperBound), .text(passage.text), .text(metadata.serialized()))
        let passageID = database.lastInsertedRow
        try insertWords.run(.integer(passageID), .text(passage.title), .text(passage.text))
        guard let vector = passage.vector else { continue }
        let bytes = vector.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        try insertVector.run(.integer(passageID), .bytes(bytes))
      }
    }
  }

  /// Removes a file and its passages.
  public func remove(_ file: String) throws(RetrievalError) {
    try database.transaction { () throws(RetrievalError) in try forget(file) }
  }

  /// Removes a file with all that follows from it.
  ///
  /// Triggers could do so, but in a file that a stranger may have made none is to run.
  private func forget(_ file: String) throws(RetrievalError) {
    try database.prepare(
      "INSERT INTO words (words, rowid, title, text) SELECT 'delete', p.id, p.title, p.text FROM passages p JOIN files f ON f.id = p.file WHERE f.path = ?"
    ).run(.text(file))
    try database.prepare("DELETE FROM files WHERE path = ?").run(.text(file))
  }

  /// A passage by its number.
  func passage(_ id: Int) throws(RetrievalError) -> Passage? {
    let statement = try database.prepare(
      "SELECT p.id, f.path, p.title, p.first_line, p.last_line, p.text, p.metadata FROM passages p JOIN files f ON f.id = p.file WHERE p.id = ?"
    )
    try statement.bind(.integer(id))
    guard try statement.step() else { return nil }
    let first = statement.integer(3)
    return Passage(
      id: id, path: statement.text(1), title: statement.text(2),
      lines: first...max(first, statement.integer(4)), text: statement.text(5),
      metadata: Self.metadata(statement.text(6)))
  }

  static func metadata(_ text: String) -> [String: String] {
    let members = (try? JSON.parse(text))?.objectValue?.members ?? []
    return Dictionary(
      members.compactMap { key, value in value.stringValue.map { (key, $0) } },
      uniquingKeysWith: { $1 })
  }
}

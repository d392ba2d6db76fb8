internal import Serialization

#if canImport(Glibc)
  internal import Glibc
#endif

/// Passages of documents in one SQLite file, searchable by words and by meaning.
///
/// Words are in an FTS5 table, vectors in a table beside it. A file's passages are replaced in one transaction, so who
/// reads meanwhile sees the old ones or the new ones.
public final class KnowledgeBase {
  /// `LKKB`.
  private static let applicationID = 0x4C4B_4B42
  private static let version = 1

  /// The file.
  public let path: String
  let database: Database

  /// What the vectors were made by; nil where there are none.
  public private(set) var encoder: String?
  /// How many numbers a vector has.
  public private(set) var dimensions = 0

  /// Opens a knowledge base to search it.
  ///
  /// - Throws: ``RetrievalError`` where there is none, or what is there is something else.
  public init(reading path: String) throws(RetrievalError) {
    guard access(path, F_OK) == 0 else { throw .missing(path: path) }
    self.path = path
    database = try Database(path: path, .reading)
    try checkKind()
    try readSettings()
  }

  /// Opens a knowledge base to add to it; makes it where there is none.
  ///
  /// - Throws: ``RetrievalError``.
  public init(writing path: String) throws(RetrievalError) {
    self.path = path
    let isNew = access(path, F_OK) != 0
    database = try Database(path: path, .writing)
    if isNew {
      do {
        try create()
      } catch {
        unlink(path)
        throw error
      }
    } else {
      try checkKind()
    }
    try database.execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL")
    try readSettings()
  }

  private func create() throws(RetrievalError) {
    try database.execute(
      """
      PRAGMA journal_mode = WAL;
      PRAGMA application_id = \(Self.applicationID);
      PRAGMA user_version = \(Self.version);
      CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE files (
        id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, hash TEXT NOT NULL);
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
      CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
        INSERT INTO words (rowid, title, text) VALUES (new.id, new.title, new.text);
      END;
      CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
        INSERT INTO words (words, rowid, title, text)
          VALUES ('delete', old.id, old.title, old.text);
      END;
      """)
  }

  private func checkKind() throws(RetrievalError) {
    let kind: Int
    do {
      kind = try database.integer("PRAGMA application_id")
    } catch {
      throw .notAKnowledgeBase(path: path, reason: "no SQLite file, or damaged")
    }
    guard kind == Self.applicationID else {
      throw .notAKnowledgeBase(path: path, reason: "a SQLite file of another program")
    }
    let found = try database.integer("PRAGMA user_version")
    guard found == Self.version else {
      throw .otherVersion(path: path, found: found, known: Self.version)
    }
  }

  private func readSettings() throws(RetrievalError) {
    encoder = try setting("encoder")
    dimensions = try setting("dimensions").flatMap(Int.init) ?? 0
  }

  private func setting(_ key: String) throws(RetrievalError) -> String? {
    let statement = try database.prepare("SELECT value FROM settings WHERE key = ?")
    try statement.bind(.text(key))
    return try statement.step() ? statement.text(0) : nil
  }

  /// Says what the vectors of this knowledge base are made by.
  ///
  /// - Throws: ``RetrievalError/otherEncoder(path:found:asked:)`` where it has vectors of another.
  public func use(encoder name: String, dimensions count: Int) throws(RetrievalError) {
    if let encoder {
      guard encoder == name, dimensions == count else {
        throw .otherEncoder(path: path, found: encoder, asked: name)
      }
      return
    }
    let statement = try database.prepare("INSERT OR REPLACE INTO settings VALUES (?, ?)")
    try statement.run(.text("encoder"), .text(name))
    try statement.run(.text("dimensions"), .text("\(count)"))
    (encoder, dimensions) = (name, count)
  }

  /// How the passages are cut; nil where nothing was indexed yet.
  public func splitting() throws(RetrievalError) -> String? { try setting("splitting") }

  /// Notes how the passages are cut.
  public func use(splitting: String) throws(RetrievalError) {
    try database.prepare("INSERT OR REPLACE INTO settings VALUES ('splitting', ?)").run(
      .text(splitting))
  }

  /// How many passages there are.
  public func passageCount() throws(RetrievalError) -> Int {
    try database.integer("SELECT count(*) FROM passages")
  }

  /// The files that are indexed, each with what its content hashed to.
  public func files() throws(RetrievalError) -> [String: String] {
    let statement = try database.prepare("SELECT path, hash FROM files")
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
  public func replace(_ file: String, hash: String, with passages: [NewPassage]) throws {
    try database.transaction {
      try database.prepare("DELETE FROM files WHERE path = ?").run(.text(file))
      try database.prepare("INSERT INTO files (path, hash) VALUES (?, ?)").run(
        .text(file), .text(hash))
      let id = database.lastInsertedRow
      let insert = try database.prepare(
        "INSERT INTO passages (file, title, first_line, last_line, text, metadata) VALUES (?, ?, ?, ?, ?, ?)"
      )
      let insertVector = try database.prepare("INSERT INTO vectors VALUES (?, ?)")
      for passage in passages {
        let metadata = JSONValue.object(
          JSONObject(passage.metadata.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))
        try insert.run(
          .integer(id), .text(passage.title), .integer(passage.lines.lowerBound),
          .integer(passage.lines.upperBound), .text(passage.text), .text(metadata.serialized()))
        guard let vector = passage.vector else { continue }
        let bytes = vector.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        try insertVector.run(.integer(database.lastInsertedRow), .bytes(bytes))
      }
    }
  }

  /// Removes a file and its passages.
  public func remove(_ file: String) throws {
    try database.transaction {
      try database.prepare("DELETE FROM files WHERE path = ?").run(.text(file))
    }
  }

  /// The passages of these numbers, in their order; a number that is gone is left out.
  func passages(_ ids: [Int]) throws(RetrievalError) -> [Passage] {
    let statement = try database.prepare(
      "SELECT p.id, f.path, p.title, p.first_line, p.last_line, p.text, p.metadata FROM passages p JOIN files f ON f.id = p.file WHERE p.id = ?"
    )
    var passages: [Passage] = []
    for id in ids {
      try statement.bind(.integer(id))
      guard try statement.step() else { continue }
      let first = statement.integer(3)
      passages.append(
        Passage(
          id: statement.integer(0), path: statement.text(1), title: statement.text(2),
          lines: first...max(first, statement.integer(4)), text: statement.text(5),
          metadata: Self.metadata(statement.text(6))))
    }
    return passages
  }

  static func metadata(_ text: String) -> [String: String] {
    let members = (try? JSON.parse(text))?.objectValue?.members ?? []
    return Dictionary(
      members.compactMap { key, value in value.stringValue.map { (key, $0) } },
      uniquingKeysWith: { $1 })
  }
}

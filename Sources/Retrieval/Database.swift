internal import CSQLite

/// A connection to a SQLite file.
final class Database {
  let path: String
  private let handle: OpaquePointer
  /// How long another process is waited for, in milliseconds.
  private static let patience: Int32 = 5_000

  /// How a file is opened.
  enum Access {
    /// It must exist.
    case reading
    /// It is made where it does not exist.
    case writing
  }

  /// Opens a file.
  ///
  /// - Throws: ``RetrievalError``.
  init(path: String, _ access: Access) throws(RetrievalError) {
    self.path = path
    var handle: OpaquePointer?
    let flags =
      (access == .reading ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
      | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &handle, flags, nil)
    guard code == SQLITE_OK, let handle else {
      let reason = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close(handle)
      throw .system(path: path, reason: "cannot be opened (\(reason))")
    }
    self.handle = handle
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, Self.patience)
    // A file may claim anything: what it defines may not call functions with effects, and no value is larger than this.
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 28)
    try execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give nothing back.
  func execute(_ sql: String) throws(RetrievalError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code) }
  }

  /// Runs statements that fail at once where somebody else uses the file.
  func executeWithoutWaiting(_ sql: String) throws(RetrievalError) {
    sqlite3_busy_timeout(handle, 0)
    defer { sqlite3_busy_timeout(handle, Self.patience) }
    try execute(sql)
  }

  /// Prepares one statement.
  func prepare(_ sql: String) throws(RetrievalError) -> Statement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
    guard code == SQLITE_OK, let statement else { throw error(code) }
    return Statement(statement, of: self)
  }

  /// The integer that one statement gives.
  func integer(_ sql: String) throws(RetrievalError) -> Int {
    let statement = try prepare(sql)
    return try statement.step() ? statement.integer(0) : 0
  }

  /// Runs `body` as a whole or not at all.
  func transaction<Result>(_ body: () throws(RetrievalError) -> Result) throws(RetrievalError)
    -> Result
  {
    try within("BEGIN IMMEDIATE", body)
  }

  /// Runs `body`, which only reads, on the file as it was when that began.
  func snapshot<Result>(_ body: () throws(RetrievalError) -> Result) throws(RetrievalError)
    -> Result
  {
    try within("BEGIN", body)
  }

  private func within<Result>(
    _ begin: String, _ body: () throws(RetrievalError) -> Result
  ) throws(RetrievalError) -> Result {
    try execute(begin)
    do throws(RetrievalError) {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // What went wrong is said; that a full disk has ended the transaction already is not worth saying.
      sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
      throw error
    }
  }

  /// The identity of the row that was inserted last.
  var lastInsertedRow: Int { Int(sqlite3_last_insert_rowid(handle)) }

  /// How many rows this connection has changed.
  var changeCount: Int { Int(sqlite3_total_changes(handle)) }

  fileprivate func error(_ code: Int32) -> RetrievalError {
    let reason = String(cString: sqlite3_errmsg(handle))
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED: return .busy(path: path)
    case SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN:
      return .system(path: path, reason: "cannot be read or written (\(reason))")
    default: return .damaged(path: path, reason: reason)
    }
  }

  /// A prepared statement; parameters and columns are counted as SQLite does, from 1 and from 0.
  final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    init(_ handle: OpaquePointer, of database: Database) {
      self.handle = handle
      self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// SQLite copies what is bound; Swift cannot import the macro that says so.
    private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// Binds all parameters and goes back to the start.
    func bind(_ values: Value...) throws(RetrievalError) {
      sqlite3_reset(handle)
      for (offset, value) in values.enumerated() { try bind(value, at: Int32(offset + 1)) }
    }

    /// Binds, and runs to the end.
    func run(_ values: Value...) throws(RetrievalError) {
      sqlite3_reset(handle)
      for (offset, value) in values.enumerated() { try bind(value, at: Int32(offset + 1)) }
      while try step() {}
    }

    private func bind(_ text: String, at index: Int32) -> Int32 {
      // From a pointer to nothing SQLite would make NULL.
      text.isEmpty
        ? sqlite3_bind_text(handle, index, "", 0, Self.copies)
        : text.withCString {
          sqlite3_bind_text(handle, index, $0, Int32(clamping: text.utf8.count), Self.copies)
        }
    }

    /// Goes to the next row; false where there is none.
    func step() throws(RetrievalError) -> Bool {
      let code = sqlite3_step(handle)
      switch code {
      case SQLITE_ROW: return true
      case SQLITE_DONE: return false
      default: throw database.error(code)
      }
    }

    private func bind(_ value: Value, at index: Int32) throws(RetrievalError) {
      let code =
        switch value {
        case .integer(let integer): sqlite3_bind_int64(handle, index, Int64(integer))
        case .text(let text): bind(text, at: index)
        case .bytes(let bytes):
          bytes.withUnsafeBytes {
            sqlite3_bind_blob(
              handle, index, $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1),
              Int32(clamping: $0.count), Self.copies)
          }
        }
      guard code == SQLITE_OK else { throw database.error(code) }
    }

    func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    func number(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

    func text(_ column: Int32) -> String {
      guard let text = sqlite3_column_text(handle, column) else { return "" }
      let count = Int(sqlite3_column_bytes(handle, column))
      return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    /// The bytes of a column, valid until the next step.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(
        start: sqlite3_column_blob(handle, column),
        count: Int(sqlite3_column_bytes(handle, column)))
    }
  }

  /// What a parameter may be.
  enum Value {
    case integer(Int)
    case text(String)
    case bytes([UInt8])
  }
}

import CSQLite

/// What SQLite opened, closed with the last of the connection and its statements.
final class OpenDatabase {
  let handle: OpaquePointer

  init(handle: OpaquePointer) { self.handle = handle }

  deinit { sqlite3_close_v2(handle) }
}

/// One connection to one SQLite file: WAL, a busy timeout, foreign keys, cached statements.
///
/// A connection is used by one thread at a time: keep it in a `SharedConnection`, or inside one
/// function. It is therefore opened without SQLite's own mutexes (`SQLITE_OPEN_NOMUTEX`,
/// https://sqlite.org/threadsafe.html). Several connections, in several processes, may read while
/// one writes (https://sqlite.org/wal.html).
package final class Connection {
  package enum Mode: Sendable {
    /// Create the file where it is missing; its folder must exist.
    case readWrite
    /// Never write. On a folder that may not be written the file is opened as immutable, which is
    /// right only while nobody else writes it.
    case readOnly
    /// Never write, and read on where the file is shorter than it says: for what is left of a damaged one.
    case salvage
  }

  package let path: String
  package let mode: Mode
  let database: OpenDatabase
  var handle: OpaquePointer { database.handle }
  private var cache: [String: Statement] = [:]
  private var depth = 0
  /// Whether the functions of FullText.swift are known to this connection.
  var hasFullText = false
  /// Set by `useFastTokenizer`.
  var tokenizer: PorterTokenizer.Registration?
  /// Set by `checkpointInBackground`.
  var checkpoints: BackgroundCheckpoint?

  /// - Parameters:
  ///   - busyTimeout: milliseconds to wait for another process's lock: a writer's, or that of the last
  ///     process to leave, which takes the whole file for a moment.
  ///   - pageSize: bytes, used only when the file is created.
  /// - Throws: `DatabaseError` when the file cannot be opened or is no database.
  package init(
    path: String, mode: Mode = .readWrite, busyTimeout: Int32 = 10_000, pageSize: Int = 8192
  ) throws(DatabaseError) {
    self.path = path
    self.mode = mode
    _ = Self.configured
    switch mode {
    case .readWrite:
      database = OpenDatabase(
        handle: try Self.open(
          path, uri: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
          busyTimeout))
    case .readOnly: database = OpenDatabase(handle: try Self.openForReading(path, busyTimeout))
    case .salvage:
      database = OpenDatabase(
        handle: try Self.open(
          path, uri: path, flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, busyTimeout))
      try execute("PRAGMA writable_schema=ON")
    }
    if mode == .readWrite {
      // SQLite falls back to reading when the file may not be written, and says nothing.
      if sqlite3_db_readonly(handle, "main") == 1 {
        throw DatabaseError.from(SQLITE_READONLY, detail: "no write permission", path: path)
      }
      // Order matters: page size and vacuum mode are fixed by the first write, which WAL makes.
      try execute("PRAGMA page_size=\(pageSize)")
      try execute("PRAGMA auto_vacuum=INCREMENTAL")
      try execute("PRAGMA journal_mode=WAL")
      try execute("PRAGMA synchronous=NORMAL")
      try execute("PRAGMA journal_size_limit=67108864")
      // Pages: a page that changes often is copied back, and waited for, less often.
      try execute("PRAGMA wal_autocheckpoint=4000")
      // KiB: FTS5's merges read again what was written a moment ago.
      try execute("PRAGMA cache_size=-65536")
    }
    if mode == .readOnly {
      // Pages are read where they lie instead of being copied (https://sqlite.org/mmap.html). A reader's
      // state keeps the file from being cut below it.
      try execute("PRAGMA mmap_size=2147418112")
    } else {
      // Looks at every cell of a page whenever it is read: a third of the time of a search.
      try execute("PRAGMA cell_size_check=ON")
    }
    try execute("PRAGMA foreign_keys=ON")
    try execute("PRAGMA trusted_schema=OFF")
    try execute("PRAGMA temp_store=MEMORY")
  }

  /// Once a process, before anything else of SQLite is used.
  private static let configured = carrel_without_memory_statistics()

  static func open(
    _ path: String, uri: String, flags: Int32, _ busyTimeout: Int32
  ) throws(DatabaseError) -> OpaquePointer {
    var handle: OpaquePointer?
    let result = sqlite3_open_v2(uri, &handle, flags, nil)
    guard result == SQLITE_OK, let handle else {
      let detail = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      let extended = handle.map { sqlite3_extended_errcode($0) } ?? result
      sqlite3_close_v2(handle)
      throw DatabaseError.from(extended, detail: detail, path: path)
    }
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, busyTimeout)
    return handle
  }

  /// Opens for reading, as immutable where WAL's side files cannot be made.
  private static func openForReading(
    _ path: String, _ busyTimeout: Int32
  ) throws(DatabaseError) -> OpaquePointer {
    let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
    let handle = try open(path, uri: path, flags: flags, busyTimeout)
    let probe = sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nil, nil, nil)
    if probe == SQLITE_OK { return handle }
    let detail = String(cString: sqlite3_errmsg(handle))
    sqlite3_close_v2(handle)
    guard probe & 0xff == SQLITE_CANTOPEN || probe & 0xff == SQLITE_READONLY else {
      throw DatabaseError.from(probe, detail: detail, path: path)
    }
    return try open(
      path, uri: "file:" + percentEncoded(path) + "?immutable=1", flags: flags | SQLITE_OPEN_URI,
      busyTimeout)
  }

  /// Escapes what a `file:` URI would read as syntax (https://sqlite.org/uri.html).
  private static func percentEncoded(_ path: String) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in path.utf8 {
      if byte == 0x25 || byte == 0x3f || byte == 0x23 || byte > 0x7e || byte <= 0x20 {
        bytes += [0x25, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  func error(_ result: Int32, sql: String? = nil) -> DatabaseError {
    DatabaseError.from(
      result, detail: String(cString: sqlite3_errmsg(handle)), path: path, sql: sql)
  }

  /// Runs one or several statements that return nothing of interest.
  package func execute(_ sql: String) throws(DatabaseError) {
    let result = sqlite3_exec(handle, sql, nil, nil, nil)
    if result != SQLITE_OK { throw error(sqlite3_extended_errcode(handle), sql: sql) }
  }

  /// A statement from the cache, reset and with its parameters cleared; compiled on first use.
  package func statement(_ sql: String) throws(DatabaseError) -> Statement {
    if let cached = cache[sql] {
      cached.reset()
      return cached
    }
    let fresh = try Statement(self, sql)
    cache[sql] = fresh
    return fresh
  }

  /// The first column of the first row as an integer, or nil when there is no row.
  package func integer(_ sql: String) throws(DatabaseError) -> Int64? {
    let statement = try statement(sql)
    defer { statement.reset() }
    return try statement.step() ? statement.integer(0) : nil
  }

  /// The first column of the first row as text, or nil when there is no row or it is NULL.
  package func text(_ sql: String) throws(DatabaseError) -> String? {
    let statement = try statement(sql)
    defer { statement.reset() }
    return try statement.step() ? statement.optionalText(0) : nil
  }

  package var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }
  package var changedRows: Int { Int(sqlite3_changes(handle)) }
  /// Rows changed since the connection was opened.
  package var totalChanges: Int { Int(sqlite3_total_changes(handle)) }

  /// Stops the statement that runs on this connection, from any thread (`sqlite3_interrupt`).
  package func interrupt() { sqlite3_interrupt(handle) }

  /// Runs `body` in one write transaction, undone when it throws. Inside another it is a savepoint.
  package func transaction<R>(_ body: () throws -> R) throws -> R {
    try nested(begin: depth == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT s\(depth)", body)
  }

  /// Runs `body` on one consistent state of the database, whatever others commit meanwhile.
  package func snapshot<R>(_ body: () throws -> R) throws -> R {
    try nested(begin: depth == 0 ? "BEGIN" : "SAVEPOINT s\(depth)", body)
  }

  private func nested<R>(begin: String, _ body: () throws -> R) throws -> R {
    let level = depth
    try execute(begin)
    depth += 1
    defer { depth = level }
    do {
      let value = try body()
      try execute(level == 0 ? "COMMIT" : "RELEASE s\(level)")
      return value
    } catch {
      // Some errors (disk full, I/O) end the transaction themselves; then this has nothing to do.
      if sqlite3_get_autocommit(handle) == 0 {
        for statement in cache.values { statement.reset() }
        try? execute(level == 0 ? "ROLLBACK" : "ROLLBACK TO s\(level); RELEASE s\(level)")
      }
      throw error
    }
  }
}

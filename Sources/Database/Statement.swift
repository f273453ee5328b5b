import CSQLite

/// A compiled statement, finalised with the last reference to it.
///
/// Parameters are numbered from 1, columns from 0, as in SQLite. Bound bytes are copied unless the
/// method says that they are lent.
package final class Statement {
  // Not the connection itself: that keeps its statements, and neither would ever end.
  private let database: OpenDatabase
  private let path: String
  private let handle: OpaquePointer
  package let sql: String

  /// Compiles the first statement of `sql`.
  package init(_ connection: Connection, _ sql: String) throws(DatabaseError) {
    var handle: OpaquePointer?
    let result = sqlite3_prepare_v3(
      connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard result == SQLITE_OK, let handle else { throw connection.error(result, sql: sql) }
    database = connection.database
    path = connection.path
    self.handle = handle
    self.sql = sql
  }

  deinit { sqlite3_finalize(handle) }

  /// Makes the statement ready to run again, with every parameter NULL.
  package func reset() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  /// Advances by one row. Returns false when there are no more.
  package func step() throws(DatabaseError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      let error = error(sqlite3_extended_errcode(sqlite3_db_handle(handle)))
      sqlite3_reset(handle)
      throw error
    }
  }

  /// Runs a statement that returns no rows, and resets it.
  package func run() throws(DatabaseError) {
    while try step() {}
    reset()
  }

  private func check(_ result: Int32) throws(DatabaseError) {
    if result != SQLITE_OK { throw error(result) }
  }

  private func error(_ result: Int32) -> DatabaseError {
    DatabaseError.from(
      result, detail: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle))), path: path,
      sql: sql)
  }
}

// Parameters.
extension Statement {
  @discardableResult
  package func bind(_ index: Int32, _ value: Int64) throws(DatabaseError) -> Statement {
    try check(sqlite3_bind_int64(handle, index, value))
    return self
  }

  @discardableResult
  package func bind(_ index: Int32, _ value: Int) throws(DatabaseError) -> Statement {
    try bind(index, Int64(value))
  }

  @discardableResult
  package func bind(_ index: Int32, _ value: Int64?) throws(DatabaseError) -> Statement {
    if let value { return try bind(index, value) }
    return try bindNull(index)
  }

  @discardableResult
  package func bind(_ index: Int32, _ value: Double) throws(DatabaseError) -> Statement {
    try check(sqlite3_bind_double(handle, index, value))
    return self
  }

  @discardableResult
  package func bind(_ index: Int32, _ value: String?) throws(DatabaseError) -> Statement {
    guard var value else { return try bindNull(index) }
    let result = value.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) {
        carrel_bind_text(handle, index, $0.baseAddress ?? Self.empty, Int32(clamping: $0.count))
      }
    }
    try check(result)
    return self
  }

  @discardableResult
  package func bind(_ index: Int32, _ blob: [UInt8]) throws(DatabaseError) -> Statement {
    try check(
      blob.withUnsafeBytes {
        carrel_bind_blob(
          handle, index, $0.baseAddress ?? UnsafeRawPointer(Self.empty), UInt64($0.count))
      })
    return self
  }

  @discardableResult
  package func bindNull(_ index: Int32) throws(DatabaseError) -> Statement {
    try check(sqlite3_bind_null(handle, index))
    return self
  }

  /// Lends UTF-8 bytes: they must stay where they are until the statement is reset.
  package func bindLentText(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws(DatabaseError) {
    let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? Self.empty
    guard let count = Int32(exactly: bytes.count) else {
      throw error(SQLITE_TOOBIG)
    }
    try check(sqlite3_bind_text(handle, index, start, count, nil))
  }

  /// Lends bytes: they must stay where they are until the statement is reset.
  package func bindLentBlob(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws(DatabaseError) {
    let start = bytes.baseAddress ?? UnsafeRawPointer(Self.empty)
    try check(sqlite3_bind_blob64(handle, index, start, UInt64(bytes.count), nil))
  }

  /// Lends an object of ours to a function of ours; SQL cannot see it
  /// (https://sqlite.org/bindptr.html).
  func bindPointer(_ index: Int32, _ pointer: UnsafeMutableRawPointer) throws(DatabaseError) {
    try check(sqlite3_bind_pointer(handle, index, pointer, Self.pointerType, nil))
  }

  /// SQLite compares the text, and keeps the address: it must live as long as the process.
  nonisolated(unsafe) static let pointerType = lasting("carrel")
  /// What FTS5 calls its own interface.
  nonisolated(unsafe) static let interfaceType = lasting("fts5_api_ptr")

  private static func lasting(_ text: String) -> UnsafePointer<CChar> {
    let name = text.utf8CString
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: name.count)
    _ = bytes.initialize(from: name)
    return UnsafePointer(bytes.baseAddress!)
  }

  /// A null pointer would bind NULL; an empty value needs an address.
  nonisolated(unsafe) private static let empty: UnsafePointer<CChar> = {
    let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return UnsafePointer(byte)
  }()
}

// Columns of the current row.
extension Statement {
  package func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  package func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
  package func isNull(_ column: Int32) -> Bool {
    sqlite3_column_type(handle, column) == SQLITE_NULL
  }
  package func optionalInteger(_ column: Int32) -> Int64? {
    isNull(column) ? nil : integer(column)
  }

  /// Text; invalid UTF-8 is repaired, NULL is "".
  package func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  package func optionalText(_ column: Int32) -> String? {
    isNull(column) ? nil : text(column)
  }

  package func blob(_ column: Int32) -> [UInt8] { withBlob(column) { Array($0) } }

  /// Lends the column's bytes for the length of `body`.
  package func withBlob<R>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows
    -> R
  {
    let start = sqlite3_column_blob(handle, column)
    let count = Int(sqlite3_column_bytes(handle, column))
    return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
  }
}

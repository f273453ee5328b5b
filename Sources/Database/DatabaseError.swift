import CSQLite

/// What went wrong in the database, as one sentence a user can act on.
///
/// `extendedCode` is SQLite's extended result code (https://sqlite.org/rescode.html), 0 where the
/// refusal is ours (`.newerSchema`, `.foreignFile`).
package struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    case cannotOpen, permission, readOnly, busy, diskFull, corrupt, notADatabase
    case newerSchema, foreignFile, constraint, interrupted, inputOutput, tooBig, other
  }

  package let code: Code
  package let extendedCode: Int32
  package let message: String
  package let path: String
  /// The statement that failed, shortened; nil where no statement was involved.
  package let sql: String?

  package init(
    _ code: Code, _ message: String, path: String, extendedCode: Int32 = 0, sql: String? = nil
  ) {
    self.code = code
    self.extendedCode = extendedCode
    self.message = message
    self.path = path
    self.sql = sql
  }

  package var description: String { message }
}

extension DatabaseError {
  /// Whether what was to be written was refused, and other rows would not be: no sign of a full disk,
  /// a damaged file or another process.
  package var isAboutValues: Bool { code == .constraint || code == .tooBig }

  /// Turns SQLite's result code and message into a typed error.
  static func from(_ result: Int32, detail: String, path: String, sql: String? = nil) -> Self {
    let code = Code(extended: result)
    let shortSQL = sql.map { $0.count > 160 ? String($0.prefix(160)) + "…" : $0 }
    return DatabaseError(
      code, sentence(code, result: result, detail: detail, path: path, sql: shortSQL), path: path,
      extendedCode: result, sql: shortSQL)
  }

  private static func sentence(
    _ code: Code, result: Int32, detail: String, path: String, sql: String?
  ) -> String {
    switch code {
    case .cannotOpen:
      return "The database \(path) cannot be opened: \(detail). "
        + "Check that its folder exists and may be read and written."
    case .permission: return "Permission to use the database \(path) was denied: \(detail)."
    case .readOnly:
      return
        "The database \(path) is read-only here (\(detail)): the file or its folder may not be "
        + "written."
    case .busy:
      return "The database \(path) is being written by another process: \(detail). Try again when "
        + "that is done."
    case .diskFull:
      return "The disk that holds \(path) is full: nothing of the last change was kept. Free some "
        + "space and run the command again."
    case .corrupt:
      // Only the index can be made again from what it was made of.
      let advice =
        path.hasSuffix("/carrel.sqlite")
        ? "Build it anew with `carrel index rebuild`."
        : "Move it away: the next run makes a new one."
      return "The database \(path) is damaged (\(detail)). \(advice)"
    case .notADatabase:
      return "\(path) is not an SQLite database. Move it away, or choose another index folder."
    case .interrupted: return "The work on \(path) was interrupted; the last change was undone."
    case .inputOutput: return "Reading or writing \(path) failed: \(detail) (code \(result))."
    case .tooBig: return "A value is too large for the database \(path): \(detail)."
    case .constraint, .other, .newerSchema, .foreignFile:
      let context = sql.map { " in `\($0)`" } ?? ""
      return "The database \(path) refused a statement: \(detail) (code \(result))\(context)."
    }
  }
}

extension DatabaseError.Code {
  /// The primary code is the low byte of the extended one.
  init(extended result: Int32) {
    switch result & 0xff {
    case SQLITE_CANTOPEN: self = .cannotOpen
    case SQLITE_PERM, SQLITE_AUTH: self = .permission
    case SQLITE_READONLY: self = .readOnly
    case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
    case SQLITE_FULL: self = .diskFull
    case SQLITE_CORRUPT: self = .corrupt
    case SQLITE_NOTADB: self = .notADatabase
    case SQLITE_CONSTRAINT: self = .constraint
    case SQLITE_INTERRUPT: self = .interrupted
    case SQLITE_IOERR: self = .inputOutput
    case SQLITE_TOOBIG: self = .tooBig
    default: self = .other
    }
  }
}

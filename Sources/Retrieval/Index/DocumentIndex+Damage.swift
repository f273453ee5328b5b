import Database
import Glibc

// What is done about a database that cannot be read any more. All that was in it comes from the files,
// but the list of folders.
extension DocumentIndex {
  /// Puts an empty database with the same roots in the place of a damaged one, before the index is opened
  /// and rebuilt. Does nothing where there is none, or a sound one.
  /// - Throws: `RetrievalError.damaged` when the roots cannot be told either.
  package static func replaceIfDamaged(folder: String) throws {
    let folder = Paths.absolute(folder)
    let path = folder + "/carrel.sqlite"
    guard access(path, F_OK) == 0 else { return }
    let lock = try lock(folder: folder)
    defer { withExtendedLifetime(lock) {} }
    guard try isDamaged(path) else { return }
    guard let roots = try? roots(of: path) else {
      throw RetrievalError(
        .damaged,
        "The database \(path) is damaged, and so is its list of folders. Delete it, then index them "
          + "again with `carrel index add PATH`.", subject: path)
    }
    let fresh = path + ".new"
    for suffix in ["", "-wal", "-shm"] { unlink(fresh + suffix) }
    try makeEmpty(fresh, roots: roots)
    // A log that is not its own would be written into the new one.
    for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
    guard rename(fresh, path) == 0 else {
      let reason = String(cString: strerror(errno))
      throw RetrievalError(.io, "\(path) cannot be replaced: \(reason).", subject: path)
    }
  }

  private static func isDamaged(_ path: String) throws -> Bool {
    do {
      let connection = try IndexSchema.open(path, mode: .readWrite)
      return try connection.text("PRAGMA quick_check(1)") != "ok"
    } catch let error as DatabaseError {
      if error.code == .corrupt { return true }
      throw error
    }
  }

  private static func roots(of path: String) throws -> [String] {
    let connection = try Connection(path: path, mode: .salvage)
    let statement = try connection.statement("SELECT path FROM root ORDER BY path")
    var roots: [String] = []
    while try statement.step() { roots.append(statement.text(0)) }
    return roots
  }

  /// Closed when it returns: its log is in the file then.
  private static func makeEmpty(_ path: String, roots: [String]) throws {
    let connection = try IndexSchema.open(path, mode: .readWrite)
    try connection.transaction {
      for root in roots {
        try connection.statement("INSERT INTO root(path) VALUES(?)").bind(1, root).run()
      }
    }
  }
}

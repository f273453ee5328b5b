import Database
import Glibc
import TestSupport
import Testing

@Suite("Copying the log beside the writer")
struct BackgroundCheckpointTests {
  let folder = TemporaryFolder()

  private func size(_ suffix: String) -> Int {
    var info = stat()
    return stat(folder.database + suffix, &info) == 0 ? Int(info.st_size) : 0
  }

  /// Each row fills a page of the database with bytes of its own.
  private func write(_ rows: Range<Int>, to connection: Connection) throws {
    try connection.transaction {
      let insert = try connection.statement("INSERT INTO t(id, b) VALUES(?, ?)")
      for row in rows {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: row * 7), count: 8000)
        try insert.bind(1, row).bind(2, bytes).run()
      }
    }
  }

  private func sum(_ connection: Connection) throws -> Int64? {
    try connection.integer("SELECT sum(id * (unicode(substr(hex(b), 3, 1)) + 1)) FROM t")
  }

  @Test("What is committed comes to the database while the writer is open, and a reader finds all")
  func copies() throws {
    let connection = try Connection(path: folder.database)
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)")
    connection.checkpointInBackground()
    let reader = try Connection(path: folder.database, mode: .readOnly)
    for first in stride(from: 0, to: 3000, by: 250) {
      try write(first..<first + 250, to: connection)
      #expect(try reader.integer("SELECT count(*) FROM t") == Int64(first + 250))
    }
    connection.finishCheckpoint()
    #expect(size("") > 2000 * 8192)
    #expect(try sum(reader) == sum(connection))
    #expect(try connection.text("PRAGMA integrity_check") == "ok")
  }

  @Test("The log begins anew although the writer never rests, and one undone leaves nothing")
  func restarts() throws {
    let connection = try Connection(path: folder.database)
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)")
    connection.checkpointInBackground()
    for first in stride(from: 0, to: 12_000, by: 1000) {
      try write(first..<first + 1000, to: connection)
    }
    // 12,000 pages were written; 64 MiB are 8192.
    #expect(size("-wal") < 10_500 * 8192)
    struct Undone: Error {}
    #expect(throws: Undone.self) {
      try connection.transaction {
        try write(12_000..<13_000, to: connection)
        throw Undone()
      }
    }
    connection.finishCheckpoint()
    #expect(try connection.integer("SELECT count(*) FROM t") == 12_000)
    #expect(try connection.text("PRAGMA integrity_check") == "ok")
  }
}

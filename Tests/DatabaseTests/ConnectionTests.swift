import Database
import Glibc
import TestSupport
import Testing

/// A database in a folder of the test's own.
extension TemporaryFolder {
  var database: String { file("test.sqlite") }

  func write(_ bytes: [UInt8]) {
    let descriptor = open(database, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
  }
}

@Suite("Connections")
struct ConnectionTests {
  let folder = TemporaryFolder()

  private func table() throws -> Connection {
    let connection = try Connection(path: folder.database)
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB)")
    return connection
  }

  @Test("Opens in WAL mode with foreign keys on")
  func opensInWAL() throws {
    let connection = try table()
    #expect(try connection.text("PRAGMA journal_mode") == "wal")
    #expect(try connection.integer("PRAGMA foreign_keys") == 1)
    #expect(try connection.integer("PRAGMA auto_vacuum") == 2)
  }

  @Test("Closes its files with the last of the connection and its statements")
  func closes() throws {
    func isOpen() -> Bool {
      (0..<256).contains { number in
        var target = [CChar](repeating: 0, count: 4097)
        let count = max(0, readlink("/proc/self/fd/\(number)", &target, 4096))
        let bytes = target[..<count].map { UInt8(truncatingIfNeeded: $0) }
        return String(decoding: bytes, as: UTF8.self).hasPrefix(folder.path)
      }
    }
    var connection: Connection? = try table()
    var kept: Statement? = try connection?.statement("SELECT count(*) FROM t")
    _ = try connection?.integer("SELECT max(id) FROM t")
    connection = nil
    #expect(isOpen())
    #expect(try kept?.step() == true && kept?.integer(0) == 0)
    kept = nil
    #expect(!isOpen())
  }

  @Test("Keeps text with NUL, empty text, empty bytes and NULL apart")
  func roundTrip() throws {
    let connection = try table()
    let insert = try connection.statement("INSERT INTO t(a, b) VALUES(?, ?)")
    try insert.bind(1, "a\0b").bind(2, [1, 2, 3]).run()
    try insert.bind(1, "").bind(2, [UInt8]()).run()
    try insert.bind(1, String?.none).bindNull(2).run()
    let rows = try connection.statement("SELECT a, b FROM t ORDER BY id")
    #expect(try rows.step())
    #expect(rows.text(0) == "a\0b")
    #expect(rows.blob(1) == [1, 2, 3])
    #expect(try rows.step())
    #expect(rows.optionalText(0) == "")
    #expect(!rows.isNull(1) && rows.blob(1).isEmpty)
    #expect(try rows.step())
    #expect(rows.optionalText(0) == nil && rows.isNull(1))
    #expect(try !rows.step())
  }

  @Test("A cached statement starts anew with nothing bound")
  func cachedStatement() throws {
    let connection = try table()
    let sql = "SELECT ?"
    let first = try connection.statement(sql).bind(1, 7)
    #expect(try first.step())
    let second = try connection.statement(sql)
    #expect(first === second)
    #expect(try second.step())
    #expect(second.isNull(0))
  }

  @Test("A failed transaction leaves nothing, a failed inner one only the outer's")
  func transactions() throws {
    struct Stop: Error {}
    let connection = try table()
    #expect(throws: Stop.self) {
      try connection.transaction {
        try connection.execute("INSERT INTO t(a) VALUES('x')")
        throw Stop()
      }
    }
    #expect(try connection.integer("SELECT count(*) FROM t") == 0)
    try connection.transaction {
      try connection.execute("INSERT INTO t(a) VALUES('outer')")
      try? connection.transaction {
        try connection.execute("INSERT INTO t(a) VALUES('inner')")
        throw Stop()
      }
    }
    #expect(try connection.text("SELECT group_concat(a) FROM t") == "outer")
  }

  @Test("A snapshot does not see what another connection commits meanwhile")
  func snapshot() throws {
    let writer = try table()
    let reader = try Connection(path: folder.database, mode: .readOnly)
    try reader.snapshot {
      #expect(try reader.integer("SELECT count(*) FROM t") == 0)
      try writer.execute("INSERT INTO t(a) VALUES('x')")
      #expect(try reader.integer("SELECT count(*) FROM t") == 0)
    }
    #expect(try reader.integer("SELECT count(*) FROM t") == 1)
  }

  @Test("A second writer is told that the database is busy")
  func busy() throws {
    let first = try table()
    let second = try Connection(path: folder.database, busyTimeout: 1)
    try first.transaction {
      try first.execute("INSERT INTO t(a) VALUES('x')")
      let error = #expect(throws: DatabaseError.self) {
        try second.transaction { try second.execute("INSERT INTO t(a) VALUES('y')") }
      }
      #expect(error?.code == .busy)
      #expect(error?.description.contains(folder.database) == true)
    }
  }

  @Test("A reader that comes while another has the whole file waits for it")
  func readerWaits() async throws {
    try table().execute("INSERT INTO t(a) VALUES('kept')")
    let path = folder.database
    let (taken, tell) = AsyncStream.makeStream(of: Void.self)
    let other = Task.detached {
      // As the last process to leave does for a moment.
      let holder = try Connection(path: path)
      try holder.execute("PRAGMA locking_mode=EXCLUSIVE; UPDATE t SET a = 'changed'")
      tell.finish()
      usleep(300_000)
    }
    for await _ in taken {}
    #expect(try Connection(path: path, mode: .readOnly).text("SELECT a FROM t") == "changed")
    let impatient = Task.detached {
      let holder = try Connection(path: path)
      try holder.execute("PRAGMA locking_mode=EXCLUSIVE; UPDATE t SET a = 'again'")
      let error = #expect(throws: DatabaseError.self) {
        _ = try Connection(path: path, mode: .readOnly, busyTimeout: 20)
      }
      #expect(error?.code == .busy)
    }
    try await other.value
    try await impatient.value
  }

  @Test("A full disk undoes the change and says so")
  func diskFull() throws {
    let connection = try table()
    try connection.execute("PRAGMA max_page_count=20")
    let error = #expect(throws: DatabaseError.self) {
      try connection.transaction {
        for _ in 0..<200 {
          try connection.statement("INSERT INTO t(b) VALUES(?)")
            .bind(1, [UInt8](repeating: 1, count: 4096)).run()
        }
      }
    }
    #expect(error?.code == .diskFull)
    #expect(try connection.integer("SELECT count(*) FROM t") == 0)
    try connection.execute("INSERT INTO t(a) VALUES('still works')")
  }

  @Test("Refuses what is no database", arguments: [600, 5000])
  func notADatabase(size: Int) throws {
    folder.write((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 + 7) })
    for mode in [Connection.Mode.readWrite, .readOnly] {
      let error = #expect(throws: DatabaseError.self) {
        let connection = try Connection(path: folder.database, mode: mode)
        _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
      }
      #expect(error?.code == .notADatabase, "\(String(describing: error))")
    }
  }

  @Test("A damaged file gives errors, never a crash")
  func damaged() throws {
    do {
      let connection = try table()
      try connection.transaction {
        for index in 0..<500 {
          try connection.statement("INSERT INTO t(a) VALUES(?)")
            .bind(1, String(repeating: "word \(index) ", count: 20)).run()
        }
      }
      try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }
    let descriptor = open(folder.database, O_RDWR)
    defer { close(descriptor) }
    var info = stat()
    fstat(descriptor, &info)
    let junk = [UInt8](repeating: 0xab, count: 512)
    for offset in stride(from: 8192, to: Int(info.st_size) - 512, by: 8192) {
      pwrite(descriptor, junk, junk.count, offset)
    }
    let error = #expect(throws: DatabaseError.self) {
      let connection = try Connection(path: folder.database)
      let rows = try connection.statement("SELECT a FROM t")
      while try rows.step() { _ = rows.text(0) }
    }
    #expect(error?.code == .corrupt)
    // This one is no index, which alone can be built anew.
    #expect(error?.description.contains("index rebuild") == false)
  }

  @Test("Names the file when its folder is missing")
  func missingFolder() {
    let error = #expect(throws: DatabaseError.self) {
      _ = try Connection(path: folder.path + "/nowhere/x.sqlite")
    }
    #expect(error?.code == .cannotOpen)
    #expect(error?.description.contains("nowhere") == true)
  }

  @Test("Reads a database in a folder that may not be written", .enabled(if: geteuid() != 0))
  func readOnlyFolder() throws {
    do { _ = try table() }
    chmod(folder.path, 0o500)
    let reader = try Connection(path: folder.database, mode: .readOnly)
    #expect(try reader.integer("SELECT count(*) FROM t") == 0)
    chmod(folder.database, 0o400)
    let error = #expect(throws: DatabaseError.self) { _ = try Connection(path: folder.database) }
    #expect(error?.code == .readOnly || error?.code == .cannotOpen)
  }

  @Test("Reads a name that a URI would misread")
  func strangeName() throws {
    let path = folder.path + "/a?b#c%20 ü.sqlite"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
    do { try Connection(path: path).execute("CREATE TABLE t(a)") }
    #expect(
      try Connection(path: path, mode: .readOnly).integer("SELECT count(*) FROM t") == 0)
  }

  @Test("An SQL error carries the statement")
  func statementError() throws {
    let connection = try table()
    let error = #expect(throws: DatabaseError.self) { try connection.execute("SELEKT 1") }
    #expect(error?.sql == "SELEKT 1")
    #expect(error?.extendedCode == 1)
  }
}

@Suite("Migrations")
struct MigrationTests {
  let folder = TemporaryFolder()
  let one = Migration(1, "one", "CREATE TABLE a(x)")
  let two = Migration(2, "two", "CREATE TABLE b(x); INSERT INTO b SELECT x FROM a")

  @Test("Runs the steps a database lacks, once")
  func appends() throws {
    let connection = try Connection(path: folder.database)
    try connection.migrate([one], application: 77)
    try connection.execute("INSERT INTO a VALUES(5)")
    try connection.migrate([one, two], application: 77)
    try connection.migrate([one, two], application: 77)
    #expect(try connection.integer("SELECT x FROM b") == 5)
    #expect(try connection.schemaVersion() == 2)
  }

  @Test("Refuses a newer format and leaves it as it is")
  func newer() throws {
    let connection = try Connection(path: folder.database)
    try connection.migrate([one, two], application: 77)
    let error = #expect(throws: DatabaseError.self) {
      try connection.migrate([one], application: 77)
    }
    #expect(error?.code == .newerSchema)
    #expect(try connection.schemaVersion() == 2)
  }

  @Test("Refuses another program's database")
  func foreign() throws {
    let connection = try Connection(path: folder.database)
    try connection.execute("CREATE TABLE theirs(x)")
    let error = #expect(throws: DatabaseError.self) {
      try connection.migrate([one], application: 77)
    }
    #expect(error?.code == .foreignFile)
    #expect(try connection.integer("SELECT count(*) FROM sqlite_schema") == 1)
  }

  @Test("A step that fails leaves the version before")
  func failing() throws {
    let connection = try Connection(path: folder.database)
    try connection.migrate([one], application: 77)
    let bad = Migration(2, "bad", "CREATE TABLE c(x); CREATE TABLE a(x)")
    #expect(throws: DatabaseError.self) { try connection.migrate([one, bad], application: 77) }
    #expect(try connection.schemaVersion() == 1)
    #expect(try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'c'") == 0)
  }
}

import Database
import TestSupport
import Testing

@Suite("Posting lists")
struct FullTextTests {
  private let folder = TemporaryFolder()

  /// 40 rows with the word, its list over many small pages.
  private func table() throws -> Connection {
    let connection = try Connection(path: folder.database)
    try connection.execute(
      """
      CREATE VIRTUAL TABLE t USING fts5(a, b);
      INSERT INTO t(t, rank) VALUES('pgsz', 64);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
      INSERT INTO t(rowid, a, b) SELECT 3 * i, 'word and word', 'a word more' FROM n;
      """)
    return connection
  }

  private func list(_ connection: Connection) throws -> PostingList? {
    try connection.postings(of: "\"word\"", in: "t", weights: [1, 2], limit: 1000)?.list
  }

  @Test("A sound index gives every row, with its weighted occurrences and their places")
  func sound() throws {
    let list = try #require(try list(table()))
    #expect(list.rows == (1...40).map { 3 * $0 })
    #expect(list.frequencies.allSatisfy { $0 == 4 })
    #expect(list.places.prefix(3) == [0, 2, 1 << 28 | 1])
    #expect(list.isComplete)
  }

  @Test("An index that misses a page is reported as damaged, not as one with fewer rows")
  func missingPage() throws {
    let connection = try table()
    // The only segment's page 12 of 14 (FTS5's own numbering), on which the list goes on.
    try connection.execute("DELETE FROM t_data WHERE id = (1 << 37) + 12")
    #expect(try connection.integer("SELECT changes()") == 1)
    let error = #expect(throws: DatabaseError.self) { try list(connection) }
    #expect(error?.code == .corrupt)
  }

  @Test("Whatever bytes of the index are wrong, a list ascends or the index is called damaged")
  func damagedBytes() throws {
    let connection = try table()
    var pages: [(id: Int64, bytes: [UInt8])] = []
    let select = try connection.statement("SELECT id, block FROM t_data WHERE id > 10")
    while try select.step() { pages.append((select.integer(0), select.blob(1))) }
    select.reset()
    let update = try connection.statement("UPDATE t_data SET block = ? WHERE id = ?")
    var damaged = 0
    for (id, bytes) in pages {
      for place in bytes.indices.dropFirst(4) {
        for count in [1, 9] {
          for value: UInt8 in [0, 0x80, 0xff] {
            var changed = bytes
            for next in place..<min(place + count, bytes.count) { changed[next] = value }
            try update.bind(1, changed).bind(2, id).run()
            do {
              let rows = try list(connection)?.rows ?? []
              #expect(zip([0] + rows, rows).allSatisfy { $0 < $1 } && rows.last != .max)
            } catch let error as DatabaseError {
              // SQLite believes a damaged length, and asks for that much memory.
              #expect(error.code == .corrupt || error.message.contains("out of memory"))
              damaged += 1
            }
          }
        }
      }
      try update.bind(1, bytes).bind(2, id).run()
    }
    #expect(pages.count > 5 && damaged > 100, "\(damaged)")
    #expect(try list(connection)?.rows.count == 40)
  }
}

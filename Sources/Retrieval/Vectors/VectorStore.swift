import Compute
import Database
import Glibc
import Storage

/// The writing side of the vectors: segment files in the folder `vectors` beside the database, and
/// the table `segment` that says which of them count.
///
/// SQLite is the truth. A file is written, flushed and renamed before the transaction that names it
/// commits, and unlinked after the transaction that forgets it is on disk. A death in between leaves
/// a file that no row names, which the next run removes (`sweep`). Used under the index's lock.
final class VectorStore {
  let connection: Connection
  let threads: VectorThreads
  let folder: String
  /// Segments opened by this run, by number.
  var open: [Int64: VectorSegment] = [:]
  /// What another thread joins just now.
  var joining: Joining?
  /// The number that the latest draft of this run has.
  private var lastDraft: Int64 = 0
  /// Files that nothing names any more, being unlinked.
  var unlinking: Beside<Void>?

  /// A row of the table `segment`.
  struct Row {
    var number: Int64
    var rows: Int
    var nonce: [UInt8]
    /// One bit a row, set for vectors that are gone; empty for none.
    var dead: [UInt8]

    var deadCount: Int { dead.reduce(0) { $0 + $1.nonzeroBitCount } }
    var living: Int { rows - deadCount }
  }

  init(_ connection: Connection, threads: VectorThreads = .shared) {
    self.connection = connection
    self.threads = threads
    folder = Self.folder(of: connection)
  }

  static func folder(of connection: Connection) -> String {
    let path = connection.path
    let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[..<$0] } ?? "."
    return parent + "/vectors"
  }

  static func path(_ number: Int64, in folder: String) -> String { "\(folder)/\(number).vectors" }

  static func rows(_ connection: Connection) throws -> [Row] {
    let statement = try connection.statement(
      "SELECT id, rows, nonce, dead FROM segment ORDER BY id")
    defer { statement.reset() }
    var rows: [Row] = []
    while try statement.step() {
      rows.append(
        Row(
          number: statement.integer(0), rows: Int(clamping: statement.integer(1)),
          nonce: statement.blob(2), dead: statement.blob(3)))
    }
    return rows
  }

  /// SHA-256 of the embedder's identity as `meta` keeps it: what a segment's header carries.
  static func embedderDigest(_ connection: Connection) throws -> [UInt8] {
    var text = try connection.text("SELECT value FROM meta WHERE key = 'embedder'") ?? ""
    var digest = SHA256()
    text.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
    return digest.finalize()
  }

  /// Opens the file of a row and checks that it is the one meant.
  /// - Throws: `.damaged` when it is missing or another, `StorageError`.
  static func open(_ row: Row, in folder: String, embedder: [UInt8]) throws -> VectorSegment {
    let path = path(row.number, in: folder)
    let segment: VectorSegment
    do {
      segment = try VectorSegment(path: path)
    } catch let error as StorageError where error.code == .notFound {
      throw RetrievalError.damagedSegment(path, "it is missing")
    }
    guard segment.header.nonce == row.nonce, segment.rows == row.rows else {
      throw RetrievalError.damagedSegment(path, "it belongs to another index")
    }
    guard segment.header.embedder == embedder else {
      throw RetrievalError.damagedSegment(path, "its vectors are of another embedder")
    }
    return segment
  }

  func segment(_ row: Row) throws -> VectorSegment {
    if let known = open[row.number] { return known }
    let segment = try Self.open(
      row, in: folder, embedder: Self.embedderDigest(connection))
    open[row.number] = segment
    return segment
  }

  // MARK: Adding

  /// Vectors on their way to a file.
  struct Batch {
    let hashes: [PassageHash]
    let ids: [Int64]
    fileprivate let draft: SegmentDraft
  }

  /// Begins to write vectors, under hashes that have none yet, to a file, on another thread. Nothing counts
  /// before `enter` and `publish`; until then no other batch may be begun.
  /// - Parameter vectors: [hashes.count][dimension].
  func begin(hashes: [PassageHash], vectors: [Float]) throws -> Batch {
    let last = try lastNumber(in: "embedding")
    let ids = hashes.indices.map { last + 1 + Int64($0) }
    let columns = vectors.count / max(1, hashes.count)
    let draft = try draft(rows: ids.count) { path, nonce, embedder, _ in
      try vectors.withUnsafeBufferPointer { floats in
        guard let base = floats.baseAddress else { return }
        let rows = SegmentWriter.Rows(ids: ids, columns: columns) { base + $0 * columns }
        try SegmentWriter.write(rows, to: path, nonce: nonce, embedder: embedder)
      }
    }
    return Batch(hashes: hashes, ids: ids, draft: draft)
  }

  /// Enters the names of a batch's vectors. Part of the caller's transaction, which ends with `publish`.
  func enter(_ batch: Batch) throws {
    var first = 0
    while first < batch.ids.count {
      let count = min(WideInsert.rows, batch.ids.count - first)
      let insert = try connection.statement(WideInsert.embeddings[count])
      for index in 0..<count {
        try insert.bind(Int32(index * 2 + 1), batch.ids[first + index])
          .bind(Int32(index * 2 + 2), batch.hashes[first + index].bytes)
      }
      try insert.run()
      first += count
    }
  }

  /// Waits for a batch's file and names it. Part of the caller's transaction; `keep` follows it.
  func publish(_ batch: Batch) throws { try publish(batch.draft) }

  /// The transaction that names a batch is committed.
  func keep(_ batch: Batch) { batch.draft.keep() }

  /// Stores vectors under hashes that have none yet and returns their ids.
  /// - Parameter vectors: [hashes.count][dimension].
  func append(hashes: [PassageHash], vectors: [Float]) throws -> [Int64] {
    if hashes.isEmpty { return [] }
    let batch = try begin(hashes: hashes, vectors: vectors)
    try connection.transaction {
      try enter(batch)
      try publish(batch)
    }
    keep(batch)
    return batch.ids
  }

  private func lastNumber(in table: String) throws -> Int64 {
    let statement = try connection.statement("SELECT seq FROM sqlite_sequence WHERE name = ?")
    defer { statement.reset() }
    return try statement.bind(1, table).step() ? statement.integer(0) : 0
  }

  /// Begins a segment under the next number.
  func draft(
    rows: Int, write: @escaping SegmentDraft.Write
  ) throws -> SegmentDraft {
    try Paths.makeFolder(folder)
    lastDraft = max(lastDraft, try lastNumber(in: "segment")) + 1
    let path = Self.path(lastDraft, in: folder)
    return SegmentDraft(
      number: lastDraft, rows: rows, path: path, embedder: try Self.embedderDigest(connection),
      write: write)
  }

  func publish(_ draft: SegmentDraft) throws {
    try draft.result()
    try connection.statement("INSERT INTO segment(id, rows, nonce) VALUES(?, ?, ?)")
      .bind(1, draft.number).bind(2, draft.rows).bind(3, draft.nonce).run()
  }

  // MARK: Removing

  /// Marks vectors as gone; those that are not there are ignored. Part of the caller's transaction.
  func remove(_ ids: some Sequence<Int64>) throws {
    // It would bring back what goes now.
    joining = nil
    let rows = try Self.rows(connection)
    var dead: [Int: [UInt8]] = [:]
    let segments = try rows.map { try segment($0) }
    let unmoved = try connection.statement("DELETE FROM unmoved WHERE id = ?")
    for id in ids {
      for (index, segment) in segments.enumerated() {
        guard let row = segment.row(of: id) else { continue }
        var bits = dead[index] ?? rows[index].dead
        // Taken out of the dictionary, so that the bits are not copied for each id.
        dead[index] = nil
        if bits.isEmpty { bits = [UInt8](repeating: 0, count: (segment.rows + 7) / 8) }
        if row / 8 < bits.count { bits[row / 8] |= 1 << UInt8(row % 8) }
        dead[index] = bits
      }
      try unmoved.bind(1, id).run()
    }
    let update = try connection.statement("UPDATE segment SET dead = ? WHERE id = ?")
    for (index, bits) in dead { try update.bind(1, bits).bind(2, rows[index].number).run() }
  }

  /// Forgets all. Part of the caller's transaction; `sweep` after it frees the space.
  func removeAll() throws {
    joining = nil
    try connection.execute("DELETE FROM segment; DELETE FROM unmoved")
    open.removeAll()
  }

  /// Runs a transaction that forgets files, which are unlinked after it: even a power failure will not
  /// bring back a database that names them.
  func durably(_ body: () throws -> Void) throws {
    try connection.execute("PRAGMA synchronous=FULL")
    defer { try? connection.execute("PRAGMA synchronous=NORMAL") }
    try connection.transaction(body)
  }

  // MARK: After a death

  /// Brings the files and the table together: removes files that nothing names, moves vectors of an
  /// older format out of the database, and forgets vectors whose file is gone, so that the next
  /// refresh makes them anew.
  func prepare() throws {
    try sweep()
    try moveUnmoved()
    try forgetLost()
  }

  /// Removes the files that no row names.
  func sweep() throws {
    guard access(folder, F_OK) == 0 else { return }
    let named = Set(try Self.rows(connection).map { "\($0.number).vectors" })
    for name in try Folder.names(in: folder) where !named.contains(name) {
      unlink(folder + "/" + name)
    }
  }

  /// Rows of one step of the move.
  private static let moveRows = 65_536

  private func moveUnmoved() throws {
    guard try connection.integer("SELECT 1 FROM unmoved LIMIT 1") != nil else { return }
    while let part = try UnmovedVectors(connection, limit: Self.moveRows) {
      let draft = try draft(rows: part.ids.count) { path, nonce, embedder, _ in
        _ = try part.withRows {
          try SegmentWriter.write($0, to: path, nonce: nonce, embedder: embedder)
        }
      }
      try connection.transaction {
        try publish(draft)
        try connection.statement("DELETE FROM unmoved WHERE id <= ?").bind(1, part.last).run()
      }
      draft.keep()
    }
    try compact()
  }

  private func forgetLost() throws {
    var found: Set<Int64> = []
    var lost: [Row] = []
    let rows = try Self.rows(connection)
    for row in rows {
      do {
        _ = try segment(row)
      } catch let error as RetrievalError where error.code == .damaged {
        lost.append(row)
      }
    }
    if lost.isEmpty { return }
    for row in rows {
      guard let segment = open[row.number] else { continue }
      for index in 0..<segment.rows { found.insert(segment.ids[index]) }
    }
    var gone: [Int64] = []
    let all = try connection.statement("SELECT id FROM embedding")
    while try all.step() {
      if !found.contains(all.integer(0)) { gone.append(all.integer(0)) }
    }
    all.reset()
    try durably {
      let file = try connection.statement(
        "UPDATE file SET embedded = 0 WHERE id IN (SELECT file_id FROM chunk WHERE embedding_id = ?)"
      )
      let chunk = try connection.statement(
        "UPDATE chunk SET embedding_id = NULL WHERE embedding_id = ?")
      let vector = try connection.statement("DELETE FROM embedding WHERE id = ?")
      for id in gone {
        try file.bind(1, id).run()
        try chunk.bind(1, id).run()
        try vector.bind(1, id).run()
      }
      let segment = try connection.statement("DELETE FROM segment WHERE id = ?")
      for row in lost { try segment.bind(1, row.number).run() }
    }
    try sweep()
  }
}

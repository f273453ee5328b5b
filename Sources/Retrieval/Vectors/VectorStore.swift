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
  private let connection: Connection
  private let threads: VectorThreads
  let folder: String
  /// Segments opened by this run, by number.
  private var open: [Int64: VectorSegment] = [:]

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

  private func segment(_ row: Row) throws -> VectorSegment {
    if let known = open[row.number] { return known }
    let segment = try Self.open(
      row, in: folder, embedder: Self.embedderDigest(connection))
    open[row.number] = segment
    return segment
  }

  // MARK: Adding

  /// Stores vectors under hashes that have none yet and returns their ids. Part of the caller's
  /// transaction, if it has one.
  /// - Parameter vectors: [hashes.count][dimension].
  func append(hashes: [PassageHash], vectors: [Float]) throws -> [Int64] {
    guard let count = Int64(exactly: hashes.count), count > 0 else { return [] }
    let columns = vectors.count / hashes.count
    return try connection.transaction {
      let last =
        try connection.integer("SELECT seq FROM sqlite_sequence WHERE name = 'embedding'") ?? 0
      let ids = Array((last + 1)...(last + count))
      try vectors.withUnsafeBufferPointer { floats in
        guard let base = floats.baseAddress, columns > 0 else { return }
        _ = try write(.init(ids: ids, columns: columns) { base + $0 * columns })
      }
      let insert = try connection.statement("INSERT INTO embedding(id, hash) VALUES(?, ?)")
      for (id, hash) in zip(ids, hashes) { try insert.bind(1, id).bind(2, hash.bytes).run() }
      return ids
    }
  }

  /// Writes a segment and names it.
  private func write(_ rows: SegmentWriter.Rows) throws -> Int64 {
    try Paths.makeFolder(folder)
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    try connection.statement("INSERT INTO segment(rows, nonce) VALUES(?, ?)")
      .bind(1, rows.ids.count).bind(2, nonce).run()
    let number = connection.lastInsertedRow
    try SegmentWriter.write(
      rows, to: Self.path(number, in: folder), nonce: nonce,
      embedder: Self.embedderDigest(connection))
    return number
  }

  // MARK: Removing

  /// Marks vectors as gone; those that are not there are ignored. Part of the caller's transaction.
  func remove(_ ids: some Sequence<Int64>) throws {
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

  // MARK: Joining

  /// So many segments of like size are joined into one.
  static let fanOut = 8
  /// Segments below this are all of one size.
  static let smallest = 512

  /// Joins small segments and writes those anew of which more than a quarter is gone, until none is
  /// left to do. A vector is copied about log8(count / 512) times in its life.
  func compact() throws {
    while let chosen = Self.due(try Self.rows(connection)) {
      try join(chosen)
    }
  }

  /// The segments to write anew as one; nil when all is well.
  static func due(_ rows: [Row]) -> [Row]? {
    if let rotten = rows.first(where: { $0.deadCount * 4 > $0.rows }) { return [rotten] }
    let tiers = Dictionary(grouping: rows) { row -> Int in
      var tier = 0
      var size = row.living / smallest
      while size > 0 { (tier, size) = (tier + 1, size / fanOut) }
      return tier
    }
    return tiers.filter { $0.value.count >= fanOut }.min { $0.key < $1.key }?.value
  }

  private func join(_ old: [Row]) throws {
    var ids: [Int64] = []
    var places: [(segment: Int32, row: UInt32)] = []
    let segments = try old.map { try segment($0) }
    for (index, (row, segment)) in zip(old, segments).enumerated() {
      let alive = row.dead.withUnsafeBytes { RowMask(rows: segment.rows, dead: $0) }
      for place in 0..<segment.rows where alive.isShown(place) {
        ids.append(segment.ids[place])
        places.append((Int32(index), UInt32(place)))
      }
    }
    var joined: SegmentWriter.Rows?
    if let columns = segments.first?.columns, !ids.isEmpty {
      joined = SegmentWriter.Rows(ids: ids, columns: columns) { index in
        let place = places[index]
        return segments[Int(place.segment)].floats + Int(place.row) * columns
      }
      try joined?.cluster(threads: threads)
    }
    // A reader finds the old files or the new one, never neither.
    try durably {
      if let joined { _ = try write(joined) }
      let delete = try connection.statement("DELETE FROM segment WHERE id = ?")
      for row in old { try delete.bind(1, row.number).run() }
    }
    for row in old {
      open[row.number] = nil
      unlink(Self.path(row.number, in: folder))
    }
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
      try connection.transaction {
        _ = try part.withRows { try write($0) }
        try connection.statement("DELETE FROM unmoved WHERE id <= ?").bind(1, part.last).run()
      }
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

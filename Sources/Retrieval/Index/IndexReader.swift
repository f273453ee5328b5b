import Database
import Synchronization

/// The searching side of an index: one reading connection and the vectors, kept fresh.
final class IndexReader: Sendable {
  private let connection: SharedConnection
  private let cache = Mutex(Cache())

  private struct Cache {
    var vectors: VectorIndex?
    var identity: EmbedderIdentity?
    /// `PRAGMA data_version` when the cache was filled; it moves when another connection commits.
    var version: Int64 = -1
  }

  init(_ connection: Connection) { self.connection = SharedConnection(connection) }

  /// Runs `body` on one state of the database, with the vectors of that state (nil when there are
  /// none).
  func read<R>(vectors wanted: Bool = true, _ body: (Connection, VectorIndex?) throws -> R) throws
    -> R
  {
    try connection.use { connection in
      try connection.snapshot {
        let vectors = wanted ? try fresh(connection) : nil
        return try body(connection, vectors)
      }
    }
  }

  func identity() throws -> EmbedderIdentity? {
    try read(vectors: false) { connection, _ in try IndexStore(connection).embedder() }
  }

  private func fresh(_ connection: Connection) throws -> VectorIndex? {
    try cache.withLock { cache in
      // The first read of a transaction fixes its state; the pragma does not count as one.
      _ = try connection.integer("SELECT count(*) FROM meta")
      let version = try connection.integer("PRAGMA data_version") ?? 0
      if version == cache.version { return cache.vectors }
      let identity = try IndexStore(connection).embedder()
      if identity != cache.identity { cache.vectors = nil }
      cache.identity = identity
      if let identity, (1...65_536).contains(identity.dimension) {
        var vectors = cache.vectors ?? VectorIndex(dimension: identity.dimension)
        try Self.update(&vectors, connection)
        cache.vectors = vectors.count > 0 ? vectors : nil
      }
      cache.version = version
      return cache.vectors
    }
  }

  /// Drops vectors that are gone and loads those that came. Ids are never used twice, so an id that
  /// is still there has its vector still.
  private static func update(_ vectors: inout VectorIndex, _ connection: Connection) throws {
    let last = vectors.lastID
    if vectors.count > 0 {
      var present: Set<Int64> = []
      let ids = try connection.statement("SELECT id FROM embedding WHERE id <= ?").bind(1, last)
      while try ids.step() { present.insert(ids.integer(0)) }
      ids.reset()
      if present.count < vectors.count {
        vectors.remove(vectors.ids.filter { !present.contains($0) })
      }
    }
    let count = try connection.statement("SELECT count(*) FROM embedding WHERE id > ?")
      .bind(1, last)
    let expected = try count.step() ? Int(count.integer(0)) : 0
    count.reset()
    if expected > 0 { try load(&vectors, connection, after: last, expected: expected) }
  }

  private static func load(
    _ vectors: inout VectorIndex, _ connection: Connection, after last: Int64, expected: Int
  ) throws {
    let dimension = vectors.dimension
    let width = dimension * MemoryLayout<Float>.stride
    let rows = try connection.statement(
      "SELECT id, vector FROM embedding WHERE id > ? ORDER BY id"
    ).bind(1, last)
    defer { rows.reset() }
    try vectors.append(capacity: expected) { target in
      var ids: [Int64] = []
      ids.reserveCapacity(expected)
      while ids.count < expected, try rows.step() {
        let fits = rows.withBlob(1) { blob in
          guard blob.count == width, let base = blob.baseAddress else { return false }
          UnsafeMutableRawPointer(target.baseAddress! + ids.count * dimension)
            .copyMemory(from: base, byteCount: width)
          return true
        }
        guard fits else {
          throw DatabaseError(
            .corrupt,
            "The database \(connection.path) is damaged (vector \(rows.integer(0)) has not "
              + "\(width) bytes). Build it anew with `carrel index rebuild`.",
            path: connection.path)
        }
        ids.append(rows.integer(0))
      }
      return ids
    }
  }
}

import Database
import Storage
import Synchronization

/// The searching side of an index: one reading connection and the vectors, kept fresh.
final class IndexReader: Sendable {
  private let connection: SharedConnection
  private let cache = Mutex(Cache())

  private struct Cache {
    var vectors: VectorIndex?
    /// Segments that are open, by number.
    var segments: [Int64: VectorSegment] = [:]
    /// `PRAGMA data_version` when the cache was filled; it moves when another connection commits.
    var version: Int64 = -1
  }

  private let threads: VectorThreads

  init(_ connection: Connection, threads: VectorThreads) {
    self.connection = SharedConnection(connection)
    self.threads = threads
  }

  /// Runs `body` on one state of the database, with the vectors of that state (nil when there are
  /// none).
  func read<R>(vectors wanted: Bool = true, _ body: (Connection, VectorIndex?) throws -> R) throws
    -> R
  {
    try connection.use { connection in
      var attempts = 5
      while true {
        let ready: R? = try connection.snapshot {
          let vectors: VectorIndex?
          do {
            vectors = wanted ? try fresh(connection) : nil
          } catch let error as RetrievalError where error.code == .damaged && attempts > 0 {
            // A writer joined the segments of this state and removed them meanwhile: look again.
            return nil
          }
          return try body(connection, vectors)
        }
        if let ready { return ready }
        attempts -= 1
      }
    }
  }

  func identity() throws -> EmbedderIdentity? {
    try read(vectors: false) { connection, _ in try IndexStore(connection).embedder() }
  }

  private func fresh(_ connection: Connection) throws -> VectorIndex? {
    try cache.withLock { cache in
      let version = try connection.indexState()
      if version == cache.version { return cache.vectors }
      cache.vectors = nil
      if let identity = try IndexStore(connection).embedder(),
        (1...SegmentLayout.mostColumns).contains(identity.dimension)
      {
        var vectors = VectorIndex(dimension: identity.dimension, threads: threads)
        try Self.fill(&vectors, &cache, connection)
        cache.vectors = vectors.count > 0 ? vectors : nil
      }
      cache.version = version
      return cache.vectors
    }
  }

  private static func fill(
    _ vectors: inout VectorIndex, _ cache: inout Cache, _ connection: Connection
  ) throws {
    let embedder = try VectorStore.embedderDigest(connection)
    let isOld = try connection.schemaVersion() < 2
    if try isOld || connection.integer("SELECT 1 FROM unmoved LIMIT 1") != nil {
      if let unmoved = try UnmovedVectors(connection),
        let segment = try unmoved.withRows({ try SegmentWriter.nameless($0, embedder: embedder) })
      {
        try check(segment, vectors.dimension)
        vectors.append(segment)
      }
      if isOld { return }
    }
    var open: [Int64: VectorSegment] = [:]
    let folder = VectorStore.folder(of: connection)
    for row in try VectorStore.rows(connection) {
      let segment =
        try cache.segments[row.number]
        ?? VectorStore.open(row, in: folder, embedder: embedder)
      try check(segment, vectors.dimension)
      open[row.number] = segment
      vectors.append(segment, dead: row.dead)
    }
    cache.segments = open
  }

  private static func check(_ segment: VectorSegment, _ dimension: Int) throws {
    if segment.columns != dimension {
      throw RetrievalError.damagedSegment(
        segment.path, "its vectors have \(segment.columns) numbers, not \(dimension)")
    }
  }
}

extension Connection {
  /// Another number whenever another connection has changed the index since.
  func indexState() throws(DatabaseError) -> Int64 {
    // The first read of a transaction fixes its state; the pragma does not count as one.
    _ = try integer("SELECT count(*) FROM meta")
    return try integer("PRAGMA data_version") ?? 0
  }
}

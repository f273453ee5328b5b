import Compute
import Synchronization

/// All vectors of an index, searched exactly. A value: a search keeps the state it began with while
/// a newer one is made from it.
///
/// Vectors lie in immutable segments (`VectorSegment`); removed ones are hidden by a mask until the
/// segment is written anew.
package struct VectorIndex: Sendable {
  package let dimension: Int
  /// Search a large index with these.
  let threads: VectorThreads
  private(set) var parts: [Part] = []

  struct Part: Sendable {
    var vectors: VectorSegment
    /// Nil when every row lives.
    var alive: RowMask?
    var count: Int
  }

  package init(dimension: Int, threads: VectorThreads = .shared) {
    self.dimension = dimension
    self.threads = threads
  }

  /// Living vectors.
  package var count: Int { parts.reduce(0) { $0 + $1.count } }

  /// Adds a segment.
  /// - Parameter dead: one bit a row, set for rows that do not count; empty for none.
  package mutating func append(_ segment: VectorSegment, dead: [UInt8] = []) {
    let isWhole = dead.allSatisfy { $0 == 0 }
    let alive = isWhole ? nil : dead.withUnsafeBytes { RowMask(rows: segment.rows, dead: $0) }
    parts.append(
      Part(vectors: segment, alive: alive, count: alive?.shown ?? segment.rows))
  }

  private var isLarge: Bool { count > VectorThreads.least }

  /// Whether a search takes more than one thread.
  var isShared: Bool { isLarge && threads.pool.threads > 1 }

  /// Ids of living vectors, ascending.
  package var ids: [Int64] {
    var ids: [Int64] = []
    ids.reserveCapacity(count)
    for part in parts {
      for row in 0..<part.vectors.rows where part.alive?.isShown(row) ?? true {
        ids.append(part.vectors.ids[row])
      }
    }
    return ids.sorted()
  }

  /// Which vectors a search may find: those with the given ids.
  package func filter(ids: some Sequence<Int64>) -> VectorFilter {
    let masks = parts.map { RowMask(rows: $0.vectors.rows, showing: false) }
    for id in ids {
      if let (part, row) = find(id) { masks[part].show(row) }
    }
    return VectorFilter(masks: masks)
  }

  /// The best rows by inner product (the cosine: all vectors have length 1), best first, ties by
  /// lower id, and the spread of the cosines of all rows that were looked at.
  ///
  /// The cosine is the exact inner product rounded to Float, and so is the order: as if every row
  /// were multiplied.
  /// - Parameters:
  ///   - query: [dimension].
  ///   - filter: made of this very value; of any other it finds nothing.
  /// - Throws: `.badEmbedding` for a query of another dimension or with a number that is not finite.
  package func top(
    _ limit: Int, query: [Float], filter: VectorFilter? = nil
  ) throws(RetrievalError) -> (matches: [VectorMatch], spread: CosineSpread) {
    guard query.count == dimension else { throw wrongDimension(query.count) }
    return try top(limit, queries: query, filter: filter).first ?? ([], .init())
  }

  /// As `top(_:query:filter:)` for several queries at once: [count][dimension]. The rows are read
  /// once for all of them.
  package func top(
    _ limit: Int, queries: [Float], filter: VectorFilter? = nil, sumsSpread: Bool = true
  ) throws(RetrievalError) -> [(matches: [VectorMatch], spread: CosineSpread)] {
    var search = CodeSearch(pool: isLarge ? threads.pool : nil)
    search.sumsSpread = sumsSpread
    return try run(search, limit, queries, codeParts(filter), keeping: filter).map {
      (matches: Self.matches($0), spread: Self.spread($0))
    }
  }

  func codeParts(_ filter: VectorFilter?) -> [CodePart] {
    // A filter of another state of the index finds nothing.
    if let filter, filter.masks.map(\.rows) != parts.map(\.vectors.rows) { return [] }
    return parts.enumerated().map { index, part in
      let vectors = part.vectors
      let mask = filter?.masks[index] ?? part.alive
      return CodePart(
        codes: vectors.codes, facts: vectors.facts, floats: vectors.floats, ids: vectors.ids,
        rows: vectors.rows, mask: mask?.bits)
    }
  }

  /// Runs a search; the segments and masks live until it ends.
  func run(
    _ search: CodeSearch, _ limit: Int, _ queries: [Float], _ parts: [CodePart],
    keeping filter: VectorFilter?
  ) throws(RetrievalError) -> [CodeResult] {
    guard queries.count % dimension == 0 else { throw wrongDimension(queries.count) }
    let found = withExtendedLifetime((self, filter)) {
      queries.withUnsafeBufferPointer {
        search.top(
          limit, parts: parts, columns: dimension, queries: $0, count: queries.count / dimension)
      }
    }
    guard let found else {
      throw RetrievalError(
        .badEmbedding,
        "The question's vector holds a number that is not finite, or is longer than 1,000,000.",
        subject: "query")
    }
    return found
  }

  private func wrongDimension(_ found: Int) -> RetrievalError {
    RetrievalError(
      .badEmbedding,
      "The question's vector has \(found) numbers; the index holds vectors of \(dimension).",
      subject: "query")
  }

  static func matches(_ result: CodeResult) -> [VectorMatch] {
    result.best.map { VectorMatch(id: Int64($0.row), cosine: $0.score) }
  }

  static func spread(_ result: CodeResult) -> CosineSpread {
    var spread = CosineSpread()
    spread.count = Int(result.spread.count)
    spread.sum = Double(result.spread.sum) / 32_768
    spread.squares = Double(result.spread.squares) / (32_768 * 32_768)
    return spread
  }

  /// The cosine of one vector with the query; nil when the id is not there.
  package func cosine(of id: Int64, query: [Float]) -> Float? {
    guard let (part, row) = find(id), query.count == dimension else { return nil }
    let vectors = parts[part].vectors
    let product = query.withUnsafeBufferPointer(ExactProduct.init)
    return Float(product(vectors.floats + row * dimension))
  }

  /// Where a living vector lies.
  func find(_ id: Int64) -> (part: Int, row: Int)? {
    for (index, part) in parts.enumerated() {
      guard let row = part.vectors.row(of: id) else { continue }
      if let alive = part.alive, !alive.isShown(row) { continue }
      return (index, row)
    }
    return nil
  }
}

/// Which rows of one `VectorIndex` a search may find.
package struct VectorFilter: Sendable {
  fileprivate let masks: [RowMask]

  /// Vectors that pass.
  package var count: Int { masks.reduce(0) { $0 + $1.shown } }
}

/// The threads that work on vectors, started by the first search or join that is large enough.
package final class VectorThreads: Sendable {
  /// Fewer vectors are searched by the caller alone.
  static let least = 20_000
  /// As many as the process may use; what is not told otherwise shares them.
  package static let shared = VectorThreads(count: nil)

  private let count: Int?
  private let started = Mutex<WorkerPool?>(nil)

  /// - Parameter count: nil takes the cores that the process may use.
  package init(count: Int?) { self.count = count }

  package var pool: WorkerPool {
    started.withLock { started in
      if let started { return started }
      let pool = count.map { WorkerPool(threads: $0) } ?? WorkerPool()
      started = pool
      return pool
    }
  }
}

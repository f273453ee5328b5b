// Exact nearest neighbours in two passes: bounds from byte codes for every row, then the true
// product, in double precision through BLAS, of the rows whose upper bound reaches the best lower ones.
//
// Why nothing is lost: let L be the k-th largest lower bound seen so far (or the k-th best true
// product). k rows have a product of at least L, so the k-th best product T is at least L. A row of
// the answer has a product of at least T, its upper bound is at least its product, so it reaches L
// and is scored. Rows that tie with T reach L as well: ties are decided by true products and ids.

import CKernels

/// A run of coded rows to search, lent for the length of the search.
package struct CodePart: @unchecked Sendable {  // read only
  /// [block][⌈columns / 4⌉][16][4]
  package var codes: UnsafePointer<UInt8>
  /// [block][3][16]
  package var facts: UnsafePointer<Float>
  /// [rows][columns]
  package var floats: UnsafePointer<Float>
  /// [rows]
  package var ids: UnsafePointer<Int64>
  package var rows: Int
  /// One bit a row, a zero bit hides it; whole blocks (16 bits each). Nil shows every row.
  package var mask: UnsafePointer<UInt16>?
  /// Blocks to look at; nil for all.
  package var blocks: [Range<Int>]?

  package init(
    codes: UnsafePointer<UInt8>, facts: UnsafePointer<Float>, floats: UnsafePointer<Float>,
    ids: UnsafePointer<Int64>, rows: Int, mask: UnsafePointer<UInt16>? = nil,
    blocks: [Range<Int>]? = nil
  ) {
    self.codes = codes
    self.facts = facts
    self.floats = floats
    self.ids = ids
    self.rows = rows
    self.mask = mask
    self.blocks = blocks
  }
}

/// Sums over the rows that a search looked at; integers, so that the order of rows does not matter.
package struct CodeSpread: Sendable, Equatable {
  /// Products in units of 2^-15, each cut to ±1.5.
  package var sum: Int64 = 0
  /// Their squares, in units of 2^-30.
  package var squares: Int64 = 0
  package var count: Int64 = 0
}

/// What a search found for one query.
package struct CodeResult: Sendable {
  /// Best first; `row` is the id. The score is the true product rounded to Float.
  package var best: [ScoredRow]
  package var spread: CodeSpread
  /// Rows whose floats were read.
  package var rescored: Int
}

package struct CodeSearch: Sendable {
  package var kernels = CodeKernels.best
  /// Threads to share the work with; nil works on the caller's alone.
  package var pool: WorkerPool?
  /// Also sum the products of all rows.
  package var sumsSpread = true

  /// Blocks scanned at once: their codes stay in the second-level cache for further queries.
  static let unitBlocks = 64
  /// Below so many units threads cost more than they save.
  static let fewUnits = 4
  /// Candidates kept before they are scored: bounds memory when very many rows are alike.
  static let mostCandidates = 16_384

  package init(pool: WorkerPool? = nil) { self.pool = pool }

  /// The best `limit` rows for each query by inner product, ties by lower id.
  /// - Parameters:
  ///   - parts: rows of `columns` numbers.
  ///   - queries: [count][columns].
  /// - Returns: one result for each query; nil when a query is not finite or longer than
  ///   `CodeLayout.longest`.
  package func top(
    _ limit: Int, parts: [CodePart], columns: Int, queries: UnsafeBufferPointer<Float>, count: Int
  ) -> [CodeResult]? {
    guard columns > 0, count > 0, queries.count == columns * count, let base = queries.baseAddress
    else { return count == 0 ? [] : nil }
    let groups = (columns + 3) / 4
    let values = UnsafeMutablePointer<Int8>.allocate(capacity: count * groups * 4)
    defer { values.deallocate() }
    var coded = [ck_code_query](repeating: ck_code_query(), count: count)
    for index in 0..<count {
      let own = values + index * groups * 4
      guard ck_encode_query(base + index * columns, columns, own, &coded[index]) == 1 else {
        return nil
      }
    }
    let units = Self.units(parts)
    let threads = units.count <= Self.fewUnits ? 1 : pool?.threads ?? 1
    let scan = CodeScan(
      kernels: kernels, parts: parts, columns: columns,
      exact: (0..<count).map {
        ExactProduct(UnsafeBufferPointer(start: base + $0 * columns, count: columns))
      }, coded: coded,
      limit: max(0, limit), threads: threads, sumsSpread: sumsSpread)
    if threads > 1, let pool {
      pool.run(chunks: units.count) { scan.work(units[$0], thread: $1) }
      pool.run(chunks: count) { query in scan.finish(query) }
    } else {
      for unit in units { scan.work(unit, thread: 0) }
      for query in 0..<count { scan.finish(query) }
    }
    return (0..<count).map { scan.result($0) }
  }

  /// The product of every row with one query as the codes tell it: the middle of its bounds. Empty
  /// when the query is not finite or of another length. Only `codes`, `facts` and `rows` are read.
  package func scores(
    _ part: CodePart, columns: Int, query: UnsafeBufferPointer<Float>
  ) -> [Float] {
    let blocks = CodeLayout.blocks(rows: part.rows)
    guard columns > 0, query.count == columns, let base = query.baseAddress, blocks < 32_768 else {
      return []
    }
    let groups = (columns + 3) / 4
    return withUnsafeTemporaryAllocation(of: Int8.self, capacity: groups * 4) { values in
      var coded = ck_code_query()
      guard let values = values.baseAddress, ck_encode_query(base, columns, values, &coded) == 1
      else { return [] }
      var scores = [Float](repeating: -.infinity, count: part.rows)
      var rows = ck_code_rows(codes: part.codes, facts: part.facts, groups: groups)
      let room = blocks * CodeLayout.blockRows
      withUnsafeTemporaryAllocation(of: ck_code_hit.self, capacity: max(1, room)) { hits in
        var count: UInt32 = 0
        kernels.functions.pointee.scan(
          &rows, 0, blocks, &coded, 1, nil, hits.baseAddress, room, &count, nil)
        for hit in hits[..<Int(count)] where Int(hit.row) < scores.count {
          scores[Int(hit.row)] = (hit.lower + hit.upper) / 2
        }
      }
      return scores
    }
  }

  struct Unit {
    var part: Int
    var blocks: Range<Int>
  }

  private static func units(_ parts: [CodePart]) -> [Unit] {
    var units: [Unit] = []
    for (index, part) in parts.enumerated() {
      for range in part.blocks ?? [0..<CodeLayout.blocks(rows: part.rows)] {
        var first = range.lowerBound
        while first < range.upperBound {
          let end = min(first + unitBlocks, range.upperBound)
          units.append(Unit(part: index, blocks: first..<end))
          first = end
        }
      }
    }
    return units
  }
}

/// The state of one search. Each thread writes its own entries; thresholds are shared.
private final class CodeScan: @unchecked Sendable {
  struct Candidate {
    var part: UInt32
    var row: UInt32
    var upper: Float
  }

  /// What one thread knows of one query.
  struct Found {
    /// The best lower bounds: the last of them is a threshold.
    var lower: TopRows
    /// The best of the rows scored already.
    var best: TopRows
    var candidates: [Candidate] = []
    var rescored = 0
  }

  let kernels: CodeKernels
  let parts: [CodePart]
  let columns: Int
  /// [query]
  let exact: [ExactProduct]
  let limit: Int
  let count: Int
  let threads: Int
  let sumsSpread: Bool
  /// [thread][query]
  private let found: UnsafeMutablePointer<Found>
  private let coded: UnsafeMutablePointer<ck_code_query>
  private let spreads: UnsafeMutablePointer<ck_code_spread>
  private let counts: UnsafeMutablePointer<UInt32>
  /// [thread][query][rows of a unit]
  private let hits: UnsafeMutablePointer<ck_code_hit>
  /// [query]: bits of the largest threshold known, as an integer in the order of the floats.
  private let shared: UnsafeMutablePointer<UInt32>
  private let stride = CodeSearch.unitBlocks * CodeLayout.blockRows

  init(
    kernels: CodeKernels, parts: [CodePart], columns: Int, exact: [ExactProduct],
    coded: [ck_code_query], limit: Int, threads: Int, sumsSpread: Bool
  ) {
    self.kernels = kernels
    self.parts = parts
    self.columns = columns
    self.exact = exact
    self.limit = limit
    self.threads = threads
    self.sumsSpread = sumsSpread
    count = coded.count
    let slots = threads * coded.count
    found = .allocate(capacity: slots)
    let rows = parts.reduce(0) { $0 + $1.rows }
    let kept = TopRows(capacity: min(self.limit, rows))
    found.initialize(repeating: Found(lower: kept, best: kept), count: slots)
    self.coded = .allocate(capacity: slots)
    for thread in 0..<threads {
      (self.coded + thread * count).initialize(from: coded, count: count)
    }
    spreads = .allocate(capacity: slots)
    spreads.initialize(repeating: ck_code_spread(), count: slots)
    counts = .allocate(capacity: slots)
    counts.initialize(repeating: 0, count: slots)
    hits = .allocate(capacity: slots * stride)
    shared = .allocate(capacity: count)
    shared.initialize(repeating: Self.ordered(-.infinity), count: count)
  }

  deinit {
    found.deinitialize(count: threads * count)
    found.deallocate()
    coded.deallocate()
    spreads.deallocate()
    counts.deallocate()
    hits.deallocate()
    shared.deallocate()
  }

  /// Scans one unit for every query.
  func work(_ unit: CodeSearch.Unit, thread: Int) {
    let part = parts[unit.part]
    let first = thread * count
    for query in 0..<count { coded[first + query].threshold = threshold(query) }
    var rows = ck_code_rows(codes: part.codes, facts: part.facts, groups: (columns + 3) / 4)
    kernels.functions.pointee.scan(
      &rows, unit.blocks.lowerBound, unit.blocks.upperBound, coded + first, count, part.mask,
      hits + first * stride, stride, counts + first, sumsSpread ? spreads + first : nil)
    for query in 0..<count where counts[first + query] > 0 && limit > 0 {
      take(
        UnsafeBufferPointer(
          start: hits + (first + query) * stride, count: Int(counts[first + query])),
        part: unit.part, query: query, found + first + query)
    }
  }

  private func take(
    _ hits: UnsafeBufferPointer<ck_code_hit>, part: Int, query: Int,
    _ own: UnsafeMutablePointer<Found>
  ) {
    // Rows past the end are marked so that they give no hit; a damaged file may say otherwise.
    let rows = parts[part].rows
    for hit in hits where Int(hit.row) < rows {
      own.pointee.lower.offer(ScoredRow(row: Int(hit.row), score: hit.lower))
      own.pointee.candidates.append(
        Candidate(part: UInt32(part), row: hit.row, upper: hit.upper))
    }
    raise(query, to: own.pointee.lower.threshold)
    if own.pointee.candidates.count >= CodeSearch.mostCandidates {
      score(query, own)
      raise(query, to: own.pointee.best.threshold)
    }
  }

  /// Scores the candidates that still reach the threshold, and forgets all.
  private func score(_ query: Int, _ own: UnsafeMutablePointer<Found>) {
    let least = threshold(query)
    exact[query].withProduct { product in
      for candidate in own.pointee.candidates where candidate.upper >= least {
        let part = parts[Int(candidate.part)]
        let row = Int(candidate.row)
        own.pointee.best.offer(
          ScoredRow(row: Int(part.ids[row]), score: Float(product(part.floats + row * columns))))
        own.pointee.rescored += 1
      }
    }
    own.pointee.candidates.removeAll(keepingCapacity: true)
  }

  /// After all units: scores what every thread left of one query.
  func finish(_ query: Int) {
    // Together the threads know a better threshold than each alone.
    var lower = found[query].lower
    for thread in 1..<max(1, threads) {
      for row in found[thread * count + query].lower.rows { lower.offer(row) }
    }
    raise(query, to: lower.threshold)
    for thread in 0..<threads { score(query, found + thread * count + query) }
  }

  func result(_ query: Int) -> CodeResult {
    var best = found[query].best
    var spread = CodeSpread()
    var rescored = 0
    for thread in 0..<threads {
      let slot = thread * count + query
      if thread > 0 { for row in found[slot].best.rows { best.offer(row) } }
      spread.sum += spreads[slot].sum
      spread.squares += spreads[slot].squares
      spread.count += spreads[slot].count
      rescored += found[slot].rescored
    }
    return CodeResult(best: best.sorted(), spread: spread, rescored: rescored)
  }

  // MARK: Thresholds

  /// Each value ever stored is a valid threshold, so a lost race costs time and never a row.
  private func raise(_ query: Int, to value: Float) {
    let bits = Self.ordered(value)
    if bits > ck_atomic_load(shared + query) { ck_atomic_store(shared + query, bits) }
  }

  private func threshold(_ query: Int) -> Float {
    let bits = ck_atomic_load(shared + query)
    return Float(bitPattern: bits & 0x8000_0000 != 0 ? bits & 0x7fff_ffff : ~bits)
  }

  /// The float's bits, so that larger floats have larger integers.
  private static func ordered(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
  }
}

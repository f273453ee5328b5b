// Exact nearest neighbours in two passes: bounds from byte codes for every row, then the true
// product, in double precision through BLAS, of the rows whose upper bound reaches the best lower ones.
//
// Why nothing is lost: let L be the k-th largest lower bound seen so far (or the k-th best true
// product). k rows have a product of at least L, so the k-th best product T is at least L. A row of
// the answer has a product of at least T, its upper bound is at least its product, so it reaches L
// and is scored. Rows that tie with T reach L as well: ties are decided by true products and ids.

import CKernels

/// Nearest neighbours by inner product among coded rows.
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

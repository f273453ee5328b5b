// Clusters of rows (spherical k-means on byte codes), so that a search may look at a part of them.

import CKernels

/// Centres, and which row belongs to which.
package struct CodeClustering: Sendable {
  /// [clusters][columns], of length 1.
  package var centres: [Float]
  /// [rows]: the cluster of each.
  package var assignment: [UInt32]

  private let columns: Int
  private let clusters: Int

  /// Clusters to make of so many rows: about a hundred rows each.
  package static func count(rows: Int) -> Int { min(4096, rows / 96) }

  /// Rows that centres are learned from, for each cluster, and how often they are moved.
  private static let sample = 32
  private static let rounds = 6
  /// Rows assigned at once, and blocks of centres they are compared with at once.
  private static let batch = 64
  private static let step = 8

  /// - Parameters:
  ///   - clusters: at least 1, at most `rows`.
  ///   - row: lends a row, [columns]; called from several threads.
  ///   - isCancelled: asked now and then; when true the result is nil.
  package init?(
    rows: Int, columns: Int, clusters: Int, pool: WorkerPool,
    isCancelled: () -> Bool = { false }, row: (Int) -> UnsafePointer<Float>
  ) {
    self.columns = columns
    self.clusters = clusters
    let used = min(rows, clusters * Self.sample)
    // Evenly spread rows: the same choice on every run.
    func sampled(_ index: Int) -> UnsafePointer<Float> { row(index * rows / used) }
    centres = []
    assignment = []
    for cluster in 0..<clusters {
      let start = sampled(cluster * used / clusters)
      centres.append(contentsOf: UnsafeBufferPointer(start: start, count: columns))
    }
    for _ in 0..<Self.rounds {
      if isCancelled() { return nil }
      guard let found = assign(used, pool, isCancelled, sampled) else { return nil }
      move(found, sampled)
    }
    guard let found = assign(rows, pool, isCancelled, row) else { return nil }
    assignment = found
  }

  /// Moves each centre to the mean of its rows, at length 1. One without rows stays.
  private mutating func move(_ found: [UInt32], _ row: (Int) -> UnsafePointer<Float>) {
    var sums = [Float](repeating: 0, count: clusters * columns)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      for (index, cluster) in found.enumerated() {
        VectorKernels.best.add(
          row(index), times: 1, to: base + Int(cluster) * columns, count: columns)
      }
    }
    for cluster in 0..<clusters {
      let range = cluster * columns..<(cluster + 1) * columns
      let squares = sums[range].reduce(Float(0)) { $0 + $1 * $1 }
      guard squares > 1e-12 else { continue }
      let scale = 1 / squares.squareRoot()
      for index in range { centres[index] = sums[index] * scale }
    }
  }

  /// The centre with the largest product for each row, as its codes tell it.
  private func assign(
    _ rows: Int, _ pool: WorkerPool, _ isCancelled: () -> Bool,
    _ row: (Int) -> UnsafePointer<Float>
  ) -> [UInt32]? {
    let blocks = CodeLayout.blocks(rows: clusters)
    let width = CodeLayout.blockBytes(columns: columns)
    var codes = [UInt8](repeating: 0, count: blocks * width)
    var facts = [Float](repeating: 0, count: blocks * CodeLayout.blockFacts)
    let bad = codes.withUnsafeMutableBufferPointer { codes in
      facts.withUnsafeMutableBufferPointer { facts in
        centres.withUnsafeBufferPointer { centres in
          Self.encode(centres, clusters, columns, codes, facts)
        }
      }
    }
    if bad { return nil }
    var found = [UInt32](repeating: 0, count: rows)
    var batches = 0
    // A few thousand rows between questions whether to stop.
    while batches * Self.batch < rows {
      if isCancelled() { return nil }
      let first = batches
      let count = min(256, (rows - first * Self.batch + Self.batch - 1) / Self.batch)
      codes.withUnsafeBufferPointer { codes in
        facts.withUnsafeBufferPointer { facts in
          found.withUnsafeMutableBufferPointer { found in
            guard let codes = codes.baseAddress, let facts = facts.baseAddress,
              let found = found.baseAddress
            else { return }
            let coded = ck_code_rows(codes: codes, facts: facts, groups: (columns + 3) / 4)
            let out = Shared(pointer: found)
            pool.run(chunks: count) { chunk in
              let start = (first + chunk) * Self.batch
              let end = min(rows, start + Self.batch)
              Self.assign(start..<end, coded, blocks, columns, row, out.pointer)
            }
          }
        }
      }
      batches += count
    }
    return found
  }

  /// Batches write apart from each other.
  private struct Shared: @unchecked Sendable { let pointer: UnsafeMutablePointer<UInt32> }

  private static func encode(
    _ centres: UnsafeBufferPointer<Float>, _ clusters: Int, _ columns: Int,
    _ codes: UnsafeMutableBufferPointer<UInt8>, _ facts: UnsafeMutableBufferPointer<Float>
  ) -> Bool {
    guard let x = centres.baseAddress, let codes = codes.baseAddress,
      let facts = facts.baseAddress
    else { return true }
    for block in 0..<CodeLayout.blocks(rows: clusters) {
      let first = block * CodeLayout.blockRows
      let bad = CodeLayout.encode(
        x + first * columns, rows: min(CodeLayout.blockRows, clusters - first), columns: columns,
        codes: codes + block * CodeLayout.blockBytes(columns: columns),
        facts: facts + block * CodeLayout.blockFacts)
      if bad != nil { return true }
    }
    return false
  }

  private static func assign(
    _ range: Range<Int>, _ centres: ck_code_rows, _ blocks: Int, _ columns: Int,
    _ row: (Int) -> UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt32>
  ) {
    let groups = (columns + 3) / 4
    let stride = step * CodeLayout.blockRows
    withUnsafeTemporaryAllocation(of: Int8.self, capacity: batch * groups * 4) { values in
      withUnsafeTemporaryAllocation(of: ck_code_hit.self, capacity: batch * stride) { hits in
        guard let values = values.baseAddress, let hits = hits.baseAddress else { return }
        var queries = [ck_code_query](repeating: ck_code_query(), count: range.count)
        var counts = [UInt32](repeating: 0, count: range.count)
        for (index, place) in range.enumerated() {
          _ = ck_encode_query(row(place), columns, values + index * groups * 4, &queries[index])
        }
        var centres = centres
        var block = 0
        while block < blocks {
          let end = min(blocks, block + step)
          CodeKernels.best.functions.pointee.scan(
            &centres, block, end, queries, range.count, nil, hits, stride, &counts, nil)
          for index in 0..<range.count {
            for hit in 0..<Int(counts[index]) {
              let hit = hits[index * stride + hit]
              // The next centres must be better than the best so far.
              guard hit.upper > queries[index].threshold else { continue }
              queries[index].threshold = hit.upper
              out[range.lowerBound + index] = hit.row
            }
          }
          block = end
        }
      }
    }
  }
}

import Compute

/// How much of an index an approximate search looks at.
package struct VectorProbe: Sendable, Equatable {
  /// The part of the rows that lie in the nearest clusters, of 1.
  package var fraction = 0.08
  /// Rows looked at in each segment, at least.
  package var leastRows = 4096

  package init() {}
}

extension VectorIndex {
  /// Vectors in segments that have clusters.
  package var clustered: Int {
    parts.reduce(0) { $0 + ($1.vectors.clusters > 0 ? $1.count : 0) }
  }

  /// Vectors that are searched exactly: beyond, a search that looks at all of them would take longer
  /// than the rest of a question (about 10 ms a million on two cores).
  package static let mostExact = 2_000_000

  /// The best rows, found exactly where that is quick enough and approximately where not.
  package func nearest(
    _ limit: Int, query: [Float], filter: VectorFilter? = nil
  ) throws(RetrievalError) -> (matches: [VectorMatch], spread: CosineSpread) {
    count <= Self.mostExact
      ? try top(limit, query: query, filter: filter)
      : try approximateTop(limit, query: query, filter: filter)
  }

  /// As `top(_:query:filter:)`, but in segments with clusters only the rows of the nearest clusters
  /// are looked at; segments without are searched whole. The cosines are true. The spread is that of
  /// an even sample of the rows.
  ///
  /// A filter that passes few rows makes the search look at more clusters, and at all of them where
  /// that is as quick.
  package func approximateTop(
    _ limit: Int, query: [Float], filter: VectorFilter? = nil, probe: VectorProbe = .init()
  ) throws(RetrievalError) -> (matches: [VectorMatch], spread: CosineSpread) {
    let passing = filter.map { Double($0.count) / Double(max(1, count)) } ?? 1
    let fraction = probe.fraction / max(passing, 1e-6)
    guard fraction < 0.5, query.count == dimension else {
      return try top(limit, query: query, filter: filter)
    }
    var near = codeParts(filter)
    var sample = near
    var looked = 0
    for (index, part) in parts.enumerated() where index < near.count {
      let blocks = CodeLayout.blocks(rows: part.vectors.rows)
      if part.vectors.clusters > 0 {
        let wanted = max(probe.leastRows, Int(fraction * Double(part.vectors.rows)))
        near[index].blocks = Self.blocks(of: part.vectors, nearest: query, rows: wanted)
        let step = max(1, min(Self.sampleStride, blocks / Self.sampleBlocks))
        sample[index].blocks = stride(from: 0, to: blocks, by: step).map { $0..<$0 + 1 }
      }
      looked += near[index].blocks?.reduce(0) { $0 + $1.count } ?? blocks
    }
    let isLarge = looked * CodeLayout.blockRows > VectorThreads.least
    var search = CodeSearch(pool: isLarge ? threads.pool : nil)
    search.sumsSpread = false
    let found = try run(search, limit, query, near, keeping: filter)
    search.sumsSpread = true
    let spread = try run(search, 0, query, sample, keeping: filter)
    return (
      matches: found.first.map(Self.matches) ?? [], spread: spread.first.map(Self.spread) ?? .init()
    )
  }

  /// Every so manyeth block tells of the spread, at most, and so many blocks of a segment, at least:
  /// rows of one block are alike.
  private static let sampleStride = 64
  private static let sampleBlocks = 256

  /// Blocks with the rows of the nearest clusters, at least `rows` of them, in order, none twice.
  private static func blocks(
    of segment: VectorSegment, nearest query: [Float], rows: Int
  ) -> [Range<Int>] {
    let scores = query.withUnsafeBufferPointer {
      CodeSearch().scores(segment.centres, columns: segment.columns, query: $0)
    }
    let order = (0..<scores.count).sorted {
      scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
    }
    var ranges: [Range<Int>] = []
    var total = 0
    for cluster in order where total < rows {
      let range = segment.rows(ofCluster: cluster)
      if range.isEmpty { continue }
      total += range.count
      let first = range.lowerBound / CodeLayout.blockRows
      ranges.append(first..<CodeLayout.blocks(rows: range.upperBound))
    }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    var joined: [Range<Int>] = []
    for range in ranges {
      if let last = joined.last, range.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }
}

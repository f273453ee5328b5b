import Compute

/// An immutable run of vectors: what is stored together is loaded, searched and dropped together.
final class VectorSegment: @unchecked Sendable {  // never written after `init`
  /// Ascending, one for each row.
  let ids: [Int64]
  let dimension: Int
  /// [ids.count][dimension], 64-byte aligned.
  let floats: UnsafeMutablePointer<Float>

  /// - Parameters:
  ///   - capacity: rows to make room for.
  ///   - fill: writes rows from the front and returns their ids, at most `capacity`.
  init(
    capacity: Int, dimension: Int,
    fill: (UnsafeMutableBufferPointer<Float>) throws -> [Int64]
  ) rethrows {
    let count = capacity * dimension
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
    let floats = raw.bindMemory(to: Float.self, capacity: max(1, count))
    do {
      ids = try fill(UnsafeMutableBufferPointer(start: floats, count: count))
    } catch {
      raw.deallocate()
      throw error
    }
    self.floats = floats
    self.dimension = dimension
  }

  deinit { UnsafeMutableRawPointer(floats).deallocate() }

  /// The row of an id, by binary search.
  func row(of id: Int64) -> Int? {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? low : nil
  }
}

/// A vector's id and its cosine with the query.
package struct VectorMatch: Sendable, Equatable {
  package var id: Int64
  package var cosine: Float
}

/// How the cosines of all vectors with one query are spread. Says what a cosine is worth.
package struct CosineSpread: Sendable, Equatable {
  package var count = 0
  package var sum = 0.0
  package var squares = 0.0

  package init() {}

  package var mean: Double { count > 0 ? sum / Double(count) : 0 }

  /// Standard deviation, drawn towards 0.1 when there are few vectors to tell it from.
  package var deviation: Double {
    let variance = max(0, count > 0 ? squares / Double(count) - mean * mean : 0)
    let prior = 20.0
    let drawn = (variance * Double(count) + prior * 0.01) / (Double(count) + prior)
    return max(drawn.squareRoot(), 1e-6)
  }

  /// Standard deviations above the mean.
  package func standardized(_ cosine: Double) -> Double { (cosine - mean) / deviation }
}

/// All vectors of an index, searched exactly. A value: a search keeps the state it began with while
/// a newer one is made from it.
///
/// Vectors lie in immutable segments with ascending ids; removing marks rows dead. Small segments
/// are joined and dead rows dropped when they become many, so that the work of a change is in
/// proportion to the change, with an occasional copy.
package struct VectorIndex: Sendable {
  package let dimension: Int
  private var segments: [Segment] = []

  private struct Segment: Sendable {
    var vectors: VectorSegment
    /// One bit a row; empty when no row is dead.
    var dead: [UInt64] = []
    var deadCount = 0

    func isDead(_ row: Int) -> Bool {
      !dead.isEmpty && dead[row / 64] & (1 << UInt64(row % 64)) != 0
    }
  }

  package init(dimension: Int) { self.dimension = dimension }

  /// Living vectors.
  package var count: Int { segments.reduce(0) { $0 + $1.vectors.ids.count - $1.deadCount } }

  package var lastID: Int64 { segments.last?.vectors.ids.last ?? 0 }

  /// Ids of living vectors, ascending.
  package var ids: [Int64] {
    var ids: [Int64] = []
    ids.reserveCapacity(count)
    for segment in segments {
      if segment.deadCount == 0 {
        ids.append(contentsOf: segment.vectors.ids)
      } else {
        for (row, id) in segment.vectors.ids.enumerated() where !segment.isDead(row) {
          ids.append(id)
        }
      }
    }
    return ids
  }

  /// Adds vectors whose ids are ascending and above all present ones.
  /// - Parameters:
  ///   - capacity: rows to make room for.
  ///   - fill: writes [row][dimension] from the front and returns the rows' ids.
  package mutating func append(
    capacity: Int, fill: (UnsafeMutableBufferPointer<Float>) throws -> [Int64]
  ) rethrows {
    let segment = try VectorSegment(capacity: capacity, dimension: dimension, fill: fill)
    guard !segment.ids.isEmpty else { return }
    segments.append(Segment(vectors: segment))
    joinSmall()
  }

  /// Removes vectors; ids that are not there are ignored.
  package mutating func remove(_ ids: [Int64]) {
    for id in ids {
      guard let (index, row) = find(id) else { continue }
      if segments[index].dead.isEmpty {
        segments[index].dead = .init(
          repeating: 0, count: (segments[index].vectors.ids.count + 63) / 64)
      }
      segments[index].dead[row / 64] |= 1 << UInt64(row % 64)
      segments[index].deadCount += 1
    }
    for index in segments.indices.reversed() {
      let total = segments[index].vectors.ids.count
      if segments[index].deadCount == total {
        segments.remove(at: index)
      } else if segments[index].deadCount * 4 > total {
        segments[index] = joined(segments[index...index])
      }
    }
  }

  /// The best rows by inner product (the cosine: all vectors have length 1), best first, ties by
  /// lower id, and the spread of all cosines.
  /// - Parameter query: [dimension].
  package func top(_ limit: Int, query: [Float]) -> (matches: [VectorMatch], spread: CosineSpread) {
    var best = TopRows(capacity: limit)
    var spread = CosineSpread()
    var base = 0
    for segment in segments {
      scan(segment, base: base, query: query, &best, &spread)
      base += segment.vectors.ids.count
    }
    let matches = best.sorted().map { row -> VectorMatch in
      VectorMatch(id: id(atRow: row.row), cosine: row.score)
    }
    return (matches, spread)
  }

  private func scan(
    _ segment: Segment, base: Int, query: [Float], _ best: inout TopRows,
    _ spread: inout CosineSpread
  ) {
    let vectors = segment.vectors
    guard query.count == dimension else { return }
    VectorSearch.forEachBlock(
      matrix: vectors.floats, rows: vectors.ids.count, columns: dimension, query: query
    ) { first, scores in
      var sum: Float = 0
      var squares: Float = 0
      var threshold = best.threshold
      for index in 0..<scores.count {
        let score = scores[index]
        let row = first + index
        if segment.isDead(row) { continue }
        sum += score
        squares += score * score
        if score >= threshold {
          best.offer(ScoredRow(row: base + row, score: score))
          threshold = best.threshold
        }
      }
      spread.sum += Double(sum)
      spread.squares += Double(squares)
    }
    spread.count += vectors.ids.count - segment.deadCount
  }

  /// The cosine of one vector with the query; nil when the id is not there.
  package func cosine(of id: Int64, query: [Float]) -> Float? {
    guard let (index, row) = find(id), query.count == dimension else { return nil }
    let start = segments[index].vectors.floats + row * dimension
    var sum: Float = 0
    for column in 0..<dimension { sum += start[column] * query[column] }
    return sum
  }

  private func find(_ id: Int64) -> (segment: Int, row: Int)? {
    for (index, segment) in segments.enumerated() {
      guard let last = segment.vectors.ids.last, id <= last else { continue }
      guard let row = segment.vectors.row(of: id), !segment.isDead(row) else { return nil }
      return (index, row)
    }
    return nil
  }

  private func id(atRow row: Int) -> Int64 {
    var rest = row
    for segment in segments {
      if rest < segment.vectors.ids.count { return segment.vectors.ids[rest] }
      rest -= segment.vectors.ids.count
    }
    return 0
  }

  /// Joins the last segments while the one before is not more than twice as large: there are then at
  /// most about log2(count) segments, and a vector is copied about as often.
  private mutating func joinSmall() {
    while segments.count >= 2 {
      let last = segments[segments.count - 1].vectors.ids.count
      let before = segments[segments.count - 2].vectors.ids.count
      guard before <= last * 2 else { return }
      let range = (segments.count - 2)..<segments.count
      segments.replaceSubrange(range, with: [joined(segments[range])])
    }
  }

  private func joined(_ old: ArraySlice<Segment>) -> Segment {
    var ids: [Int64] = []
    var runs: [(UnsafePointer<Float>, Int)] = []
    for segment in old {
      for (row, id) in segment.vectors.ids.enumerated() where !segment.isDead(row) {
        ids.append(id)
        let start = UnsafePointer(segment.vectors.floats + row * dimension)
        if let (from, count) = runs.last, from + count == start {
          runs[runs.count - 1].1 += dimension
        } else {
          runs.append((start, dimension))
        }
      }
    }
    let vectors = VectorSegment(capacity: ids.count, dimension: dimension) { target in
      var offset = 0
      for (start, count) in runs {
        (target.baseAddress! + offset).update(from: start, count: count)
        offset += count
      }
      return ids
    }
    return withExtendedLifetime(old) { Segment(vectors: vectors) }
  }
}

import CBLAS

/// A row of a matrix and its score.
package struct ScoredRow: Sendable, Equatable {
  package var row: Int
  package var score: Float

  package init(row: Int, score: Float) {
    self.row = row
    self.score = score
  }

  /// Better first: the higher score, on ties the lower row. NaN is worse than everything.
  @inline(__always)
  package static func isBetter(_ a: ScoredRow, _ b: ScoredRow) -> Bool {
    if a.score == b.score { return a.row < b.row }
    return a.score > b.score || (b.score.isNaN && !a.score.isNaN)
  }
}

/// Keeps the best `capacity` rows of those offered; O(log capacity) for a row that enters.
package struct TopRows: Sendable {
  package let capacity: Int
  /// A heap whose root is the worst row kept.
  private var heap: [ScoredRow] = []

  package init(capacity: Int) {
    self.capacity = max(0, capacity)
    heap.reserveCapacity(self.capacity)
  }

  package mutating func offer(_ candidate: ScoredRow) {
    if heap.count < capacity {
      heap.append(candidate)
      rise()
    } else if let worst = heap.first, ScoredRow.isBetter(candidate, worst) {
      heap[0] = candidate
      sink()
    }
  }

  /// A row with a lower score cannot enter; rows with this score may.
  package var threshold: Float {
    heap.count < capacity ? -.infinity : heap.first?.score ?? .infinity
  }

  /// The rows kept, in no order.
  package var rows: [ScoredRow] { heap }

  /// Best first.
  package func sorted() -> [ScoredRow] { heap.sorted(by: ScoredRow.isBetter) }

  private mutating func rise() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard ScoredRow.isBetter(heap[parent], heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if ScoredRow.isBetter(heap[worst], heap[child]) { worst = child }
      }
      if worst == parent { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }
}

/// Exact products of vectors with the rows of a matrix, through BLAS.
package enum VectorSearch {
  /// Rows worked on at once: their scores stay in the second-level cache.
  package static let blockRows = 16_384

  /// scores[row] = matrix[row] · query. Corresponds to `cblas_sgemv`.
  /// - Parameters:
  ///   - matrix: [rows][columns], row-major.
  ///   - query: [columns].
  ///   - scores: [rows], overwritten.
  package static func multiply(
    matrix: UnsafePointer<Float>, rows: Int, columns: Int, query: UnsafePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    guard rows > 0, columns > 0 else { return }
    cblas_sgemv(
      CblasRowMajor, CblasNoTrans, Int32(rows), Int32(columns), 1, matrix, Int32(columns), query, 1,
      0, scores, 1)
  }

  /// scores[query][row] = matrix[row] · queries[query]. Corresponds to `cblas_sgemm`.
  package static func multiply(
    matrix: UnsafePointer<Float>, rows: Int, columns: Int, queries: UnsafePointer<Float>,
    count: Int, into scores: UnsafeMutablePointer<Float>
  ) {
    guard rows > 0, columns > 0, count > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), Int32(rows), Int32(columns), 1,
      queries,
      Int32(columns), matrix, Int32(columns), 0, scores, Int32(rows))
  }

  /// Calls `body` with the scores of one block of rows after another: (first row, scores).
  package static func forEachBlock(
    matrix: UnsafePointer<Float>, rows: Int, columns: Int, query: UnsafePointer<Float>,
    _ body: (Int, UnsafeBufferPointer<Float>) -> Void
  ) {
    let size = min(rows, blockRows)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: max(size, 1)) { scores in
      var first = 0
      while first < rows {
        let count = min(size, rows - first)
        multiply(
          matrix: matrix + first * columns, rows: count, columns: columns, query: query,
          into: scores.baseAddress!)
        body(first, UnsafeBufferPointer(rebasing: scores[..<count]))
        first += count
      }
    }
  }
}

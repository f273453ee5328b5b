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

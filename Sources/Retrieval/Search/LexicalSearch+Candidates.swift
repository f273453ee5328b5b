import Compute
import Database

// Which passages are worth an exact score.
extension LexicalSearch {
  /// Passages that look best before their length is known.
  func candidates(_ limit: Int) -> [Int64] {
    let order = proposing.sorted {
      let (left, right) = (terms[$0].list.rows.count, terms[$1].list.rows.count)
      return left != right ? left < right : $0 < $1
    }
    let lists = order.map { terms[$0].list.rows }
    guard let first = lists.compactMap(\.first).min(), let last = lists.compactMap(\.last).max()
    else { return [] }
    // Passages are numbered without large gaps, so that a place for each is no waste.
    let span = Int(clamping: last - first) + 1
    let total = lists.reduce(0) { $0 + $1.count }
    if span <= max(1 << 16, min(total * 64, Self.mostPlaces)) {
      return best(limit, placed(order, first: first, span: span), { first + Int64($0) })
    }
    var rows: [Int64] = []
    var scores: [Float] = []
    for index in order {
      (rows, scores) = merged(rows, scores, terms[index])
    }
    return best(limit, scores, { rows[$0] })
  }

  /// Places of the table of scores, at most: 32 MiB.
  private static let mostPlaces = 8 << 20

  /// The rows with the best scores above 0, and those as good as the last of them.
  private func best(_ limit: Int, _ scores: [Float], _ row: (Int) -> Int64) -> [Int64] {
    var best = TopRows(capacity: limit)
    var least: Float = 0
    scores.withUnsafeBufferPointer { scores in
      for place in 0..<scores.count where scores[place] > least {
        if let passing, !passing.contains(row(place)) { continue }
        best.offer(ScoredRow(row: place, score: scores[place]))
        least = max(0, best.threshold)
      }
    }
    let chosen = best.sorted()
    var found = chosen.map { row($0.row) }
    guard chosen.count == limit, let last = chosen.last else { return found }
    // Which of those as good as the last are in must not depend on when they were indexed.
    for place in (last.row + 1)..<max(last.row + 1, scores.count) where scores[place] == last.score
    {
      if found.count == limit + limits.ties { break }
      if let passing, !passing.contains(row(place)) { continue }
      found.append(row(place))
    }
    return found
  }

  var looksAtEach: Bool {
    passing.map { $0.ids.count <= limits.eachPassing } ?? false
  }

  /// Passages under a filter with a word that was too common to be read.
  func withUnread(_ passing: PassingPassages, besides found: Set<Int64>) throws -> [Int64] {
    if unread.isEmpty { return [] }
    let expression = unread.map { QueryTerms.phrase($0.word) }.joined(separator: " OR ")
    return try passing.ids.filter { id in
      guard !found.contains(id) else { return false }
      return try connection.frequencies(
        of: expression, count: unread.count, in: "words", row: id, weights: IndexSchema.weights
      ).contains { $0 > 0 }
    }
  }

  /// What one occurrence list adds to a row.
  @inline(__always)
  private func addition(_ term: Term, _ index: Int) -> Float {
    let frequency = term.list.frequencies[index]
    let k1 = Float(model.k1)
    return Float(term.value) * frequency * (k1 + 1) / (frequency + k1)
  }

  /// Scores of the rows `first`..<`first + span`.
  private func placed(_ order: [Int], first: Int64, span: Int) -> [Float] {
    var scores = [Float](repeating: 0, count: span)
    scores.withUnsafeMutableBufferPointer { scores in
      for index in order {
        let term = terms[index]
        term.list.rows.withUnsafeBufferPointer { rows in
          for place in 0..<rows.count {
            scores[Int(rows[place] - first)] += addition(term, place)
          }
        }
      }
    }
    return scores
  }

  private func merged(
    _ rows: [Int64], _ scores: [Float], _ term: Term
  ) -> ([Int64], [Float]) {
    let list = term.list
    var outRows: [Int64] = []
    var outScores: [Float] = []
    outRows.reserveCapacity(rows.count + list.rows.count)
    outScores.reserveCapacity(rows.count + list.rows.count)
    var left = 0
    var right = 0
    while left < rows.count || right < list.rows.count {
      let a = left < rows.count ? rows[left] : .max
      let b = right < list.rows.count ? list.rows[right] : .max
      var score: Float = 0
      if a <= b {
        score += scores[left]
        left += 1
      }
      if b <= a {
        score += addition(term, right)
        right += 1
      }
      outRows.append(min(a, b))
      outScores.append(score)
    }
    return (outRows, outScores)
  }
}

/// What was probably meant.
package enum Suggestion {
  /// The candidate nearest to `word`, if it is near enough to be a slip: about one slip in three
  /// letters, or a beginning.
  package static func nearest(to word: String, among candidates: [String]) -> String? {
    let wanted = word.lowercased()
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let distance = distance(wanted, candidate.lowercased())
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    if let best, best.distance <= max(1, wanted.count / 3) { return best.candidate }
    let beginnings = candidates.filter { wanted.count > 2 && $0.lowercased().hasPrefix(wanted) }
    return beginnings.count == 1 ? beginnings[0] : nil
  }

  /// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string
  /// alignment distance).
  package static func distance(_ left: String, _ right: String) -> Int {
    let a = Array(left)
    let b = Array(right)
    var rows = [[Int]](
      repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    for i in 1...a.count {
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        var value = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          value = min(value, rows[i - 2][j - 2] + 1)
        }
        rows[i][j] = value
      }
    }
    return rows[a.count][b.count]
  }
}

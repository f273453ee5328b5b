import Database

/// Puts passages of equal score into the order of their files' paths, and within a file into that of
/// their places, so that what a search answers does not depend on the order in which files were
/// indexed.
struct PassageOrder {
  let connection: Connection

  /// What precedes: the path's bytes, then the place in the file.
  private struct Place: Comparable {
    var path: [UInt8]
    var ordinal: Int64

    static func < (a: Place, b: Place) -> Bool {
      a.path == b.path ? a.ordinal < b.ordinal : a.path.lexicographicallyPrecedes(b.path)
    }
  }

  /// Sorts best score first, equals by place. Only the places of equals are looked up.
  func sort<Item>(
    _ items: inout [Item], score: (Item) -> Double, chunk: (Item) -> Int64
  ) throws {
    items.sort { a, b in
      let (left, right) = (score(a), score(b))
      return left != right ? left > right : chunk(a) < chunk(b)
    }
    var first = 0
    while first < items.count {
      var end = first + 1
      while end < items.count, score(items[end]) == score(items[first]) { end += 1 }
      if end - first > 1 {
        let placed = try items[first..<end].map { ($0, try place(of: chunk($0))) }
        items.replaceSubrange(first..<end, with: placed.sorted { $0.1 < $1.1 }.map(\.0))
      }
      first = end
    }
  }

  private func place(of chunk: Int64) throws -> Place {
    let statement = try connection.statement(
      "SELECT path, ordinal FROM chunk JOIN file ON file.id = file_id WHERE chunk.id = ?"
    ).bind(1, chunk)
    defer { statement.reset() }
    guard try statement.step() else { return Place(path: [], ordinal: chunk) }
    return Place(path: statement.blob(0), ordinal: statement.integer(1))
  }
}

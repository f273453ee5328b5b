import Database
import Glibc

// Few large segments are made of many small ones.
extension VectorStore {
  /// So many segments of like size are joined into one.
  static let fanOut = 8
  /// Segments below this are all of one size.
  static let smallest = 512

  /// Joins small segments and writes those anew of which more than a quarter is gone, until none is
  /// left to do. A vector is copied about log8(count / 512) times in its life.
  func compact() throws {
    while try startJoining() { try finishJoining() }
    try unlinking?.result()
    unlinking = nil
  }

  /// As `compact`, but on another thread: ends what was begun by an earlier call, when it is ready, and
  /// begins what is due next.
  func compactBeside() throws {
    if let joining, !joining.draft.isWritten { return }
    try finishJoining()
    _ = try startJoining()
  }

  /// The segments to write anew as one; nil when all is well.
  static func due(_ rows: [Row]) -> [Row]? {
    if let rotten = rows.first(where: { $0.deadCount * 4 > $0.rows }) { return [rotten] }
    let tiers = Dictionary(grouping: rows) { row -> Int in
      var tier = 0
      var size = row.living / smallest
      while size > 0 { (tier, size) = (tier + 1, size / fanOut) }
      return tier
    }
    return tiers.filter { $0.value.count >= fanOut }.min { $0.key < $1.key }?.value
  }

  /// Segments being written anew as one.
  struct Joining {
    let old: [Row]
    let draft: SegmentDraft
  }

  /// False when nothing is being joined and nothing is due.
  private func startJoining() throws -> Bool {
    if joining != nil { return true }
    guard let old = Self.due(try Self.rows(connection)) else { return false }
    var ids: [Int64] = []
    var places: [(segment: Int32, row: UInt32)] = []
    let segments = try old.map { try segment($0) }
    for (index, (row, segment)) in zip(old, segments).enumerated() {
      let alive = row.dead.withUnsafeBytes { RowMask(rows: segment.rows, dead: $0) }
      for place in 0..<segment.rows where alive.isShown(place) {
        ids.append(segment.ids[place])
        places.append((Int32(index), UInt32(place)))
      }
    }
    let columns = segments.first?.columns ?? 0
    let draft = try draft(rows: ids.count) {
      [threads, ids, places] path, nonce, embedder, stop in
      if ids.isEmpty { return }
      var rows = SegmentWriter.Rows(ids: ids, columns: columns) { index in
        let place = places[index]
        return segments[Int(place.segment)].floats + Int(place.row) * columns
      }
      try rows.cluster(threads: threads) { stop.isSet }
      try SegmentWriter.write(rows, to: path, nonce: nonce, embedder: embedder)
    }
    joining = Joining(old: old, draft: draft)
    return true
  }

  /// Waits for what is being joined, and lets it take the place of what it was made of.
  private func finishJoining() throws {
    guard let joining else { return }
    joining.draft.wait()
    self.joining = nil
    // A reader finds the old files or the new one, never neither.
    try durably {
      if joining.draft.rows > 0 { try publish(joining.draft) }
      let delete = try connection.statement("DELETE FROM segment WHERE id = ?")
      for row in joining.old { try delete.bind(1, row.number).run() }
    }
    if joining.draft.rows > 0 { joining.draft.keep() }
    for row in joining.old { open[row.number] = nil }
    // To unlink what is cached takes a while.
    let old = joining.old.map { Self.path($0.number, in: folder) }
    unlinking = Beside { for path in old { unlink(path) } }
  }
}

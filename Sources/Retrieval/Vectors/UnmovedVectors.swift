import Database

/// Vectors that lie in the database still: those of format 1 before the first run that may write.
struct UnmovedVectors {
  private(set) var ids: [Int64] = []
  /// [ids.count][columns]
  private let floats: [Float]
  private let columns: Int

  /// Reads the first `limit` of them; nil when there are none.
  /// - Throws: `DatabaseError` (`.corrupt`) when they are not of one length.
  init?(_ connection: Connection, limit: Int = .max) throws {
    let table = try connection.schemaVersion() < 2 ? "embedding" : "unmoved"
    let rows = try connection.statement("SELECT id, vector FROM \(table) ORDER BY id LIMIT ?")
      .bind(1, limit)
    defer { rows.reset() }
    var width = 0
    var floats: [Float] = []
    while try rows.step() {
      let fits = rows.withBlob(1) { blob in
        if width == 0 { width = blob.count }
        guard blob.count == width, width > 0, width % 4 == 0 else { return false }
        floats.append(contentsOf: blob.bindMemory(to: Float.self))
        return true
      }
      guard fits else {
        throw DatabaseError(
          .corrupt,
          "The database \(connection.path) is damaged (vector \(rows.integer(0)) has not "
            + "\(width) bytes). Build it anew with `carrel index rebuild`.",
          path: connection.path)
      }
      ids.append(rows.integer(0))
    }
    if ids.isEmpty { return nil }
    columns = width / 4
    self.floats = floats
  }

  var last: Int64 { ids.last ?? 0 }

  /// Lends the vectors as rows of a segment.
  func withRows<R>(_ body: (SegmentWriter.Rows) throws -> R) rethrows -> R? {
    try floats.withUnsafeBufferPointer { floats in
      guard let base = floats.baseAddress else { return nil }
      return try body(.init(ids: ids, columns: columns) { base + $0 * columns })
    }
  }
}

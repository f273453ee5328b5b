/// Statements that insert several rows, by their number: index 0 is none, the last `rows`.
///
/// A statement for each passage takes twice as long: most of its time it looks up and writes back the last
/// number given out (`AUTOINCREMENT`). `OR FAIL` leaves the rows before a refused one, which the
/// transaction then undoes; any other way SQLite prepares to undo the statement alone, and that makes FTS5
/// write its words out (`xSavepoint`). Foreign keys must be off for the same reason.
enum WideInsert {
  static let rows = 16
  static let chunkColumns: Int32 = 9

  static let chunks = statements(
    """
    chunk(file_id, ordinal, start_byte, end_byte, start_line, end_line, embedding_id, headings, body)
    """, columns: Int(chunkColumns))
  static let embeddings = statements("embedding(id, hash)", columns: 2)

  private static func statements(_ table: String, columns: Int) -> [String] {
    let row = "(" + [String](repeating: "?", count: columns).joined(separator: ", ") + ")"
    return (0...rows).map { count in
      "INSERT OR FAIL INTO \(table) VALUES "
        + [String](repeating: row, count: count).joined(separator: ", ")
    }
  }
}

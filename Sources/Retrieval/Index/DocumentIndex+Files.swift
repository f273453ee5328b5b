import Database

/// One file whose passages can be found.
package struct FileRow: Sendable, Equatable {
  /// Absolute.
  package let path: String
  /// Bytes, and nanoseconds since 1970, when it was indexed.
  package let size: Int
  package let modified: Int64
  package let passages: Int
}

/// One passage as it is kept.
package struct PassageRow: Sendable, Equatable {
  package let id: Int64
  package let path: String
  /// Place in its file from 0.
  package let ordinal: Int
  package let startLine: Int
  package let endLine: Int
  package let startByte: Int
  package let endByte: Int
  package let headings: String
  package let text: String
}

extension DocumentIndex {
  /// Indexed files in the order of their paths' bytes.
  /// - Parameter path: begin behind this one; nil begins at the first.
  package func files(after path: String?, limit: Int) throws -> [FileRow] {
    try reader.read(vectors: false) { connection, _ in
      let rows = try connection.statement(
        """
        SELECT path, size, modified_ns, (SELECT count(*) FROM chunk WHERE file_id = file.id)
        FROM file WHERE skipped IS NULL AND path > ?1 ORDER BY path LIMIT ?2
        """
      ).bind(1, path ?? "").bind(2, Int64(limit))
      defer { rows.reset() }
      var found: [FileRow] = []
      while try rows.step() {
        found.append(
          FileRow(
            path: rows.text(0), size: Int(rows.integer(1)), modified: rows.integer(2),
            passages: Int(rows.integer(3))))
      }
      return found
    }
  }

  /// Whether passages of exactly this path can be found.
  package func holds(file path: String) throws -> Bool {
    try reader.read(vectors: false) { connection, _ in
      let row = try connection.statement(
        "SELECT 1 FROM file WHERE path = ?1 AND skipped IS NULL"
      ).bind(1, path)
      defer { row.reset() }
      return try row.step()
    }
  }

  /// A passage with its neighbours in the file, in their order; empty when there is no such passage.
  package func passages(around id: Int64, before: Int, after: Int) throws -> [PassageRow] {
    try reader.read(vectors: false) { connection, _ in
      let rows = try connection.statement(
        """
        SELECT other.id, file.path, other.ordinal, other.start_line, other.end_line,
          other.start_byte, other.end_byte, other.headings, other.body
        FROM chunk AS one JOIN chunk AS other ON other.file_id = one.file_id
          AND other.ordinal BETWEEN one.ordinal - ?2 AND one.ordinal + ?3
        JOIN file ON file.id = one.file_id
        WHERE one.id = ?1 ORDER BY other.ordinal
        """
      ).bind(1, id).bind(2, Int64(before)).bind(3, Int64(after))
      defer { rows.reset() }
      var found: [PassageRow] = []
      while try rows.step() {
        found.append(
          PassageRow(
            id: rows.integer(0), path: rows.text(1), ordinal: Int(rows.integer(2)),
            startLine: Int(rows.integer(3)), endLine: Int(rows.integer(4)),
            startByte: Int(rows.integer(5)), endByte: Int(rows.integer(6)),
            headings: rows.text(7), text: rows.text(8)))
      }
      return found
    }
  }
}

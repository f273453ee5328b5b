import Database

/// A file ready to be written.
struct FileRecord: Sendable {
  var path: String
  var size: Int
  var modified: Int64
  var sha256: [UInt8]
  /// The path below its root, as words for the lexical side.
  var words: String
  var title: String
  var isConverted: Bool
  /// Why the file has no passages; nil when it was read.
  var skipped: String?
}

/// A passage ready to be written.
struct ChunkRecord: Sendable {
  var range: Range<Int>
  var startLine: Int
  var endLine: Int
  var headings: String
  /// Where the passage lies in its file's text.
  var textRange: Range<Int>
  var hash: PassageHash
}

/// The statements that change an index. Owns the writing connection; used by one run at a time.
final class IndexStore {
  let connection: Connection
  let vectors: VectorStore
  /// Vectors that lost a passage in this run: dropped at its end unless another took them.
  var maybeOrphaned: Set<Int64> = []
  /// Passages this store removed: their words stay in FTS5 as deleted until it merges.
  var removedChunks = 0

  /// What `file.format` must be for a file to count as read with today's settings.
  let format: Int64
  let merge: WordMerge

  init(
    _ connection: Connection, format: Int64 = IndexSchema.format, threads: VectorThreads = .shared,
    merge: WordMerge = WordMerge()
  ) {
    self.connection = connection
    self.format = format
    self.merge = merge
    vectors = VectorStore(connection, threads: threads)
  }

  // MARK: Meta

  func meta(_ key: String) throws -> String? {
    let statement = try connection.statement("SELECT value FROM meta WHERE key = ?")
    defer { statement.reset() }
    try statement.bind(1, key)
    return try statement.step() ? statement.text(0) : nil
  }

  func setMeta(_ key: String, _ value: String?) throws {
    if let value {
      try connection.statement("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")
        .bind(1, key).bind(2, value).run()
    } else {
      try connection.statement("DELETE FROM meta WHERE key = ?").bind(1, key).run()
    }
  }

  // MARK: Roots and manifest

  func roots() throws -> [(id: Int64, path: String, skipped: String)] {
    let statement = try connection.statement("SELECT id, path, skipped FROM root ORDER BY path")
    defer { statement.reset() }
    var roots: [(id: Int64, path: String, skipped: String)] = []
    while try statement.step() {
      roots.append((statement.integer(0), statement.text(1), statement.text(2)))
    }
    return roots
  }

  func addRoot(_ path: String) throws {
    try connection.statement("INSERT OR IGNORE INTO root(path) VALUES(?)").bind(1, path).run()
  }

  func setSkipped(root: Int64, _ skipped: String) throws {
    try connection.statement("UPDATE root SET skipped = ? WHERE id = ?")
      .bind(1, skipped).bind(2, root).run()
  }

  func dropRoot(_ id: Int64) throws {
    try connection.statement("DELETE FROM root WHERE id = ?").bind(1, id).run()
  }

  /// Every file.
  func manifest() throws -> Manifest {
    let statement = try connection.statement(
      "SELECT id, root_id, path, size, modified_ns, format, embedded FROM file")
    defer { statement.reset() }
    var manifest = Manifest(
      capacity: Int(try connection.integer("SELECT count(*) FROM file") ?? 0))
    while try statement.step() {
      manifest.add(
        statement.text(2),
        ManifestEntry(
          id: statement.integer(0), rootID: statement.integer(1), size: Int(statement.integer(3)),
          modified: statement.integer(4), format: statement.integer(5),
          embedded: statement.integer(6) != 0))
    }
    return manifest
  }

  /// Files of a root that were read.
  func fileCount(root: Int64) throws -> Int {
    let statement = try connection.statement(
      "SELECT count(*) FROM file WHERE root_id = ? AND skipped IS NULL"
    ).bind(1, root)
    defer { statement.reset() }
    return try statement.step() ? Int(statement.integer(0)) : 0
  }

  /// Ids of the file of this path, of those below it, and of those of some roots; ascending.
  func files(below path: String, roots: [Int64]) throws -> [Int64] {
    var found: Set<Int64> = []
    // "0" is the byte after "/".
    let below = try connection.statement(
      "SELECT id FROM file WHERE path = ?1 OR path > ?1 || '/' AND path < ?1 || '0'"
    ).bind(1, path)
    while try below.step() { found.insert(below.integer(0)) }
    below.reset()
    let rooted = try connection.statement("SELECT id FROM file WHERE root_id = ?")
    for root in roots {
      try rooted.bind(1, root)
      while try rooted.step() { found.insert(rooted.integer(0)) }
      rooted.reset()
    }
    return found.sorted()
  }

  /// The hash of a file's bytes when it was read.
  func sha256(ofFile id: Int64) throws -> [UInt8]? {
    let statement = try connection.statement("SELECT sha256 FROM file WHERE id = ?").bind(1, id)
    defer { statement.reset() }
    return try statement.step() ? statement.blob(0) : nil
  }

  /// The bytes are the same, only the clock or the owner moved.
  func touch(_ id: Int64, size: Int, modified: Int64, root: Int64) throws {
    try connection.statement(
      "UPDATE file SET size = ?, modified_ns = ?, root_id = ? WHERE id = ?"
    ).bind(1, size).bind(2, modified).bind(3, root).bind(4, id).run()
  }

  // MARK: Files

  /// Removes a file with its passages and words; its vectors stay until `dropOrphans`.
  func removeFile(_ id: Int64) throws {
    let orphans = try connection.statement(
      "SELECT DISTINCT embedding_id FROM chunk WHERE file_id = ? AND embedding_id IS NOT NULL"
    ).bind(1, id)
    while try orphans.step() { maybeOrphaned.insert(orphans.integer(0)) }
    orphans.reset()
    // An FTS5 table with outside content must be told what it is to forget.
    try connection.statement(
      """
      INSERT INTO words(words, rowid, path, title, headings, body)
      SELECT 'delete', chunk.id, file.words, file.title, chunk.headings, chunk.body
      FROM chunk JOIN file ON file.id = chunk.file_id WHERE chunk.file_id = ?
      """
    ).bind(1, id).run()
    try connection.statement("DELETE FROM chunk WHERE file_id = ?").bind(1, id).run()
    removedChunks += connection.changedRows
    try connection.statement("DELETE FROM file WHERE id = ?").bind(1, id).run()
  }

  /// Writes a file and its passages; the file must not be there. Returns the file's id.
  /// - Parameters:
  ///   - utf8: the text that `textRange`s point into.
  ///   - tokens: the words of all that.
  ///   - vectors: id of each passage's vector; nil for none.
  @discardableResult
  func insert(
    _ file: FileRecord, root: Int64, chunks: [ChunkRecord], utf8: [UInt8], tokens: FileTokens,
    vectors: [Int64]?
  ) throws -> Int64 {
    let id = try insertFile(file, root: root, embedded: vectors != nil)
    // The table keeps no text, so it is given the words alone.
    let words = try connection.statement(
      "INSERT INTO words(rowid, path, title, headings, body) VALUES(?, ?, ?, ?, ?)")
    try utf8.withUnsafeBytes { bytes in
      try tokens.list.withUnsafeBytes { list in
        var first = 0
        while first < chunks.count {
          let part = first..<min(first + WideInsert.rows, chunks.count)
          let rows = try connection.statement(WideInsert.chunks[part.count])
          for ordinal in part {
            let chunk = chunks[ordinal]
            let place = Int32(ordinal - first) * WideInsert.chunkColumns
            try rows.bind(place + 1, id).bind(place + 2, ordinal)
              .bind(place + 3, chunk.range.lowerBound).bind(place + 4, chunk.range.upperBound)
              .bind(place + 5, chunk.startLine).bind(place + 6, chunk.endLine)
              .bind(place + 7, vectors?[ordinal]).bind(place + 8, chunk.headings)
            try rows.bindLentText(
              place + 9, UnsafeRawBufferPointer(rebasing: bytes[chunk.textRange]))
          }
          try rows.run()
          // One statement gives out numbers in a row.
          let last = connection.lastInsertedRow
          for ordinal in part {
            try words.bind(1, last - Int64(part.upperBound - 1 - ordinal))
            try tokens.bind(ordinal, of: list, to: words, from: 2)
            try connection.withTokenLists { try words.run() }
          }
          first = part.upperBound
        }
      }
    }
    return id
  }

  private func insertFile(_ file: FileRecord, root: Int64, embedded: Bool) throws -> Int64 {
    try connection.statement(
      """
      INSERT INTO file(root_id, path, size, modified_ns, sha256, format, skipped, words, title,
        converted, embedded) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """
    ).bind(1, root).bind(2, file.path).bind(3, file.size).bind(4, file.modified)
      .bind(5, file.sha256).bind(6, format).bind(7, file.skipped).bind(8, file.words)
      .bind(9, file.title).bind(10, file.isConverted ? 1 : 0).bind(11, embedded ? 1 : 0).run()
    return connection.lastInsertedRow
  }

  // MARK: Vectors

  /// The vector made of a text with this hash, if there is one.
  func embedding(hash: PassageHash) throws -> Int64? {
    let statement = try connection.statement("SELECT id FROM embedding WHERE hash = ?")
    defer { statement.reset() }
    try statement.bind(1, hash.bytes)
    return try statement.step() ? statement.integer(0) : nil
  }
}

import Database
import Glibc

extension DocumentIndex {
  /// What the index holds.
  /// - Parameter checkingDisk: also count stale files: reads folders, opens no files.
  package func status(checkingDisk: Bool, options: IndexOptions = .init()) throws -> IndexStatus {
    try reader.read(vectors: false) { connection, _ in
      let store = IndexStore(connection)
      let roots = try store.roots()
      var skipped: [SkipReason: Int] = [:]
      for root in roots { skipped.merge(SkipReason.decode(root.skipped)) { $0 + $1 } }
      let refused = try connection.statement(
        "SELECT skipped, count(*) FROM file WHERE skipped IS NOT NULL GROUP BY skipped")
      while try refused.step() {
        if let reason = SkipReason(description: refused.text(0)) {
          skipped[reason, default: 0] += Int(refused.integer(1))
        }
      }
      refused.reset()
      func count(_ sql: String) throws -> Int { Int(try connection.integer(sql) ?? 0) }
      return IndexStatus(
        path: databasePath, roots: roots.map(\.path),
        files: try count("SELECT count(*) FROM file WHERE skipped IS NULL"),
        chunks: try count("SELECT count(*) FROM chunk"),
        embedded: try count("SELECT count(*) FROM chunk WHERE embedding_id IS NOT NULL"),
        stale: checkingDisk ? try stale(store, roots, options) : nil,
        bytes: try ["", "-wal", "-shm"].reduce(0) { $0 + Self.fileSize(databasePath + $1) }
          + VectorStore.byteCount(connection),
        sourceBytes: try count("SELECT coalesce(sum(size), 0) FROM file WHERE skipped IS NULL"),
        embedder: try store.embedder(), skipped: skipped)
    }
  }

  /// Bytes of the vectors' files, which a search maps.
  package func vectorBytes() throws -> Int {
    try reader.read(vectors: false) { connection, _ in try VectorStore.byteCount(connection) }
  }

  private func stale(
    _ store: IndexStore, _ roots: [(id: Int64, path: String, skipped: String)],
    _ options: IndexOptions
  ) throws -> Int {
    var manifest = try store.manifest()
    let extractor = TextExtractor()
    var stale = 0
    for root in roots {
      var scanner = FolderScanner(options: own(options))
      for file in manifest.scan(root.path, &scanner) {
        switch manifest.find(file.path) {
        case .again: break
        case .new:
          // What a refresh could not read either is not behind.
          if access(file.path, R_OK) == 0, extractor.missingConverter(for: file.path) == nil {
            stale += 1
          }
        case .known(let entry):
          if entry.size != file.size || entry.modified != file.modified { stale += 1 }
        }
      }
    }
    return stale + manifest.gone(from: Set(roots.map(\.id))).count
  }

  private static func fileSize(_ path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : 0
  }

  /// Checks that the tables agree with each other, row by row. Returns a sentence for each
  /// disagreement; none when all is well.
  package func verify() throws -> [String] {
    // FTS5 checks itself only where it might write.
    let canWrite = access(databasePath, W_OK) == 0 && access(folder, W_OK) == 0
    let connection = try IndexSchema.open(databasePath, mode: canWrite ? .readWrite : .readOnly)
    var problems: [String]?
    var attempts = 10
    while problems == nil {
      attempts -= 1
      problems = try connection.snapshot {
        // First, because a writer may join the files of this state and remove them: then look again.
        let files = try VectorStore.openAll(connection)
        if attempts > 0, files.contains(where: { $0.segment == nil }) { return nil }
        return try Self.problems(connection, files)
      }
    }
    var found = problems ?? []
    if canWrite {
      do {
        try connection.execute("INSERT INTO words(words, rank) VALUES('integrity-check', 1)")
      } catch {
        if error.code != .corrupt { throw error }
        found.append("The word index does not agree with the passages.")
      }
    }
    return found
  }

  /// Of one state.
  private static func problems(_ connection: Connection, _ files: [VectorStore.Opened]) throws
    -> [String]
  {
    var problems: [String] = []
    let check = try connection.statement("PRAGMA integrity_check(20)")
    while try check.step() {
      if check.text(0) != "ok" { problems.append("SQLite: \(check.text(0))") }
    }
    check.reset()
    for (sql, sentence) in agreements {
      let count = try connection.integer(sql) ?? 0
      if count != 0 { problems.append("\(count) \(sentence).") }
    }
    return try problems + VectorStore.problems(connection, files)
  }

  private static let agreements: [(String, String)] = [
    (
      "SELECT count(*) FROM chunk LEFT JOIN file ON file.id = file_id WHERE file.id IS NULL",
      "passages belong to no file"
    ),
    (
      """
      SELECT count(*) FROM chunk LEFT JOIN embedding ON embedding.id = embedding_id
      WHERE embedding_id IS NOT NULL AND embedding.id IS NULL
      """, "passages name a vector that is not there"
    ),
    (
      """
      SELECT count(*) FROM file JOIN chunk ON file_id = file.id
      WHERE embedded = 1 AND embedding_id IS NULL
      """, "passages of embedded files have no vector"
    ),
    (
      "SELECT count(*) FROM (SELECT id FROM chunk EXCEPT SELECT id FROM words_docsize)",
      "passages are missing from the word index"
    ),
    (
      "SELECT count(*) FROM (SELECT id FROM words_docsize EXCEPT SELECT id FROM chunk)",
      "entries of the word index have no passage"
    ),
    (
      "SELECT count(*) FROM file LEFT JOIN root ON root.id = root_id WHERE root.id IS NULL",
      "files belong to no root"
    ),
  ]
}

import Database

/// The format of `carrel.sqlite`, as the steps that made it. Index/README.md describes every table.
enum IndexSchema {
  /// "CARL" in ASCII: SQLite's `application_id` of our files.
  static let application: Int64 = 0x4341_524c

  /// bm25 weights of the columns path, title, headings, body.
  static let weights: [Float] = [1, 3, 1.5, 1]

  static let migrations: [Migration] = [
    Migration(
      1, "files, chunks, words and vectors",
      """
      CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

      CREATE TABLE root(
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        skipped TEXT NOT NULL DEFAULT '');

      CREATE TABLE file(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root_id INTEGER NOT NULL REFERENCES root(id),
        path TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        format INTEGER NOT NULL,
        skipped TEXT,
        words TEXT NOT NULL,
        title TEXT NOT NULL,
        converted INTEGER NOT NULL,
        embedded INTEGER NOT NULL);
      CREATE INDEX file_root ON file(root_id);

      CREATE TABLE embedding(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        vector BLOB NOT NULL);

      CREATE TABLE chunk(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id INTEGER NOT NULL REFERENCES file(id),
        ordinal INTEGER NOT NULL,
        start_byte INTEGER NOT NULL,
        end_byte INTEGER NOT NULL,
        start_line INTEGER NOT NULL,
        end_line INTEGER NOT NULL,
        embedding_id INTEGER REFERENCES embedding(id),
        headings TEXT NOT NULL,
        body TEXT NOT NULL);
      CREATE INDEX chunk_file ON chunk(file_id, ordinal);
      CREATE INDEX chunk_embedding ON chunk(embedding_id);

      CREATE VIEW passage AS
        SELECT chunk.id AS id, file.words AS path, file.title AS title,
          chunk.headings AS headings, chunk.body AS body
        FROM chunk JOIN file ON file.id = chunk.file_id;

      CREATE VIRTUAL TABLE words USING fts5(
        path, title, headings, body,
        content='passage', content_rowid='id', tokenize='porter unicode61');
      """),
    // The vectors go to files (VectorStore); those that are there wait in `unmoved` for the first
    // run that may write. With the vector's number the index of a file's passages answers alone which
    // vectors are the file's.
    Migration(
      2, "vectors in files",
      """
      CREATE TABLE segment(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rows INTEGER NOT NULL,
        nonce BLOB NOT NULL,
        dead BLOB);
      CREATE TABLE unmoved(id INTEGER PRIMARY KEY, vector BLOB NOT NULL);
      INSERT INTO unmoved SELECT id, vector FROM embedding;
      ALTER TABLE embedding DROP COLUMN vector;
      DROP INDEX chunk_file;
      CREATE INDEX chunk_file ON chunk(file_id, ordinal, embedding_id);
      """),
    Migration(3, "pairs of letters for words", "", then: cutUnspacedAnew),
  ]

  /// From this format on scripts that are written without spaces are cut into pairs of letters.
  static let firstWithPairs: Int64 = 3

  /// Changes when a file must be read anew although its bytes are the same: the extractor or the
  /// chunker cuts otherwise.
  static let format: Int64 = 5

  static func open(_ path: String, mode: Connection.Mode) throws -> Connection {
    let connection = try Connection(path: path, mode: mode)
    // A reader's questions must be cut as the documents were.
    if mode != .salvage { connection.useFastTokenizer() }
    switch mode {
    case .readWrite:
      try connection.migrate(migrations, application: application)
      try prepareWords(connection)
      // They would be looked up for every row, and `verify` compares all of them (see `WideInsert`).
      try connection.execute("PRAGMA foreign_keys=OFF")
    case .readOnly, .salvage: try connection.checkSchema(migrations, application: application)
    }
    return connection
  }

  /// Enters the words anew of passages in scripts that are written without spaces, whose clauses were one
  /// token each up to format 2, and lets the next run read their files again: passages end at other places
  /// now. Nothing else is touched, and vectors of passages that stay as they are stay too.
  @Sendable private static func cutUnspacedAnew(_ connection: Connection) throws {
    let all = try connection.statement("SELECT id, path, title, headings, body FROM passage")
    var passages: [Int64] = []
    while try all.step() {
      let isPresent = (1...4).contains { column in
        all.withBlob(column) {
          $0.withMemoryRebound(to: UInt8.self) { UnspacedText.isPresent(in: $0) }
        }
      }
      if isPresent { passages.append(all.integer(0)) }
    }
    all.reset()
    let columns = "rowid, path, title, headings, body"
    let remove = try connection.statement(
      """
      INSERT INTO words(words, \(columns))
      SELECT 'delete', id, path, title, headings, body FROM passage WHERE id = ?
      """)
    let enter = try connection.statement(
      """
      INSERT INTO words(\(columns))
      SELECT id, path, title, headings, body FROM passage WHERE id = ?
      """)
    let readAgain = try connection.statement(
      "UPDATE file SET format = 0 WHERE id = (SELECT file_id FROM chunk WHERE id = ?)")
    for id in passages {
      try connection.withWholeClauses { try remove.bind(1, id).run() }
      try enter.bind(1, id).run()
      try readAgain.bind(1, id).run()
    }
  }

  /// How FTS5 gathers words: they are sorted in memory for a whole window of files and merged less
  /// often than by default. Kept in the table's own settings; SQLite's defaults cost half as much
  /// time again (https://sqlite.org/fts5.html#special_insert_commands).
  ///
  /// - Parameter isGathering: hardly merge at all, which makes entering quicker and searching slower.
  static func prepareWords(_ connection: Connection, isGathering: Bool = false) throws {
    // So many are merged at once, whatever else waits; 16 is what FTS5 does unasked.
    let atOnce: Int64 = isGathering ? 128 : 16
    let settings: [(name: String, value: Int64, unset: Int64?)] = [
      ("hashsize", 16 << 20, nil), ("automerge", isGathering ? 64 : 8, nil),
      ("crisismerge", atOnce, 16),
    ]
    for (name, value, unset) in settings {
      let known = try connection.statement("SELECT v FROM words_config WHERE k = ?").bind(1, name)
      let isSet = try (known.step() ? known.integer(0) : unset) == value
      known.reset()
      if !isSet {
        try connection.execute("INSERT INTO words(words, rank) VALUES('\(name)', \(value))")
      }
    }
  }
}

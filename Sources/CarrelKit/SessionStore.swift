import Database
import FoundationEssentials
import Glibc

/// The file that keeps conversations: `sessions.db` beside the index, one SQLite database in WAL
/// mode, readable by its owner alone. Every turn is written as it happens: the question before the
/// model is asked, the answer while it comes, figures at its end. Several processes may use the file.
///
/// Format 1 (`PRAGMA user_version`; `application_id` 0x43415253, "CARS"):
/// - `sessions(id, title, model, folder, created, updated)`; times in seconds since 1970.
/// - `turns(session, n, state, question, prompt, answer, stop, model, reason, settings, notices,
///   sources, citations, stats, asked, answered)`; the columns from `settings` to `stats` are JSON.
///   `prompt` is the user message as the model read it, passages included: with it the next prompt
///   begins with the same tokens, whatever became of the documents.
final class SessionStore: Sendable {
  static let application: Int64 = 0x4341_5253
  static let migrations = [
    Migration(
      1, "sessions and turns",
      """
      CREATE TABLE sessions(
        id TEXT PRIMARY KEY, title TEXT NOT NULL, model TEXT NOT NULL, folder TEXT NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL) WITHOUT ROWID;
      CREATE INDEX sessions_updated ON sessions(updated);
      CREATE TABLE turns(
        session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, n INTEGER NOT NULL,
        state TEXT NOT NULL, question TEXT NOT NULL, prompt TEXT, answer TEXT NOT NULL,
        stop TEXT, model TEXT NOT NULL, reason TEXT, settings TEXT NOT NULL, notices TEXT NOT NULL,
        sources TEXT NOT NULL, citations TEXT NOT NULL, stats TEXT NOT NULL, asked REAL NOT NULL,
        answered REAL, UNIQUE(session, n));
      """)
  ]

  let path: String
  private let connection: SharedConnection

  /// - Parameter creating: make folder and file where they are missing.
  init(path: String, creating: Bool) throws {
    self.path = path
    if creating {
      let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      // What was asked is nobody else's business; SQLite's side files inherit the permissions.
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      if descriptor >= 0 { close(descriptor) }
    }
    let connection = try Connection(path: path, busyTimeout: 3_000)
    // A turn is one small write: it may as well survive a power cut.
    try connection.execute("PRAGMA synchronous=FULL")
    try connection.execute("PRAGMA cache_size=-2048")
    try connection.migrate(Self.migrations, application: Self.application)
    self.connection = SharedConnection(connection)
  }

  // MARK: Reading

  /// The latest first.
  func sessions() throws -> [SessionSummary] {
    try connection.use { try Self.summaries($0, where: "1", nil) }
  }

  /// The session of this id, or the only one whose id begins so.
  func find(_ name: String) throws -> SessionSummary {
    let found = try connection.use { connection in
      let exact = try Self.summaries(connection, where: "id = ?1", name)
      return exact.isEmpty && !name.isEmpty
        ? try Self.summaries(connection, where: "substr(id, 1, length(?1)) = ?1", name) : exact
    }
    if found.count > 1 {
      let ids = found.prefix(5).map(\.id).joined(separator: ", ")
      throw CarrelError(.usage, "More than one session begins with \(name): \(ids).")
    }
    guard let session = found.first else { throw Self.unknown(name) }
    return session
  }

  func has(_ id: String) throws -> Bool {
    try connection.use { try !Self.summaries($0, where: "id = ?1", id).isEmpty }
  }

  static func unknown(_ name: String) -> CarrelError {
    CarrelError(
      .failed, "There is no session \(name); `carrel sessions` lists those that are kept.")
  }

  /// One kept turn, with the prompt that other programs need not see.
  struct Row {
    let turn: SessionTurn
    let prompt: String?
  }

  func turns(of id: String) throws -> [Row] {
    try connection.use { connection in
      let statement = try connection.statement(
        """
        SELECT n, question, answer, state, model, reason, stop, notices, sources, citations, stats,
          settings, asked, answered, prompt FROM turns WHERE session = ?1 ORDER BY n
        """)
      defer { statement.reset() }
      try statement.bind(1, id)
      var rows: [Row] = []
      while try statement.step() {
        let model = statement.text(4)
        rows.append(
          Row(
            turn: SessionTurn(
              n: Int(statement.integer(0)), question: statement.text(1), answer: statement.text(2),
              state: SessionTurn.State(rawValue: statement.text(3)) ?? .done, model: model,
              route: statement.optionalText(5).map { Route(choice: model, reason: $0) },
              stop: statement.optionalText(6).flatMap(AnswerStop.init(rawValue:)),
              notices: Self.decode(statement.text(7)) ?? [],
              sources: Self.decode(statement.text(8)) ?? [],
              citations: Self.decode(statement.text(9)) ?? [],
              stats: Self.decode(statement.text(10)) ?? AnswerStats(),
              settings: Self.decode(statement.text(11)) ?? TurnSettings(),
              asked: Date(timeIntervalSince1970: statement.double(12)),
              answered: statement.isNull(13)
                ? nil : Date(timeIntervalSince1970: statement.double(13))),
            prompt: statement.optionalText(14)))
      }
      return rows
    }
  }

  private static func summaries(
    _ connection: Connection, where condition: String, _ value: String?
  ) throws -> [SessionSummary] {
    let statement = try connection.statement(
      """
      SELECT id, title, model, folder, created, updated,
        (SELECT count(*) FROM turns WHERE session = id) FROM sessions
      WHERE \(condition) ORDER BY updated DESC, id
      """)
    defer { statement.reset() }
    if let value { try statement.bind(1, value) }
    var found: [SessionSummary] = []
    while try statement.step() {
      found.append(
        SessionSummary(
          id: statement.text(0), title: statement.text(1), model: statement.text(2),
          folder: statement.text(3), created: Date(timeIntervalSince1970: statement.double(4)),
          updated: Date(timeIntervalSince1970: statement.double(5)),
          turns: Int(statement.integer(6))))
    }
    return found
  }

  // MARK: Writing

  /// Keeps a question before it is answered; the session itself with its first one.
  /// - Returns: the turn's number.
  func begin(
    session id: String, folder: String, question: String, model: String, settings: TurnSettings
  ) throws -> Int {
    let now = Date.now.timeIntervalSince1970
    return try connection.use { connection in
      try connection.transaction {
        let insert = try connection.statement(
          """
          INSERT INTO sessions VALUES(?1, ?2, ?3, ?4, ?5, ?5)
          ON CONFLICT(id) DO UPDATE SET model = ?3, updated = ?5
          """)
        try insert.bind(1, id).bind(2, Self.title(question)).bind(3, model).bind(4, folder)
          .bind(5, now).run()
        let turn = try connection.statement(
          """
          INSERT INTO turns(session, n, state, question, answer, model, settings, notices, sources,
            citations, stats, asked)
          VALUES(?1, (SELECT coalesce(max(n), 0) + 1 FROM turns WHERE session = ?1), 'open', ?2, '',
            ?3, ?4, '[]', '[]', '[]', '{}', ?5) RETURNING n
          """)
        defer { turn.reset() }
        try turn.bind(1, id).bind(2, question).bind(3, model).bind(4, Self.encode(settings))
          .bind(5, now)
        var number = 0
        while try turn.step() { number = Int(turn.integer(0)) }
        return number
      }
    }
  }

  /// What has come of an answer so far.
  func update(session id: String, turn: Int, answer: String, sources: [Source]) throws {
    try connection.use { connection in
      try connection.statement(
        "UPDATE turns SET answer = ?3, sources = ?4 WHERE session = ?1 AND n = ?2 AND state = 'open'"
      )
      .bind(1, id).bind(2, turn).bind(3, answer).bind(4, Self.encode(sources)).run()
    }
  }

  func finish(session id: String, turn: Int, _ answer: Answer, prompt: String?) throws {
    let now = Date.now.timeIntervalSince1970
    try connection.use { connection in
      try connection.transaction {
        try connection.statement(
          """
          UPDATE turns SET state = 'done', prompt = ?3, answer = ?4, stop = ?5, model = ?6,
            reason = ?7, notices = ?8, sources = ?9, citations = ?10, stats = ?11, answered = ?12
          WHERE session = ?1 AND n = ?2
          """
        )
        .bind(1, id).bind(2, turn).bind(3, prompt).bind(4, answer.text).bind(
          5, answer.stop.rawValue
        )
        .bind(6, answer.model).bind(7, answer.route.reason).bind(8, Self.encode(answer.notices))
        .bind(9, Self.encode(answer.sources)).bind(10, Self.encode(answer.citations))
        .bind(11, Self.encode(answer.stats)).bind(12, now).run()
        try connection.statement("UPDATE sessions SET updated = ?2, model = ?3 WHERE id = ?1")
          .bind(1, id).bind(2, now).bind(3, answer.model).run()
      }
    }
  }

  /// Keeps that a question could not be answered, and why.
  func fail(session id: String, turn: Int, because sentence: String) throws {
    let now = Date.now.timeIntervalSince1970
    try connection.use { connection in
      try connection.statement(
        """
        UPDATE turns SET state = 'failed', notices = ?3, answered = ?4
        WHERE session = ?1 AND n = ?2
        """
      )
      .bind(1, id).bind(2, turn).bind(3, Self.encode([sentence])).bind(4, now).run()
    }
  }

  /// Takes a turn back; a session without turns goes with it.
  func remove(session id: String, turn: Int) throws {
    try connection.use { connection in
      try connection.transaction {
        try connection.statement("DELETE FROM turns WHERE session = ?1 AND n = ?2")
          .bind(1, id).bind(2, turn).run()
        try connection.statement(
          """
          DELETE FROM sessions WHERE id = ?1
          AND NOT EXISTS (SELECT 1 FROM turns WHERE session = ?1)
          """
        ).bind(1, id).run()
      }
    }
  }

  func remove(session id: String) throws {
    try connection.use { connection in
      try connection.statement("DELETE FROM sessions WHERE id = ?1").bind(1, id).run()
      try connection.execute("PRAGMA incremental_vacuum")
    }
  }

  // MARK: Values

  /// A question on one line, at most 120 characters.
  static func title(_ question: String) -> String {
    let line = question.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 120 ? line.prefix(119) + "…" : line
  }

  private static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static func decode<Value: Decodable>(_ text: String) -> Value? {
    try? JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}

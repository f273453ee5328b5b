import CarrelKit
import Database
import Foundation
import Testing

@Suite("Kept sessions", .serialized)
struct KeptSessionTests {
  @Test("A session is listed, resumed with the same prompt, exported and removed")
  func lifetime() async throws {
    try await SessionTests.withWorkspace { workspace, _ in
      #expect(try await workspace.sessions().isEmpty)
      let id = Workspace.newSessionID()
      let session = try await workspace.makeSession(id: id)
      #expect(try await workspace.sessions().isEmpty, "nothing asked, nothing kept")
      let first = try await SessionTests.ask(session, "How tall is the lighthouse?").answer
      _ = try await SessionTests.ask(session, "kubernetes ingress controller yaml")
      let listed = try #require(try await workspace.sessions().first)
      #expect(listed.id == id && listed.turns == 2)
      #expect(listed.title == "How tall is the lighthouse?" && listed.model == first.model)

      let kept = try await workspace.transcript(String(id.prefix(4)))
      #expect(kept.turns.map(\.state) == [.done, .done])
      let turn = try #require(kept.turns.first)
      #expect(turn.answer == first.text && turn.sources == first.sources)
      #expect(turn.citations == first.citations && turn.stats == first.stats)
      #expect(turn.stop == first.stop && turn.route == first.route)
      #expect(turn.settings.seed == 7 && turn.settings.context == 2048)
      #expect(kept.turns[1].stop == .nothingRetrieved)

      // Another program: the prompt of the next question begins with the same tokens, which warming
      // has read already, and so the answer is the one the first session gives.
      let other = Workspace(workspace.settings)
      let resumed = try await other.resumeSession(id)
      try await resumed.warm()
      let again = try await SessionTests.ask(resumed, "And when was it built?").answer
      let straight = try await SessionTests.ask(session, "And when was it built?").answer
      #expect(again.text == straight.text)
      #expect(again.stats.promptTokens == straight.stats.promptTokens)
      #expect(again.stats.cachedTokens > first.stats.promptTokens - 8)

      let markdown = try await workspace.exportSession(id, as: .markdown)
      #expect(markdown.contains("## How tall is the lighthouse?"))
      #expect(markdown.contains("lighthouse.md:1-") && markdown.contains(first.text))
      let json = try await workspace.exportSession(id, as: .json)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      #expect((object["turns"] as? [[String: Any]])?.count == 4)
      #expect(try await workspace.removeSession(id) == id)
      #expect(try await workspace.sessions().isEmpty)
      await #expect(throws: CarrelError.self) { try await workspace.transcript(id) }
    }
  }

  @Test("Taking a question back removes it from the file; a fresh start leaves the old session")
  func undo() async throws {
    try await SessionTests.withWorkspace { workspace, _ in
      let session = try await workspace.makeSession(id: "first")
      _ = try await SessionTests.ask(session, "How tall is the lighthouse?")
      _ = try await SessionTests.ask(session, "kubernetes ingress controller yaml")
      #expect(await session.undo() == "kubernetes ingress controller yaml")
      #expect(try await workspace.transcript("first").turns.map(\.n) == [1])
      await session.reset()
      _ = try await SessionTests.ask(session, "When does the ferry leave?")
      #expect(try await workspace.sessions().map(\.turns) == [1, 1])
      #expect(await session.undo() == "When does the ferry leave?")
      #expect(await session.undo() == nil)
      #expect(try await workspace.sessions().map(\.id) == ["first"])
    }
  }

  @Test(
    "Taking back, beginning anew and keeping no longer wait for the answer that is being written")
  func changesWait() async throws {
    try await SessionTests.withWorkspace { workspace, _ in
      let (first, second) = ("How tall is the lighthouse?", "When does the ferry leave?")
      let session = try await workspace.makeSession(id: "first")
      _ = try await SessionTests.ask(session, first)
      /// Does something as soon as the answer waits for passages and then for its model to be loaded.
      func meanwhile(_ question: String, _ body: () async throws -> Void) async throws {
        await workspace.unload()
        for try await event in session.ask(question) {
          if case .retrieving = event { try await body() }
        }
      }
      try await meanwhile(second) { #expect(await session.undo() == second) }
      #expect(try await workspace.transcript("first").turns.map(\.question) == [first])

      try await meanwhile(second) { await session.reset() }
      #expect(await session.id != "first")
      _ = try await SessionTests.ask(session, first)
      #expect(try await workspace.transcript("first").turns.map(\.question) == [first, second])
      let other = try #require(await session.id)

      try await meanwhile(second) { try await session.setKept(false) }
      #expect(await session.id == nil)
      _ = try await SessionTests.ask(session, first)
      #expect(try await workspace.transcript(other).turns.map(\.question) == [first, second])
    }
  }

  @Test("While an answer comes the file has its question at once, and soon its beginning")
  func duringAnAnswer() async throws {
    try await SessionTests.withWorkspace { workspace, _ in
      var settings = workspace.settings
      settings.maximumTokens = 1500
      let slow = Workspace(settings)
      // Hot enough to go on for ever, with a seed under which it does not end at once.
      for seed in 0..<40 {
        if try await follow(slow, id: "slow\(seed)", seed: UInt64(seed)) { return }
      }
      Issue.record("no answer was long enough to be kept while it came")
    }
  }

  /// Stops an answer as soon as its beginning is in the file. False when it ended before.
  private func follow(_ workspace: Workspace, id: String, seed: UInt64) async throws -> Bool {
    let session = try await workspace.makeSession(id: id)
    var options = AskOptions()
    options.retrieval = .off
    options.temperature = 2
    options.seed = seed
    let stop = StopFlag()
    var seen = ""
    var keptMeanwhile = ""
    // Another connection, as after a crash: what it sees is what `kill -9` would leave.
    let reader = Workspace(workspace.settings)
    for try await event in session.ask("Tell a very long story.", options: options, stop: stop) {
      guard case .text(let piece) = event else { continue }
      if seen.isEmpty {
        let turn = try #require(try await reader.transcript(id).turns.first)
        #expect(turn.question == "Tell a very long story." && turn.state == .open)
      }
      seen += piece
      if keptMeanwhile.isEmpty {
        keptMeanwhile = try await reader.transcript(id).turns.first?.answer ?? ""
        if !keptMeanwhile.isEmpty { stop.raise() }
      }
    }
    guard !keptMeanwhile.isEmpty else { return false }
    #expect(seen.hasPrefix(keptMeanwhile))
    let turn = try #require(try await reader.transcript(id).turns.first)
    #expect(turn.state == .done && turn.stop == .cancelled && turn.answer == seen)
    return true
  }

  @Test("A file that cannot be written costs a remark, never the answer")
  func unwritable() async throws {
    try await SessionTests.withWorkspace { workspace, folder in
      var settings = workspace.settings
      settings.sessions = folder.path + "/bread.md/sessions.db"
      let session = try await Workspace(settings).makeSession(id: "lost")
      let (answer, streamed, _) = try await SessionTests.ask(session, "When does the ferry leave?")
      #expect(answer.text == streamed && !streamed.isEmpty)
      settings.sessions = folder.path + "/bread.md"
      let foreign = try await Workspace(settings).makeSession(id: "lost")
      var notices: [String] = []
      for try await event in foreign.ask("When does the ferry leave?") {
        if case .notice(let text) = event { notices.append(text) }
      }
      #expect(notices.first?.contains("not being kept") == true, "\(notices)")
    }
  }

  @Test("Two sessions that begin alike are told apart, and strange ids are refused")
  func names() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-kept-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Self.writeFormat1(folder.path + "/sessions.db")
    let workspace = Workspace(WorkspaceSettings(models: "/nowhere", index: folder.path))
    #expect(try await workspace.sessions().map(\.id) == ["abd", "abc"])
    #expect(try await workspace.transcript("abc").turns.count == 2)
    let error = await #expect(throws: CarrelError.self) { try await workspace.transcript("ab") }
    #expect(error?.message == "More than one session begins with ab: abd, abc.")
    await #expect(throws: CarrelError.self) { try await workspace.transcript("") }
    await #expect(throws: CarrelError.self) { try await workspace.resumeSession("%") }
    #expect((0..<200).allSatisfy { _ in Workspace.newSessionID().first?.isLetter == true })
  }

  @Test("A file of format 1, with what a later version may add, is read")
  func format1() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-kept-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Self.writeFormat1(folder.path + "/sessions.db")
    let workspace = Workspace(WorkspaceSettings(models: "/nowhere", index: folder.path))
    let turns = try await workspace.transcript("abc").turns
    #expect(turns[0].stats.promptTokens == 12 && turns[0].stats.cachedTokens == 0)
    #expect(turns[0].sources.map(\.path) == ["/d/a.md"])
    #expect(turns[1].state == .open && turns[1].answer == "cut o")
    let text = try await workspace.exportSession("abc", as: .markdown)
    #expect(text.contains("cut o\n\n*Cut off.*"))
    // A speed that cannot be true is left out.
    #expect(text.contains("12 tokens of prompt, 0 of them reused, 0 written*"), "\(text)")
  }

  /// As the first released version wrote it, by hand: the schema's text is repeated here on purpose.
  private static func writeFormat1(_ path: String) throws {
    let connection = try Connection(path: path)
    try connection.execute(
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
      INSERT INTO sessions VALUES('abc', 'what', 'm', '/d', 1000, 1001);
      INSERT INTO sessions VALUES('abd', 'who', 'm', '/d', 1002, 1003);
      INSERT INTO turns VALUES('abc', 1, 'done', 'what', 'what', 'that [1]', 'endOfTurn', 'm', 'r',
        '{"retrieval":"required","passages":6,"effort":"medium"}', '[]',
        '[{"n":1,"path":"/d/a.md","startLine":1,"endLine":2,"startByte":0,"endByte":9,"text":"t"}]',
        '[]', '{"promptTokens":12,"somethingNew":3,"decodeTokensPerSecond":1e300}', 1000, 1001);
      INSERT INTO turns VALUES('abc', 2, 'open', 'and', NULL, 'cut o', NULL, 'm', NULL, '{}', '[]',
        '[]', '[]', '{}', 1001, NULL);
      PRAGMA user_version=1;
      PRAGMA application_id=0x43415253;
      """)
  }
}

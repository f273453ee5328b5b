import CarrelKit
import Foundation
import Testing

/// Answers from servers on loopback: one that misbehaves, and llama.cpp's own.
@Suite("Sessions on a server", .serialized)
struct RemoteSessionTests {
  static let server = Result { try EndpointProcess("endpoint") }

  /// A workspace over one document with one endpoint, and the starter model to fall back on.
  static func withSession(
    url: String, key: String? = nil, asked: Bool = true,
    _ body: (GenerationSession) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-remote-\(UUID().uuidString)")
    let models = folder.appending(path: "models")
    let documents = folder.appending(path: "documents")
    for made in [models, documents] {
      try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("The lighthouse on Skellig is 54 metres tall.\n".utf8)
      .write(to: documents.appending(path: "lighthouse.md"))
    for name in ["catalog.json", "smollm2-135m-instruct-q4_1", "all-minilm-l6-v2"] {
      try FileManager.default.createSymbolicLink(
        atPath: models.appending(path: name).path,
        withDestinationPath: SessionTests.models + "/" + name)
    }
    let variable = key.map { #", "keyVariable": "\#($0)""# } ?? ""
    try Data(
      """
      {"version": 1, "endpoints":
        [{"id": "office", "url": "\(url)", "model": "gpt-oss-20b", "rank": 5000\(variable)}]}
      """.utf8
    ).write(to: models.appending(path: "endpoints.json"))
    var settings = WorkspaceSettings(
      models: models.path, index: folder.appending(path: "index").path)
    settings.temperature = 0
    settings.maximumTokens = 32
    settings.context = 2048
    let workspace = Workspace(settings)
    for try await _ in workspace.addToIndex([documents.path]) {}
    try await body(workspace.makeSession(model: asked ? "office" : nil))
  }

  static let question = "How tall is the lighthouse on Skellig?"

  private func url(_ way: String) throws -> String {
    "http://127.0.0.1:\(try Self.server.get().port)/\(way)/v1"
  }

  @Test("An answer is streamed, cited and counted; thinking stays apart; the key goes along")
  func answer() async throws {
    setenv("CARREL_TEST_KEY", "s3cret", 1)
    try await Self.withSession(url: url("ok"), key: "CARREL_TEST_KEY") { session in
      var thinking = ""
      var answer: Answer?
      for try await event in session.ask(Self.question) {
        if case .thinking(let piece, _) = event { thinking += piece }
        if case .done(let done) = event { answer = done }
      }
      let done = try #require(answer)
      #expect(done.text == "The lighthouse is 54 metres tall [1].")
      #expect(thinking == "Two towers. ")
      #expect(done.citations.map(\.supported) == [true])
      // The embedder is in memory since the search, so it tells how near the sentence is.
      let agreement = try #require(done.citations.first?.agreement)
      #expect(agreement > 0.7 && done.check?.agreement == agreement)
      #expect(done.stats.generatedTokens == 9)
      #expect(done.stats.promptTokens == 40)
      #expect(done.route.choice == "office")
      // Loopback is this machine: nothing left it.
      #expect(done.route.host == nil)
    }
    let log = try Self.server.get().log()
    #expect(log.contains("Bearer s3cret"))
    #expect(log.contains("reasoning_effort"))
  }

  @Test("A key that is not set is named, and nothing is sent")
  func missingKey() async throws {
    try await Self.withSession(url: url("unsent"), key: "CARREL_NO_SUCH_KEY") { session in
      let error = await #expect(throws: CarrelError.self) {
        for try await _ in session.ask(Self.question) {}
      }
      #expect(error?.message.contains("CARREL_NO_SUCH_KEY") == true)
    }
    #expect(try !Self.server.get().log().contains("/unsent/"))
  }

  @Test(
    "What a server refuses is said in one sentence with its words",
    arguments: [
      ("401", "refused the key"), ("404", "no such model"), ("429", "too many"),
      ("500", "answered 500"), ("error", "the GPU is on fire"),
    ])
  func refused(way: String, words: String) async throws {
    try await Self.withSession(url: url(way)) { session in
      var said = ""
      do {
        for try await _ in session.ask(Self.question) {}
        Issue.record("expected an error")
      } catch { said = String(describing: error) }
      #expect(said.contains(words), "\(said)")
    }
  }

  @Test(
    "A connection that ends or breaks in an answer keeps what came, says so, and asks no other model",
    arguments: ["cut", "broken"], [true, false])
  func cut(way: String, asked: Bool) async throws {
    try await Self.withSession(url: url(way), asked: asked) { session in
      let (answer, streamed, _) = try await SessionTests.ask(session, "Explain: " + Self.question)
      #expect(streamed == "The lighthouse is " && answer.text == streamed)
      #expect(answer.route.choice == "office")
      #expect(answer.notices.contains { $0.contains("before the answer was complete") })
    }
  }

  @Test("Stopping ends a slow or silent stream at once", arguments: ["slow", "silent"])
  func stop(way: String) async throws {
    try await Self.withSession(url: url(way)) { session in
      let stop = StopFlag()
      let started = ContinuousClock.now
      Task {
        try await Task.sleep(for: .milliseconds(700))
        stop.raise()
      }
      var answer: Answer?
      for try await event in session.ask(Self.question, stop: stop) {
        if case .done(let done) = event { answer = done }
      }
      #expect(answer?.stop == .cancelled)
      #expect(started.duration(to: .now) < .seconds(5))
    }
  }

  @Test("When the server cannot be reached, a local model answers and says why")
  func fallsBack() async throws {
    try await Self.withSession(url: "http://127.0.0.1:1/v1", asked: false) { session in
      let (answer, _, _) = try await SessionTests.ask(session, "Explain: " + Self.question)
      #expect(answer.route.choice == "smollm2-135m-instruct-q4_1")
      #expect(answer.notices.contains { $0.contains("office cannot answer") })
      #expect(!answer.text.isEmpty)
    }
  }

  @Test("llama.cpp's server answers with the starter model")
  func llamaServer() async throws {
    let model =
      SessionTests.models + "/smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
    let server = try EndpointProcess("llama_endpoint", [model], usesPackages: true)
    try await Self.withSession(url: "http://127.0.0.1:\(server.port)/v1") { session in
      let (answer, streamed, _) = try await SessionTests.ask(session, Self.question)
      #expect(!streamed.isEmpty)
      #expect(answer.text == streamed)
      #expect(answer.stats.promptTokens > 20)
      #expect((1...32).contains(answer.stats.generatedTokens))
    }
  }
}

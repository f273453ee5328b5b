import AgentProtocols
import CarrelKit
import Foundation
import Testing

@Suite("From events to session updates, and from content blocks to questions")
struct ACPMappingTests {
  private func updates(_ events: [GenerationEvent], thoughts: Bool = false) -> [JSONValue] {
    var updates = ACPTurnUpdates(turn: 2, showsThoughts: thoughts)
    updates.context = 100
    return events.flatMap { updates.take($0) }
  }

  @Test("Thoughts are shown only where asked for; each message has an id of its own")
  func messages() {
    let events: [GenerationEvent] = [
      .routed(Route(choosing: "m", because: "r")), .thinking("a", tokens: 1),
      .thinking("b", tokens: 2), .commentary("First I look."), .thinking("c", tokens: 3),
      .text("It "), .text("is."),
    ]
    func brief(_ updates: [JSONValue]) -> [[String?]] {
      updates.map {
        [$0["sessionUpdate"]?.string, $0["messageId"]?.string, $0["content"]?["text"]?.string]
      }
    }
    #expect(
      brief(updates(events)) == [
        ["agent_message_chunk", "t2-m1", "First I look."], ["agent_message_chunk", "t2-m2", "It "],
        ["agent_message_chunk", "t2-m2", "is."],
      ])
    #expect(
      brief(updates(events, thoughts: true)) == [
        ["agent_thought_chunk", "t2-m1", "a"], ["agent_thought_chunk", "t2-m1", "b"],
        ["agent_message_chunk", "t2-m2", "First I look."], ["agent_thought_chunk", "t2-m3", "c"],
        ["agent_message_chunk", "t2-m4", "It "], ["agent_message_chunk", "t2-m4", "is."],
      ])
    let meta = updates(events).compactMap { $0["_meta"] }
    #expect(meta == [["carrel/route": ["model": "m", "reason": "r"]]])
  }

  @Test("Every search begun is ended once, with the places it added")
  func searches() {
    func source(_ n: Int) -> Source {
      Source(
        n: n, path: "/d/\(n)", startLine: n, endLine: n + 1, startByte: 0, endByte: 1, text: "")
    }
    let all = updates([
      .retrieving(query: "one"), .notice("dropped"), .retrieved([source(1), source(2)]),
      .prefill(done: 1, total: 2), .retrieving(query: "two"),
      .retrieved([source(1), source(2), source(3)]), .retrieving(query: "three"), .text("x"),
    ])
    let begun = all.filter { $0["sessionUpdate"] == "tool_call" }.map { $0["toolCallId"]?.string }
    let ended = all.filter { $0["sessionUpdate"] == "tool_call_update" }
    #expect(begun == ["t2-search-1", "t2-search-2", "t2-search-3"])
    #expect(ended.map { $0["toolCallId"]?.string } == begun)
    #expect(
      ended.map { $0["locations"] } == [
        [["path": "/d/1", "line": 1], ["path": "/d/2", "line": 2]],
        [["path": "/d/3", "line": 3]], [],
      ])
  }

  @Test("Models on their way into memory are tool calls; what is open is closed at the end")
  func models() {
    var updates = ACPTurnUpdates(turn: 1, showsThoughts: false)
    func event(_ id: String, _ to: ModelState) -> ModelEvent {
      ModelEvent(id: id, from: .installed, to: to, reason: "why", date: .now)
    }
    #expect(updates.take(event("a", .loading)).isEmpty, "nobody asked for a model yet")
    updates.awaited = .some
    var all = updates.take(event("a", .loading))
    all += updates.take(event("b", .downloading(done: 0, total: 9)))
    all += updates.take(event("a", .ready))
    all += updates.take(event("c", .unloading))
    all += updates.take(event("b", .failed("no network")))
    all += updates.take(event("d", .loading))
    all += updates.close("failed")
    all += updates.take(.routed(Route(choosing: "e", because: "it is best")))
    all += updates.take(event("d", .loading))
    all += updates.take(event("e", .loading))
    all += updates.close("completed")
    #expect(
      all.map { [$0["toolCallId"]?.string, $0["status"]?.string] } == [
        ["t1-load-1", "in_progress"], ["t1-load-2", "in_progress"], ["t1-load-1", "completed"],
        ["t1-load-2", "failed"], ["t1-load-3", "in_progress"], ["t1-load-3", "failed"],
        ["t1-load-4", "in_progress"], ["t1-load-4", "completed"],
      ])
    #expect(updates.close("failed").isEmpty)
  }

  @Test("Stop reasons are ACP's")
  func stops() {
    let expected: [(AnswerStop, JSONValue)] = [
      (.endOfTurn, "end_turn"), (.nothingRetrieved, "end_turn"), (.maximumTokens, "max_tokens"),
      (.contextFull, "max_tokens"), (.toolCall, "max_turn_requests"), (.cancelled, "cancelled"),
    ]
    for (stop, reason) in expected { #expect(ACPTurnUpdates.stopReason(stop) == reason) }
  }

  @Test("Text is the question; resources and links are data; other blocks are refused")
  func prompts() throws {
    let prompt = try ACPPrompt([
      ["type": "text", "text": "Why?"],
      ["type": "resource", "resource": ["uri": "file:///a%20b.txt", "text": "one"]],
      ["type": "resource", "resource": ["uri": "untitled:1", "text": "two"]],
      ["type": "resource_link", "uri": "file:///c.md", "name": "c"],
      ["type": "resource_link", "uri": "https://example.org/d", "name": "d"],
    ])
    #expect(prompt.question == "Why?\nc\n(d: https://example.org/d)")
    #expect(prompt.attachments.map(\.path) == ["/a b.txt", "untitled:1"])
    #expect(prompt.links == ["/c.md"])
    let refused: [[JSONValue]] = [
      [], [["type": "text", "text": " "]], [["type": "text"]], ["x"], [["type": 5]],
      [["type": "image", "data": "AA", "mimeType": "image/png"]],
      [["type": "audio", "data": "AA", "mimeType": "audio/wav"]],
      [["type": "resource", "resource": ["uri": "x", "blob": "AA"]]], [["type": "resource"]],
      [["type": "text", "text": "x"], ["type": "video"]],
    ]
    for blocks in refused {
      #expect("\(blocks)") { try ACPPrompt(blocks) } throws: {
        ($0 as? RPCError)?.code == .invalidParameters
      }
    }
  }

  @Test("Attachments share the room there is, end at lines, and what is cut is said")
  func room() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let lines = String(repeating: "a line of é\n", count: 1000)
    let file = folder.path + "/long.txt"
    try lines.write(toFile: file, atomically: true, encoding: .utf8)
    mkfifo(folder.path + "/pipe", 0o600)
    var prompt = try ACPPrompt([["type": "text", "text": "x"]])
    prompt.attachments = [AskOptions.Attachment(path: "short", text: "short")]
    prompt.links = [file, folder.path + "/pipe", folder.path, "/nowhere", "/dev/zero"]
    let (attachments, notices) = await prompt.resolve(limit: 1000)
    #expect(attachments.map(\.path) == ["short", file] && attachments[0].text == "short")
    let text = try #require(attachments.last?.text)
    #expect(text.utf8.count <= 995 && text.utf8.count > 900 && text.hasSuffix("é\n"))
    #expect(lines.hasPrefix(text) && notices.count == 5)
    for limit in 0..<20 {
      prompt.links = []
      prompt.attachments = [AskOptions.Attachment(path: "é", text: "éééééé")]
      let cut = await prompt.resolve(limit: limit).attachments.first?.text ?? ""
      #expect(cut.utf8.count == min(limit / 2 * 2, 12) && !cut.contains("\u{FFFD}"))
    }
  }

  @Test("Slash commands are read; everything else is a question")
  func commands() {
    let expected: [(String, ACPCommand?)] = [
      ("/search memory gate", .search("memory gate")), ("/search", nil), ("/index", .index("")),
      ("/index  a b ", .index("a b")), ("/status", .status), ("/status now", nil), ("/why", .why),
      ("/dance", nil), ("why /status", nil), ("/", nil), ("", nil),
    ]
    for (text, command) in expected { #expect(ACPCommand(text) == command, "\(text)") }
  }

  @Test("A search names folders, types and days as the command line does; quotes keep spaces")
  func searchLines() throws {
    let day = try #require(Moment.parse("2026-05-01"))
    let expected: [(String, String, SearchScope)] = [
      ("memory  gate", "memory gate", .all),
      (
        "retry --in notes --type swift,.md --since 2026-05-01 twice", "retry twice",
        SearchScope(paths: ["/work/notes"], types: ["swift", ".md"], since: day)
      ),
      (
        #"--in="my notes" --in /abs "token budget""#, #""token budget""#,
        SearchScope(paths: ["/work/my notes", "/abs"])
      ),
      (#"a "b"#, #"a "b"#, .all), ("say -- --in x", "say --in x", .all),
      ("--inside x", "--inside x", .all),
    ]
    for (text, query, scope) in expected {
      let line = try SearchLine(text, folder: "/work")
      #expect(line.query == query && line.scope == scope, "\(text)")
    }
    for (text, word) in [
      ("x --in", "nothing"), ("x --in \"\"", "nothing"), ("x --type ,", "endings"),
      ("x --type a/b", "a/b"), ("x --since lately", "lately"), ("--in notes", "words"),
      ("", "words"),
    ] {
      #expect {
        try SearchLine(text, folder: "/work")
      } throws: { ($0 as? RPCError)?.message.contains(word) == true }
    }
  }

  @Test("Mode and option say the same; booleans only for clients that know them")
  func configuration() throws {
    var configuration = ACPConfiguration(models: ["m"], takesBooleans: false)
    try configuration.set("retrieval", to: "off")
    #expect(configuration.mode == .chat && configuration.options.retrieval == .off)
    try configuration.set("retrieval", to: "on")
    #expect(configuration.mode == .documents)
    try configuration.setMode("strict")
    try configuration.set("retrieval", to: true)
    #expect(configuration.mode == .strict && configuration.options.retrieval == .required)
    try configuration.set("model", to: "m")
    #expect(configuration.wantedModel == "m")
    let types = configuration.optionsJSON.array?.map { $0["type"]?.string }
    #expect(types == ["select", "select", "select", "select"])
    let knowing = ACPConfiguration(models: [], takesBooleans: true).optionsJSON.array ?? []
    #expect(knowing.map { $0["type"]?.string } == ["select", "select", "boolean", "boolean"])
    for (option, value) in [("model", "x"), ("effort", 3), ("x", "on"), ("thoughts", "maybe")]
      as [(String, JSONValue)]
    {
      #expect(throws: RPCError.self) { try configuration.set(option, to: value) }
    }
  }
}

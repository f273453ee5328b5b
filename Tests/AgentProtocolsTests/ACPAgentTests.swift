import AgentProtocols
import CarrelKit
import Foundation
import Synchronization
import Testing

@Suite("The ACP agent")
@WaitingActor struct ACPAgentTests {
  /// An agent that has been greeted.
  private func start(_ desk: FakeDesk) throws -> Line {
    let line = Line()
    line.serve { await ACPAgent.serve(desk, on: $0, version: "0") }
    line.send(#"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":1}}"#)
    let hello = line.answer("i")
    try #require(hello?["result"]?["protocolVersion"] == 1)
    return line
  }

  private func newSession(_ line: Line) throws -> String {
    line.send(
      #"{"jsonrpc":"2.0","id":"n","method":"session/new","params":{"cwd":"/tmp","mcpServers":[]}}"#)
    let answer = line.answer("n")
    return try #require(answer?["result"]?["sessionId"]?.string)
  }

  private func prompt(_ line: Line, _ session: String, id: String, _ text: String = "Count.") {
    line.send(
      """
      {"jsonrpc":"2.0","id":"\(id)","method":"session/prompt","params":{"sessionId":"\(session)",\
      "prompt":[{"type":"text","text":"\(text)"}]}}
      """)
  }

  private func cancel(_ line: Line, _ session: String) {
    line.send(
      #"{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"\#(session)"}}"#)
  }

  private func kinds(_ messages: [JSONValue]) -> [String] {
    messages.compactMap { $0["params"]?["update"]?["sessionUpdate"]?.string }
  }

  @Test("A turn: search, its places, the answer's pieces, the filled context, then the stop reason")
  func turn() async throws {
    let line = try start(FakeDesk())
    let session = try newSession(line)
    prompt(line, session, id: "p")
    let all = line.until { $0["id"] == "p" }
    #expect(
      kinds(all).filter { $0 != "available_commands_update" } == [
        "tool_call", "tool_call_update", "agent_message_chunk", "agent_message_chunk",
        "agent_message_chunk", "agent_message_chunk", "agent_message_chunk", "usage_update",
        "session_info_update",
      ])
    let update = all.first { $0["params"]?["update"]?["sessionUpdate"] == "tool_call_update" }
    #expect(
      update?["params"]?["update"]?["locations"] == [["path": "/docs/a.md", "line": 3]])
    #expect(all.last?["result"] == ["stopReason": "end_turn"])
    await line.end()
  }

  @Test("Cancelling answers within 200 ms and once, even while the model does not listen")
  func cancelling() async throws {
    var manner = FakeDesk.Manner()
    manner.words = 10_000
    manner.milliseconds = 1
    for deafness in [0, 600] {
      manner.deafness = deafness
      let desk = FakeDesk(manner)
      let line = try start(desk)
      let session = try newSession(line)
      prompt(line, session, id: "p")
      _ = line.until { $0["params"]?["update"]?["sessionUpdate"] == "agent_message_chunk" }
      let started = ContinuousClock.now
      for _ in 0..<3 { cancel(line, session) }
      let rest = line.until { $0["id"] == "p" }
      let took = started.duration(to: .now)
      #expect(took < .milliseconds(200), "\(took)")
      #expect(rest.last?["result"] == ["stopReason": "cancelled"])
      // Silence afterwards, and the next turn waits for the model.
      prompt(line, session, id: "q")
      let next = line.until { $0["params"]?["update"]?["sessionUpdate"] == "agent_message_chunk" }
      let early = next.filter { $0["id"] != nil }
      #expect(early.isEmpty)
      #expect(next.last?["params"]?["update"]?["content"]?["text"] == "0 ")
      #expect(desk.mostRunning.load(ordering: .relaxed) == 1)
      cancel(line, session)
      let second = line.answer("q")
      #expect(second?["result"] == ["stopReason": "cancelled"])
      await line.end()
    }
  }

  @Test("A cancellation right behind its prompt counts; one for nothing is ignored")
  func early() async throws {
    var manner = FakeDesk.Manner()
    manner.words = 10_000
    manner.milliseconds = 1
    let line = try start(FakeDesk(manner))
    let session = try newSession(line)
    cancel(line, session)
    cancel(line, "nobody")
    for round in 0..<20 {
      prompt(line, session, id: "p\(round)")
      if round % 2 == 0 {
        cancel(line, session)
      } else {
        line.send(
          #"{"jsonrpc":"2.0","method":"$/cancel_request","params":{"requestId":"p\#(round)"}}"#)
      }
      let answer = line.until { $0["id"]?.string == "p\(round)" }.last
      #expect(answer?["result"] == ["stopReason": "cancelled"])
    }
    await line.end()
  }

  @Test("An error ends the turn as an error, with no tool call left open")
  func failing() async throws {
    var manner = FakeDesk.Manner()
    manner.fails = true
    let line = try start(FakeDesk(manner))
    let session = try newSession(line)
    prompt(line, session, id: "p")
    let all = line.until { $0["id"] == "p" }
    #expect(all.last?["error"]?["message"] == "The model is ill.")
    let begun = all.filter { $0["params"]?["update"]?["sessionUpdate"] == "tool_call" }.count
    let ended = all.filter {
      let status = $0["params"]?["update"]?["status"]
      return status == "completed" || status == "failed"
    }.count
    #expect(begun == 1 && ended == 1)
    prompt(line, session, id: "q", "/why")
    let why = line.answer("q")
    #expect(why?["error"]?["data"] == ["exitCode": 3])
    await line.end()
  }

  @Test("The end of input in the middle of everything: all is answered, then it ends")
  func hangUp() async throws {
    var manner = FakeDesk.Manner()
    manner.words = 1_000_000
    manner.milliseconds = 1
    let line = try start(FakeDesk(manner))
    let one = try newSession(line)
    let two = try newSession(line)
    prompt(line, one, id: "a")
    prompt(line, two, id: "b", "/index")
    line.send(#"{"jsonrpc":"2.0","id":"c","method":"_carrel/pull","params":{"model":"x"}}"#)
    _ = line.until { $0["method"] == "_carrel/pull/progress" }
    line.hangUp()
    let rest = line.until(1) { _ in false }
    func answer(_ id: String) -> [JSONValue] { rest.filter { $0["id"]?.string == id } }
    let (a, b, c) = (answer("a"), answer("b"), answer("c"))
    #expect(a.count == 1 && a.first?["result"] == ["stopReason": "cancelled"])
    #expect(b.count == 1 && b.first?["result"] == ["stopReason": "cancelled"])
    #expect(c.count == 1 && c.first?["error"]?["code"] == -32800)
    await line.end()
  }

  private func set(_ option: String, _ value: String, _ line: Line, _ session: String) -> String? {
    line.send(
      #"{"jsonrpc":"2.0","id":"o","method":"session/set_config_option","params":{"sessionId":"\#(session)","configId":"\#(option)","value":"\#(value)"}}"#
    )
    let options = line.answer("o")?["result"]?["configOptions"]
    return options?.array?.first { $0["id"]?.string == option }?["currentValue"]?.string
  }

  @Test("Another model means another conversation; the same one is kept")
  func models() async throws {
    let desk = FakeDesk()
    let line = try start(desk)
    let session = try newSession(line)
    for (option, value) in [
      ("effort", "low"), ("effort", "high"), ("model", "large"), ("effort", "low"),
      ("model", "small"),
    ] {
      #expect(set(option, value, line, session) == value)
      prompt(line, session, id: "p")
      _ = line.until { $0["id"]?.string == "p" }
    }
    let opened = desk.opened.withLock { $0 }
    #expect(opened.map(\.model) == [nil, "large", "small"])
    #expect(opened.map(\.id) == [session, session, session])
    await line.end()
  }

  @Test("A turn shows the loading of its own model, not of another session's")
  func loading() async throws {
    var manner = FakeDesk.Manner()
    manner.words = 10_000
    manner.milliseconds = 1
    let desk = FakeDesk(manner)
    let line = try start(desk)
    var sessions: [String: String] = [:]
    for model in ["small", "large"] {
      let session = try newSession(line)
      sessions[model] = session
      #expect(set("model", model, line, session) == model)
      prompt(line, session, id: model)
      _ = line.until {
        $0["params"]?["sessionId"]?.string == session
          && $0["params"]?["update"]?["sessionUpdate"] == "agent_message_chunk"
      }
    }
    for model in ["large", "small"] {
      desk.steps.continuation.yield(
        ModelEvent(id: model, from: .installed, to: .loading, reason: "", date: .now))
      let told = line.until {
        $0["params"]?["update"]?["title"]?.string?.hasPrefix("Loading") == true
      }
      #expect(told.last?["params"]?["update"]?["title"]?.string == "Loading \(model)")
      #expect(told.last?["params"]?["sessionId"]?.string == sessions[model])
    }
    for model in ["small", "large"] {
      cancel(line, sessions[model] ?? "")
      _ = line.answer(model)
    }
    await line.end()
  }

  @Test("A session is deleted once its turn has really ended; where it stays, that is an error")
  func deleting() async throws {
    var manner = FakeDesk.Manner()
    manner.words = 10_000
    manner.milliseconds = 1
    manner.deafness = 300
    for stays in [false, true] {
      manner.keepsForEver = stays
      let desk = FakeDesk(manner)
      let line = try start(desk)
      let session = try newSession(line)
      prompt(line, session, id: "p")
      _ = line.until { $0["params"]?["update"]?["sessionUpdate"] == "agent_message_chunk" }
      line.send(
        #"{"jsonrpc":"2.0","id":"d","method":"session/delete","params":{"sessionId":"\#(session)"}}"#
      )
      let all = line.until { $0["id"] == "d" }
      let turn = all.first { $0["id"] == "p" }
      #expect(turn?["result"] == ["stopReason": "cancelled"])
      if stays {
        #expect(all.last?["error"]?["message"] == "The database is locked.")
      } else {
        #expect(all.last?["result"] == [:])
        #expect(desk.runningAtRemoval.withLock { $0 } == [0])
      }
      await line.end()
    }
  }

  @Test("Nothing indexed: the answer says so and is made without a search; strict gives none")
  func noIndex() async throws {
    var manner = FakeDesk.Manner()
    manner.hasIndex = false
    let line = try start(FakeDesk(manner))
    let session = try newSession(line)
    prompt(line, session, id: "p")
    let all = line.until { $0["id"] == "p" }
    #expect(!kinds(all).contains("tool_call"))
    let notices = all.filter { $0["params"]?["update"]?["_meta"]?["carrel/notice"] == true }
    #expect(notices.count == 1)
    let chunks = kinds(all).filter { $0 == "agent_message_chunk" }
    #expect(chunks.count == 6)
    line.send(
      #"{"jsonrpc":"2.0","id":"m","method":"session/set_mode","params":{"sessionId":"\#(session)","modeId":"strict"}}"#
    )
    prompt(line, session, id: "q")
    let strict = line.until { $0["id"] == "q" }
    let strictChunks = kinds(strict).filter { $0 == "agent_message_chunk" }
    #expect(strictChunks.count == 1)
    await line.end()
  }
}

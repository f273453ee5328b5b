import CarrelKit

extension ACPSession {
  /// Carries out a slash command as a turn.
  func run(_ command: ACPCommand, _ turn: ACPTurn) async throws -> JSONValue {
    switch command {
    case .search(let query): try await search(query, turn)
    case .index(let path):
      try await index(
        path.hasPrefix("/") ? path : path.isEmpty ? folder : folder + "/" + path, turn)
    case .status:
      say(StatusForms.text(try await desk.status()), turn)
    case .why:
      say("```\n\(try await Self.explanation(desk))\n```", turn)
    }
    return "end_turn"
  }

  /// Reads models and memory: not on the control actor.
  private nonisolated static func explanation(_ desk: any AgentDesk) async throws -> String {
    try desk.why().explanation
  }

  private func say(_ text: String, _ turn: ACPTurn) {
    send(
      [
        [
          "sessionUpdate": "agent_message_chunk", "messageId": "t\(turn.number)-m1",
          "content": ACPTurnUpdates.text(text),
        ]
      ], of: turn)
  }

  private func search(_ text: String, _ turn: ACPTurn) async throws {
    let line = try SearchLine(text, folder: folder)
    send(turn.updates.take(.retrieving(query: line.query)), of: turn)
    let report = try await desk.search(line.query, limit: 8, sides: .hybrid, scope: line.scope)
    let sources = report.hits.enumerated().map { place, hit in
      Source(
        n: place + 1, path: hit.path, startLine: hit.startLine, endLine: hit.endLine,
        startByte: hit.startByte, endByte: hit.endByte, text: hit.text)
    }
    send(turn.updates.take(.retrieved(sources)), of: turn)
    let passages = sources.map { source in
      let lines = source.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        .prefix(6)
      return "**[\(source.n)] \(source.path):\(source.startLine)-\(source.endLine)**\n\n"
        + lines.map { "> \($0)" }.joined(separator: "\n")
    }
    let nothing =
      report.filesInScope == 0
      ? "No indexed document is \(report.scope.words)." : "Nothing found."
    say(passages.isEmpty ? nothing : passages.joined(separator: "\n\n"), turn)
  }

  private func index(_ path: String, _ turn: ACPTurn) async throws {
    let id = JSONValue.string("t\(turn.number)-index")
    send(
      [
        [
          "sessionUpdate": "tool_call", "toolCallId": id, "kind": "other", "status": "in_progress",
          "title": .string("Indexing \(path)"), "locations": [["path": .string(path)]],
        ]
      ], of: turn)
    func update(_ status: String, _ text: String) {
      send(
        [
          [
            "sessionUpdate": "tool_call_update", "toolCallId": id, "status": .string(status),
            "content": [ACPTurnUpdates.content(text)],
          ]
        ], of: turn)
    }
    var gate = ProgressGate()
    let events = desk.addToIndex([path])
    let run = Task { @ControlActor in
      for try await event in events {
        switch event {
        case .progress(let progress):
          if gate.opens() { update("in_progress", StatusForms.text(progress)) }
        case .merging(let done, let total):
          if gate.opens() { update("in_progress", StatusForms.merging(done, of: total)) }
        case .finished(let summary):
          let text = StatusForms.text(summary)
          update("completed", text)
          say(text, turn)
        default: break
        }
      }
    }
    turn.onCancel = { run.cancel() }
    if turn.isCancelled { run.cancel() }
    do { try await run.value } catch {
      update("failed", String(describing: error))
      throw error
    }
    if turn.isCancelled { update("failed", "Stopped; what is indexed stays.") }
  }
}

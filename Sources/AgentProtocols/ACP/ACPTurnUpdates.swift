import CarrelKit

/// Turns what happens while a question is answered into session updates. Pure: events in, the
/// `update` members of `session/update` notifications out.
///
/// The final answer and remarks before it become `agent_message_chunk`s, each message with an id of
/// its own; thoughts become `agent_thought_chunk`s or nothing; searches, and models on their way into
/// memory, become tool calls; the filled context becomes `usage_update`.
package struct ACPTurnUpdates: Sendable {
  /// Begins every id, so that ids of different turns differ.
  let turn: Int
  let showsThoughts: Bool
  /// Tokens the context window holds; known when the conversation is open.
  package var context = 0

  /// Which model the turn waits for: none, one that is still to be chosen, or this one.
  package enum Awaited: Equatable, Sendable { case none, some, model(String) }
  /// Loads of other models are other sessions' business.
  package var awaited = Awaited.none

  private enum Kind { case thought, remark, answer }

  private var messages = 0
  /// The message being written.
  private var current: Kind?
  private var searches = 0
  private var openSearch: String?
  /// Sources reported so far.
  private var reported = 0
  private var loads: [String: String] = [:]
  private var loadsBegun = 0
  /// Why this model answers; goes with the first piece of text.
  private var route: Route?

  package init(turn: Int, showsThoughts: Bool) {
    self.turn = turn
    self.showsThoughts = showsThoughts
  }

  /// So many sources came with the prompt: no search found those.
  package mutating func attach(_ count: Int) { reported = count }

  package mutating func take(_ event: GenerationEvent) -> [JSONValue] {
    switch event {
    case .routed(let route):
      self.route = route
      awaited = .model(route.choice)
      return route.host.map { [notice("The text of this question leaves this machine: \($0).")] }
        ?? []
    case .retrieving(let query): return closeSearch() + [beginSearch(query)]
    case .retrieved(let sources): return endSearch(sources)
    case .prefill: return closeSearch()
    case .thinking(let piece, _):
      return closeSearch() + (showsThoughts ? [chunk(piece, .thought)] : [])
    case .commentary(let piece): return closeSearch() + [chunk(piece, .remark)]
    case .text(let piece): return closeSearch() + [chunk(piece, .answer)]
    case .notice(let sentence): return [notice(sentence)]
    case .done(let answer):
      let used = answer.stats.promptTokens + answer.stats.generatedTokens
      return closeSearch() + [
        ["sessionUpdate": "usage_update", "used": .integer(used), "size": .integer(context)]
      ]
    }
  }

  /// A remark of Carrel's own, as a message of its own.
  package mutating func notice(_ sentence: String) -> JSONValue {
    let isFirst = messages == 0
    current = nil
    defer { current = nil }
    return chunk((isFirst ? "" : "\n\n") + "> Note: \(sentence)\n\n", .remark, isNotice: true)
  }

  private mutating func chunk(_ text: String, _ kind: Kind, isNotice: Bool = false) -> JSONValue {
    if current != kind {
      messages += 1
      current = kind
    }
    var meta: [String: JSONValue] = [:]
    if isNotice { meta["carrel/notice"] = true }
    if kind != .thought, let route {
      meta["carrel/route"] = [
        "model": .string(route.choice), "reason": .string(route.reason),
        "host": route.host.map { .string($0) },
      ]
      self.route = nil
    }
    return [
      "sessionUpdate": kind == .thought ? "agent_thought_chunk" : "agent_message_chunk",
      "messageId": "t\(turn)-m\(messages)", "content": Self.text(text),
      "_meta": meta.isEmpty ? nil : .object(meta),
    ]
  }

  static func text(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }

  // MARK: Searches

  private mutating func beginSearch(_ query: String) -> JSONValue {
    searches += 1
    let id = "t\(turn)-search-\(searches)"
    openSearch = id
    return [
      "sessionUpdate": "tool_call", "toolCallId": .string(id), "kind": "search",
      "status": "in_progress", "title": .string("Searching the documents: \(Self.title(query))"),
      "rawInput": ["query": .string(query)],
    ]
  }

  /// The search found nothing that was reported.
  private mutating func closeSearch() -> [JSONValue] {
    guard openSearch != nil else { return [] }
    return endSearch([])
  }

  private mutating func endSearch(_ sources: [Source]) -> [JSONValue] {
    let new = sources.dropFirst(reported)
    reported = max(reported, sources.count)
    guard let id = openSearch else { return [] }
    openSearch = nil
    return [Self.found(Array(new), toolCall: id)]
  }

  /// The end of a search, with where the passages are.
  static func found(_ sources: [Source], toolCall id: String) -> JSONValue {
    let lines = sources.map { "[\($0.n)] \($0.path):\($0.startLine)-\($0.endLine)" }
    return [
      "sessionUpdate": "tool_call_update", "toolCallId": .string(id), "status": "completed",
      "locations": .array(
        sources.map { ["path": .string($0.path), "line": .integer($0.startLine)] }),
      "content": [content(lines.isEmpty ? "No passage." : lines.joined(separator: "\n"))],
      "rawOutput": [
        "passages": .array(
          sources.map {
            [
              "n": .integer($0.n), "path": .string($0.path), "startLine": .integer($0.startLine),
              "endLine": .integer($0.endLine),
            ]
          })
      ],
    ]
  }

  static func content(_ text: String) -> JSONValue {
    ["type": "content", "content": self.text(text)]
  }

  /// One line of at most 80 characters.
  static func title(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 80 ? line.prefix(79) + "…" : line
  }

  // MARK: Models

  /// A model on its way into memory, or from a hub.
  package mutating func take(_ event: ModelEvent) -> [JSONValue] {
    switch event.to {
    case .loading, .downloading:
      guard awaited == .some || awaited == .model(event.id), loads[event.id] == nil else {
        return []
      }
      loadsBegun += 1
      let id = "t\(turn)-load-\(loadsBegun)"
      loads[event.id] = id
      let verb = event.to == .loading ? "Loading" : "Fetching"
      return [
        [
          "sessionUpdate": "tool_call", "toolCallId": .string(id), "kind": "other",
          "status": "in_progress", "title": .string("\(verb) \(event.id)"),
          "content": [Self.content(event.reason)],
        ]
      ]
    case .ready, .installed: return endLoad(event.id, "completed", event.reason)
    case .failed(let sentence): return endLoad(event.id, "failed", sentence)
    case .notInstalled, .unloading: return []
    }
  }

  private mutating func endLoad(_ model: String, _ status: String, _ text: String) -> [JSONValue] {
    guard let id = loads.removeValue(forKey: model) else { return [] }
    return [
      [
        "sessionUpdate": "tool_call_update", "toolCallId": .string(id),
        "status": .string(status), "content": [Self.content(text)],
      ]
    ]
  }

  // MARK: The end

  /// Ends what is still open: no tool call is left running.
  /// - Parameter status: "completed", or "failed" where the turn was cancelled or failed.
  package mutating func close(_ status: String) -> [JSONValue] {
    var updates: [JSONValue] = []
    let open = [openSearch].compactMap { $0 } + loads.values.sorted()
    for id in open {
      updates.append(
        [
          "sessionUpdate": "tool_call_update", "toolCallId": .string(id),
          "status": .string(status),
        ])
    }
    openSearch = nil
    loads = [:]
    return updates
  }

  /// `StopReason` of ACP.
  package static func stopReason(_ stop: AnswerStop) -> JSONValue {
    switch stop {
    case .endOfTurn, .nothingRetrieved: "end_turn"
    case .maximumTokens, .contextFull: "max_tokens"
    case .toolCall: "max_turn_requests"
    case .cancelled: "cancelled"
    }
  }
}

import CarrelKit

/// A kept conversation as the updates that replay it (`session/load`). Pure.
package enum ACPHistory {
  package static func updates(_ transcript: SessionTranscript) -> [JSONValue] {
    transcript.turns.flatMap { turn -> [JSONValue] in
      var updates: [JSONValue] = [
        chunk("user_message_chunk", "h\(turn.n)-q", turn.question)
      ]
      if !turn.sources.isEmpty {
        let id = "h\(turn.n)-search"
        updates.append(
          ACPTurnUpdates.found(turn.sources, toolCall: id).adding([
            "sessionUpdate": "tool_call", "kind": "search", "title": "Searched the documents",
          ]))
      }
      if !turn.answer.isEmpty {
        updates.append(chunk("agent_message_chunk", "h\(turn.n)-a", turn.answer))
      }
      for (place, notice) in turn.notices.enumerated() {
        updates.append(
          chunk("agent_message_chunk", "h\(turn.n)-n\(place)", "> Note: \(notice)\n\n"))
      }
      return updates
    }
  }

  private static func chunk(_ kind: String, _ id: String, _ text: String) -> JSONValue {
    [
      "sessionUpdate": .string(kind), "messageId": .string(id),
      "content": ACPTurnUpdates.text(text),
    ]
  }
}

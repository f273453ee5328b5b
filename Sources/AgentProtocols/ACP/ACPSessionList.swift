import CarrelKit
import FoundationEssentials

/// Pages of kept conversations (`session/list`). Pure.
package enum ACPSessionList {
  package static let pageSize = 50

  /// - Parameters:
  ///   - sessions: the latest first.
  ///   - cursor: the id of the last one of the page before.
  /// - Throws: -32602 where that one is gone: the client begins again.
  package static func page(
    _ sessions: [SessionSummary], after cursor: String?
  ) throws(RPCError) -> JSONValue {
    var start = 0
    if let cursor {
      guard let last = sessions.firstIndex(where: { $0.id == cursor }) else {
        throw RPCError(.invalidParameters, "cursor: no page ended with \(cursor.prefix(100)).")
      }
      start = last + 1
    }
    let page = sessions[start...].prefix(pageSize)
    let isLast = start + page.count == sessions.count
    return [
      "sessions": .array(
        page.map {
          [
            "sessionId": .string($0.id), "cwd": .string($0.folder), "title": .string($0.title),
            "updatedAt": .string($0.updated.ISO8601Format()),
          ]
        }),
      "nextCursor": isLast ? nil : page.last.map { .string($0.id) },
    ]
  }
}

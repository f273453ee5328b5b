import CarrelKit
import FoundationEssentials
import Terminal

/// Kept conversations.
extension CommandRunner {
  func sessions() async throws {
    let sessions = try await desk.sessions()
    if wantsJSON {
      console.json(.object([("sessions", .array(sessions.map(JSONForms.session)))]))
    } else if sessions.isEmpty {
      console.remark("No conversation is kept yet; `carrel` begins one.")
    } else {
      console.write(Printing.sessions(sessions, now: .now, console: console))
    }
  }

  func showSession() async throws {
    let id = try await Self.id(invocation.arguments[0], desk)
    if wantsJSON {
      console.json(.written(try await desk.transcript(id).json))
      return
    }
    var writer = AnswerWriter(width: console.columns(), style: console.style)
    let text = try await desk.exportSession(id, as: .markdown)
    console.write(writer.feed(text) + writer.finish())
  }

  func exportSession() async throws {
    let id = try await Self.id(invocation.arguments[0], desk)
    let path = invocation.text("--out").map(Location.expand)
    let format =
      invocation.text("--format").flatMap(SessionFormat.init(rawValue:))
      ?? (path?.hasSuffix(".json") == true ? .json : .markdown)
    let text = try await desk.exportSession(id, as: format)
    guard let path else {
      // A terminal gets no control characters from a document; a file gets the text as it is.
      console.write(console.columns() == nil ? text : Sanitizer.clean(text))
      return
    }
    do {
      try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CarrelError(.failed, "\(path) could not be written.")
    }
    console.remark("Written to \(Sanitizer.line(path)).")
  }

  /// All or none: every id is looked up before the first is removed.
  func removeSessions() async throws {
    var ids: [String] = []
    for name in invocation.arguments {
      let id = try await Self.id(name, desk)
      ids.append(try await desk.transcript(id).session.id)
    }
    for id in ids { _ = try await desk.removeSession(id) }
    console.remark(
      ids.count == 1 ? "1 conversation removed." : "\(ids.count) conversations removed.")
  }

  /// `last` is the latest session.
  static func id(_ name: String, _ desk: any Desk) async throws -> String {
    guard name == "last" else { return name }
    guard let latest = try await desk.sessions().first else {
      throw CarrelError(.failed, "No conversation is kept yet.")
    }
    return latest.id
  }
}

extension JSONForms {
  package static func session(_ session: SessionSummary) -> JSON {
    .object([
      ("id", .string(session.id)), ("title", .string(session.title)),
      ("model", .string(session.model)), ("folder", .string(session.folder)),
      ("created", .string(session.created.ISO8601Format())),
      ("updated", .string(session.updated.ISO8601Format())), ("turns", .integer(session.turns)),
    ])
  }
}

extension Printing {
  /// Number, id, age, questions and title of each session; titles are cut to the row.
  package static func sessions(
    _ sessions: [SessionSummary], now: Date, console: Console
  ) -> String {
    let rows = sessions.enumerated().map { place, session in
      [
        String(place + 1), session.id, age(session.updated, now: now),
        session.turns == 1 ? "1 turn" : "\(Format.count(session.turns)) turns",
      ]
    }
    let widths = (0..<4).map { column in
      rows.reduce(0) { max($0, DisplayWidth.of($1[column])) } + 2
    }
    let columns = console.columns() ?? .max
    let isNarrow = columns < 60
    return zip(rows, sessions).map { row, session in
      let head = row.enumerated().map { DisplayWidth.pad($1, to: widths[$0]) }.joined()
      let title = Sanitizer.line(session.title)
      if isNarrow {
        let first = DisplayWidth.truncate(row.joined(separator: " "), to: columns)
        return first + "\n  " + DisplayWidth.truncate(title, to: max(4, columns - 2)) + "\n"
      }
      let room = max(4, columns == .max ? .max : columns - DisplayWidth.of(head))
      return head + DisplayWidth.truncate(title, to: room) + "\n"
    }.joined()
  }

  /// `just now`, `5 min ago`, `3 h ago`, `2 days ago`, and from a month on the day.
  package static func age(_ date: Date, now: Date) -> String {
    let seconds = now.timeIntervalSince(date)
    guard seconds.isFinite, seconds >= 60 else { return "just now" }
    if seconds < 3600 { return "\(Int(seconds / 60)) min ago" }
    if seconds < 86_400 { return "\(Int(seconds / 3600)) h ago" }
    let days = Int(seconds / 86_400)
    if days < 31 { return days == 1 ? "1 day ago" : "\(days) days ago" }
    return String(date.ISO8601Format().prefix(10))
  }
}

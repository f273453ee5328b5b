import CarrelKit
import FoundationEssentials
import Terminal

/// Kept conversations, from within one.
extension REPL {
  func sessions(_ rest: String) async throws {
    let words = rest.split(separator: " ").map(String.init)
    switch words.first {
    case nil, "list":
      let sessions = try await desk.sessions()
      if sessions.isEmpty {
        write("No conversation is kept yet.")
      } else {
        console.write(Printing.sessions(sessions, now: .now, console: console))
        write("/resume N goes on with one, /sessions remove N removes it.")
      }
    case "remove":
      guard words.count == 2 else {
        throw UsageMistake("/sessions remove takes an id or a number.")
      }
      let id = try await find(words[1])
      if await conversation?.keptID == id {
        throw UsageMistake("This conversation is \(id) itself. /clear begins another one first.")
      }
      write("Removed: \(try await desk.removeSession(id))")
    case let word?:
      throw UsageMistake("/sessions takes nothing, or remove ID, not “\(word)”.")
    }
  }

  /// Goes on with a kept conversation: by number, by the beginning of its id, or the latest other.
  func resume(_ word: String) async throws {
    let id = try await find(word)
    let desk = desk
    let model = model
    console.status.show("loading the model", now: true)
    try await settle()
    await leave()
    let opened = try await Interruption.run {
      try await desk.resumeConversation(id, model: model)
    }
    let transcript = try await desk.transcript(id)
    console.status.clear()
    if settings["sessions"] == "off" { try await opened.setKept(false) }
    conversation = opened
    opening = nil
    // Failed questions are in the file, not in the conversation.
    turns = transcript.turns.filter { $0.state != .failed }.map {
      (question: $0.question, answer: Answer($0))
    }
    onSources(turns.last?.answer.sources.count ?? 0)
    if isInteractive { show(transcript) }
    // Reading ahead costs nothing while the next question is typed.
    let stop = StopFlag()
    warming = stop
    Task.detached { try? await opened.warm(stop: stop) }
  }

  /// The last turns, as they were.
  private func show(_ transcript: SessionTranscript) {
    let earlier = turns.count - 1
    let session = transcript.session
    let count = turns.count == 1 ? "1 turn" : "\(Format.count(turns.count)) turns"
    write("\(session.id), \(count), \(Printing.age(session.updated, now: .now)).")
    guard let last = turns.last else { return }
    if earlier > 0 { console.line(console.style.paint("… \(earlier) before", .dim)) }
    console.line()
    write("> " + last.question)
    let text = CitationMarker.marked(last.answer.text, sources: last.answer.sources)
    if !text.allSatisfy(\.isWhitespace) {
      var writer = AnswerWriter(width: console.columns(), style: console.style)
      console.write("\n" + writer.feed(text) + writer.finish() + "\n")
    }
    if !last.answer.sources.isEmpty {
      console.write("\n" + Printing.sources(last.answer, console: console))
    }
    if last.answer.stop == .cancelled { write("(The answer was stopped there.)") }
    console.line()
  }

  /// The id that a number of the list, the beginning of an id, `last` or nothing stands for.
  private func find(_ word: String) async throws -> String {
    let sessions = try await desk.sessions()
    if word.isEmpty || word == "last" {
      let current = await conversation?.keptID
      guard let latest = sessions.first(where: { $0.id != current }) else {
        throw CarrelError(.failed, "There is no other conversation to go on with.")
      }
      return latest.id
    }
    if let number = Int(word) {
      guard sessions.indices.contains(number - 1) else {
        throw UsageMistake("There is no session \(number); /sessions lists \(sessions.count).")
      }
      return sessions[number - 1].id
    }
    return try await desk.transcript(word).session.id
  }

  /// Begins another conversation; this one stays kept.
  func clear() async throws {
    try await settle()
    let kept = await conversation?.keptID
    let old = turns.isEmpty ? nil : kept
    await conversation?.reset()
    turns = []
    onSources(0)
    write(
      old.map { "A new conversation. The one before is kept: /resume \($0)" }
        ?? "A new conversation; documents and settings stay.")
  }

  func save(_ rest: String) async throws {
    if turns.isEmpty { throw UsageMistake("There is nothing to save yet.") }
    let path = Location.expand(rest.isEmpty ? "carrel-conversation.md" : rest)
    if rest.isEmpty, FileManager.default.fileExists(atPath: path) {
      throw UsageMistake("\(path) is there already. Name another file: /save FILE.")
    }
    let text: String
    if let id = await conversation?.keptID {
      text = try await desk.exportSession(id, as: path.hasSuffix(".json") ? .json : .markdown)
    } else {
      if path.hasSuffix(".json") {
        throw UsageMistake("Only kept conversations have a JSON form; /set sessions on keeps them.")
      }
      text = Transcript.markdown(turns)
    }
    do {
      try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CarrelError(.failed, "\(path) could not be written.")
    }
    write(
      "Saved \(turns.count == 1 ? "1 turn" : "\(turns.count) turns") to \(Sanitizer.line(path)).")
  }
}

import CarrelKit
import FoundationEssentials
import Terminal

/// What each command of the prompt does.
extension REPL {
  func perform(_ name: REPLCommand.Name, _ rest: String) async throws {
    switch name {
    case .help: help(rest)
    case .sources: try sources()
    case .open: try open(rest)
    case .context: try context()
    case .thinking: try await toggleThinking(rest)
    case .effort: try await set(rest.isEmpty ? "effort" : "effort \(rest)")
    case .set: try await set(rest)
    case .retry: try await retry()
    case .edit: try await edit()
    case .undo: try await undo()
    case .save: try await save(rest)
    case .sessions: try await sessions(rest)
    case .resume: try await resume(rest)
    case .clear: await clear()
    case .search: try await search(rest)
    case .index: try await index(rest)
    case .model: try await model(rest)
    case .models: try await Reports.models(desk, console)
    case .pull: try await pull(rest)
    case .unload: try await unload(rest)
    case .why: try await Reports.why(desk, console)
    case .status: try await status()
    case .bye: break
    }
  }

  private var lastAnswer: Answer {
    get throws {
      guard let answer = turns.last?.answer else {
        throw UsageMistake("There is no answer yet. Ask a question first.")
      }
      return answer
    }
  }

  private func help(_ word: String) {
    let name = word.hasPrefix("/") ? String(word.dropFirst()) : word
    let width = console.columns() ?? 80
    if let command = REPLCommand.all.first(where: { $0.name.rawValue == name }) {
      console.line("/\(command.name.rawValue) \(command.arguments)")
      console.write(HelpText.fold(command.summary + ". Example: " + command.example, 0, width))
      return
    }
    for group in REPLCommand.Group.allCases {
      console.line(console.style.paint(group.rawValue, .bold))
      for command in REPLCommand.all where command.group == group {
        let call = "  /\(command.name.rawValue) \(command.arguments)"
        let example = command.example == "/\(command.name.rawValue)" ? "" : "  (\(command.example))"
        if width < 60 {
          console.line(call)
          console.write(HelpText.fold(command.summary, 6, width, first: 6))
        } else {
          let folded = HelpText.fold(command.summary + example, 30, width)
          console.write(DisplayWidth.pad(call, to: 29) + " " + folded.drop { $0 == " " })
        }
      }
    }
    console.write(
      HelpText.fold(
        "Anything else is a question. \"\"\" opens a text of several lines; a backslash at the end or "
          + "Alt-Return goes on to the next line. Control-R searches the history, Control-X Control-E "
          + "opens $EDITOR, Control-C stops an answer.", 0, width))
  }

  private func sources() throws {
    let answer = try lastAnswer
    if answer.sources.isEmpty {
      console.line("The last answer has no sources.")
      return
    }
    let columns = console.columns()
    for source in answer.sources {
      let label = Printing.place(
        Location.short(source.path), source.startLine, source.endLine,
        columns: columns.map { max(12, $0 - 5) })
      console.line(
        console.style.paint("[\(source.n)]", .cyan) + " "
          + console.style.link(console.style.paint(label, .bold), to: Location.url(source.path)))
      for line in Printing.excerpt(source.text, rows: 6, width: (columns ?? 100) - 4) {
        console.line("    " + line)
      }
    }
  }

  /// The lines of the source in its file, with a few around them.
  private func open(_ rest: String) throws {
    let answer = try lastAnswer
    guard let number = Int(rest.filter { $0 != "[" && $0 != "]" }) else {
      throw UsageMistake("/open takes the number of a source, as in /open 1.")
    }
    guard let source = answer.sources.first(where: { $0.n == number }) else {
      throw UsageMistake(
        answer.sources.isEmpty
          ? "The last answer has no sources."
          : "There is no source \(number); the last answer has \(answer.sources.count).")
    }
    let label = Printing.place(Location.short(source.path), source.startLine, source.endLine)
    console.line(
      console.style.link(console.style.paint(label, .bold), to: Location.url(source.path)))
    guard let data = FileManager.default.contents(atPath: source.path) else {
      console.line("The file cannot be read now; this is what was indexed:")
      console.line(Sanitizer.clean(source.text))
      return
    }
    let lines = String(decoding: data, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let first = max(1, source.startLine - 3)
    let last = min(lines.count, source.endLine + 3, first + 59)
    guard first <= last else {
      console.line("The file is shorter now; this is what was indexed:")
      console.line(Sanitizer.clean(source.text))
      return
    }
    let digits = String(last).count
    for number in first...last {
      let isInside = (source.startLine...max(source.startLine, source.endLine)).contains(number)
      let head = String(repeating: " ", count: digits - String(number).count) + "\(number) "
      let body = Sanitizer.clean(lines[number - 1]).map { $0 == "\t" ? "  " : String($0) }.joined()
      let rows = Printing.fold(body, columns: max(8, (console.columns() ?? .max) - digits - 1))
      for (place, row) in rows.enumerated() {
        let margin = place == 0 ? head : String(repeating: " ", count: digits + 1)
        console.line(
          console.style.paint(margin, .dim) + (isInside ? row : console.style.paint(row, .dim)))
      }
    }
    if last < source.endLine { console.line("… \(source.endLine - last) more lines") }
  }

  /// What the last prompt was made of and what was left out, in tokens.
  private func context() throws {
    let answer = try lastAnswer
    let stats = answer.stats
    if let searched = answer.searched {
      write("Searched for: \(Sanitizer.line(searched.query))")
      if let background = searched.background {
        write("and, counting half: \(Sanitizer.line(background))")
      }
    }
    guard let parts = answer.prompt else {
      write("Prompt: \(Format.count(stats.promptTokens)) tokens; its parts were not kept.")
      return
    }
    console.write(Printing.prompt(parts, stats, console: console))
    for notice in answer.notices { write("Note: \(Sanitizer.line(notice))") }
  }

  // MARK: - The conversation

  private func retry() async throws {
    guard let last = turns.last else {
      throw UsageMistake("There is no question to repeat yet.")
    }
    _ = await conversation?.undo()
    turns.removeLast()
    try await ask(last.question)
  }

  private func edit() async throws {
    guard isInteractive else { throw UsageMistake("/edit needs a terminal.") }
    guard let last = turns.last else {
      throw UsageMistake("There is no question to change yet.")
    }
    prefill = last.question
    isReplacing = true
  }

  private func undo() async throws {
    guard let last = turns.popLast() else { throw UsageMistake("There is nothing to take back.") }
    _ = await conversation?.undo()
    let question = DisplayWidth.truncate(
      Sanitizer.line(last.question), to: max(10, (console.columns() ?? 80) - 12))
    console.line("Forgotten: \(question)")
  }

  // MARK: - Documents and models

  private func search(_ query: String) async throws {
    if query.isEmpty { throw UsageMistake("/search takes words to look for.") }
    let desk = desk
    let scope = SearchScope(settings: settings)
    console.status.show("searching", now: true)
    let report = try await Interruption.run {
      try await desk.search(query, limit: 8, sides: .hybrid, scope: scope)
    }
    console.status.clear()
    console.write(Printing.hits(report, console: console))
  }

  private func index(_ rest: String) async throws {
    let words = rest.split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case nil, "status": try await Reports.index(desk, console)
    case "add":
      let paths = try paths(words)
      for path in paths where !FileManager.default.fileExists(atPath: path) {
        throw UsageMistake("There is no file or folder \(path).")
      }
      try await Reports.indexing(desk.addToIndex(paths), console)
    case "remove":
      let paths = try paths(words)
      let count = try await desk.removeFromIndex(paths)
      write(
        count == 0
          ? "Nothing of this was in the index."
          : "\(count == 1 ? "1 file" : "\(Format.count(count)) files") left the index.")
    case "verify":
      let desk = desk
      let problems = try await Interruption.run { try await desk.verifyIndex() }
      for problem in problems { write(Sanitizer.line(problem)) }
      write(problems.isEmpty ? "The index agrees with itself." : "/index rebuild makes it anew.")
    case "rebuild": try await Reports.indexing(desk.rebuildIndex(), console)
    case "refresh": try await Reports.indexing(desk.refreshIndex(), console)
    case let word?:
      throw UsageMistake(
        "/index takes add PATH, remove PATH, refresh, rebuild, verify or status, not “\(word)”.")
    }
  }

  /// The paths behind the first word. Quotes are not read: the rest of the line is one path if there
  /// is such a file.
  private func paths(_ words: [String]) throws -> [String] {
    guard words.count > 1 else { throw UsageMistake("/index \(words[0]) takes a path.") }
    let whole = Location.expand(REPLCommand.trim(words[1]))
    if FileManager.default.fileExists(atPath: whole) { return [whole] }
    return words[1].split(separator: " ").map { Location.expand(String($0)) }
  }

  /// The card of `carrel status`, with what this session knows besides.
  private func status() async throws {
    var facts: [(String, String)] = []
    if let conversation {
      let states = await desk.modelStates()
      let state = states.first { $0.id == conversation.modelID }
      let held = state.map { $0.bytes > 0 ? ", \(Format.bytes($0.bytes)) of memory" : "" } ?? ""
      facts.append(
        (
          "Answers",
          "\(conversation.modelID), \(state?.state.name ?? "ready")\(held), "
            + "\(Format.count(conversation.context)) tokens of context"
        ))
    }
    if let gate = try? desk.why() { facts.append(("Memory gate", Printing.gate(gate))) }
    if let stats = turns.last?.answer.stats, stats.generatedTokens > 0 {
      facts.append(
        (
          "Last answer",
          "\(Format.rate(stats.prefillTokensPerSecond)) t/s read, "
            + "\(Format.rate(stats.decodeTokensPerSecond)) t/s written, "
            + "\(Format.count(stats.cachedTokens)) of \(Format.count(stats.promptTokens)) tokens reused"
        ))
    }
    facts.append(
      ("Recoveries", Printing.mended(turns.map(\.answer.stats.recoveries)) ?? "none needed"))
    if let conversation {
      let id = await conversation.keptID
      let count = turns.count == 1 ? "1 turn" : "\(turns.count) turns"
      facts.append(("Session", id.map { "\($0), \(count)" } ?? "\(count), not kept"))
    }
    try await Reports.status(desk, console, facts: facts)
  }

  private func model(_ id: String) async throws {
    if id.isEmpty {
      let current = try await opened()
      console.status.clear()
      write(
        "\(current.modelID), \(Format.count(current.context)) tokens of context. /models lists others."
      )
      return
    }
    try await change("model", to: id)
    if let conversation { write("\(conversation.modelID) answers from now on.") }
  }

  private func pull(_ id: String) async throws {
    if id.isEmpty {
      let known = try desk.fetchable().filter { $0.reference != nil && $0.fits != false }
      if known.isEmpty { throw UsageMistake("/pull takes an id, or owner/name:Q4_K_M.") }
      write("These would fit:")
      for model in known {
        write("  \(model.id), \(model.isExact ? "" : "about ")\(Format.bytes(model.bytes))")
      }
      return
    }
    let folder = try await Reports.pulling(desk.pull(id), console)
    write("\(id) is in \(Location.short(folder)). /model \(id) answers with it.")
    if conversation == nil { opening = nil }
  }

  private func unload(_ id: String) async throws {
    try await settle()
    console.status.clear()
    let unloaded = await desk.unload(id.isEmpty ? nil : id)
    write(
      unloaded.isEmpty
        ? "Nothing of this is loaded."
        : "Unloaded: \(unloaded.joined(separator: ", ")). The next question loads it again.")
  }
}

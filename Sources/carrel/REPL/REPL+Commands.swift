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
    case .thinking: try thinking(rest)
    case .set: try set(rest)
    case .retry: try await retry()
    case .edit: try await edit()
    case .undo: try await undo()
    case .save: try save(rest)
    case .clear: await clear()
    case .search: try await search(rest)
    case .index: try await index(rest)
    case .model: try await model(rest)
    case .models: try await Reports.models(desk, console)
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
          let folded = HelpText.fold(command.summary + example, 28, width)
          console.write(DisplayWidth.pad(call, to: 27) + " " + folded.drop { $0 == " " })
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

  private func context() throws {
    let answer = try lastAnswer
    let stats = answer.stats
    let window = conversation.map { " of \(Format.count($0.context))" } ?? ""
    console.line("Prompt: \(Format.count(stats.promptTokens))\(window) tokens,")
    console.line("  \(Format.count(stats.cachedTokens)) of them reused from the turn before.")
    console.line("Answer: \(Format.count(stats.generatedTokens)) tokens.")
    console.line("Passages in the prompt: \(answer.sources.count).")
    for source in answer.sources {
      let label = Printing.place(
        Location.short(source.path), source.startLine, source.endLine,
        columns: console.columns().map { max(12, $0 - 7) })
      console.line("  [\(source.n)] \(label)")
    }
    for notice in answer.notices { console.line("Note: \(Sanitizer.line(notice))") }
  }

  private func thinking(_ rest: String) throws {
    switch rest {
    case "on": showsThinking = true
    case "off": showsThinking = false
    case "": break
    default: throw UsageMistake("/thinking takes on or off, not “\(rest)”.")
    }
    console.line("Thinking is \(showsThinking ? "shown" : "not shown").")
  }

  private func set(_ rest: String) throws {
    let words = rest.split(separator: " ").map(String.init)
    guard let name = words.first else {
      for setting in Setting.allCases {
        console.line(
          "  " + DisplayWidth.pad(setting.rawValue, to: 12) + " " + setting.value(in: options))
      }
      return
    }
    guard let setting = Setting(rawValue: name) else {
      let names = Setting.allCases.map(\.rawValue)
      let hint =
        Suggestion.nearest(to: name, among: names).map { "Did you mean \($0)?" }
        ?? "There are: \(names.joined(separator: ", "))."
      throw UsageMistake("There is no setting “\(name)”. \(hint)")
    }
    if words.count > 1 {
      guard setting.set(words[1], in: &options) else {
        throw UsageMistake("\(setting.rawValue) takes \(setting.domain), not “\(words[1])”.")
      }
    }
    console.line("\(setting.rawValue): \(setting.value(in: options))")
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
    guard let last = turns.popLast() else {
      throw UsageMistake("There is no question to change yet.")
    }
    _ = await conversation?.undo()
    prefill = last.question
  }

  private func undo() async throws {
    guard let last = turns.popLast() else { throw UsageMistake("There is nothing to take back.") }
    _ = await conversation?.undo()
    let question = DisplayWidth.truncate(
      Sanitizer.line(last.question), to: max(10, (console.columns() ?? 80) - 12))
    console.line("Forgotten: \(question)")
  }

  private func clear() async {
    await conversation?.reset()
    turns = []
    console.line("The conversation is forgotten; documents and settings stay.")
  }

  private func save(_ rest: String) throws {
    if turns.isEmpty { throw UsageMistake("There is nothing to save yet.") }
    let path = Location.expand(rest.isEmpty ? "carrel-conversation.md" : rest)
    if rest.isEmpty, FileManager.default.fileExists(atPath: path) {
      throw UsageMistake("\(path) is there already. Name another file: /save FILE.")
    }
    let text = Transcript.markdown(turns)
    do {
      try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CarrelError(.failed, "\(path) could not be written.")
    }
    console.line("Saved \(turns.count == 1 ? "1 turn" : "\(turns.count) turns") to \(path).")
  }

  // MARK: - Documents and models

  private func search(_ query: String) async throws {
    if query.isEmpty { throw UsageMistake("/search takes words to look for.") }
    let desk = desk
    console.status.show("searching", now: true)
    let report = try await Interruption.run {
      try await desk.search(query, limit: 8, sides: .hybrid)
    }
    console.status.clear()
    console.write(Printing.hits(report, console: console))
  }

  private func index(_ rest: String) async throws {
    let words = rest.split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case nil, "status": try await Reports.index(desk, console)
    case "add":
      guard words.count > 1 else { throw UsageMistake("/index add takes a path.") }
      // Quotes are not read: the rest of the line is one path if there is such a file.
      let whole = Location.expand(REPLCommand.trim(words[1]))
      let paths =
        FileManager.default.fileExists(atPath: whole)
        ? [whole] : words[1].split(separator: " ").map { Location.expand(String($0)) }
      try await Reports.indexing(desk.addToIndex(paths), console)
    case "refresh": try await Reports.indexing(desk.refreshIndex(), console)
    case let word?:
      throw UsageMistake(
        "/index takes add PATH, refresh or status, not “\(word)”. `carrel index` can do more.")
    }
  }

  /// The card of `carrel status`, with what this session knows besides.
  private func status() async throws {
    var facts: [(String, String)] = []
    if let conversation {
      facts.append(
        (
          "Model",
          "\(conversation.modelID), \(Format.count(conversation.context)) tokens of context"
        ))
    }
    if let stats = turns.last?.answer.stats, stats.generatedTokens > 0 {
      facts.append(
        (
          "Last answer",
          "\(Format.rate(stats.prefillTokensPerSecond)) t/s read, "
            + "\(Format.rate(stats.decodeTokensPerSecond)) t/s written, "
            + "\(Format.count(stats.cachedTokens)) tokens reused"
        ))
    }
    if let mended = Printing.mended(turns.map(\.answer.stats.recoveries)) {
      facts.append(("Mended", mended))
    }
    try await Reports.status(desk, console, facts: facts)
  }

  private func model(_ id: String) async throws {
    if id.isEmpty {
      let current = try await opened()
      console.status.clear()
      console.line(
        "\(current.modelID), \(Format.count(current.context)) tokens of context. /models lists others."
      )
      return
    }
    let desk = desk
    console.status.show("loading \(id)", now: true)
    let opened = try await Interruption.run { try await desk.openConversation(model: id) }
    console.status.clear()
    conversation = opened
    model = id
    console.line("\(opened.modelID) answers from now on. The conversation begins anew.")
    turns = []
  }
}

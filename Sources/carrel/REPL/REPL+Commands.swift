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
    case .clear: try await clear()
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

  // MARK: - The conversation

  private func retry() async throws {
    guard let question = try await takeBack() else {
      throw UsageMistake("There is no question to repeat yet.")
    }
    try await ask(question)
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
    guard let question = try await takeBack() else {
      throw UsageMistake("There is nothing to take back.")
    }
    let shown = DisplayWidth.truncate(
      Sanitizer.line(question), to: max(10, (console.columns() ?? 80) - 12))
    console.line("Forgotten: \(shown)")
  }
}

import CarrelKit
import Terminal

/// `/set` and its relatives.
extension REPL {
  func toggleThinking(_ rest: String) async throws {
    if !rest.isEmpty { try await change("thinking", to: rest) }
    console.line("Thinking is \(showsThinking ? "shown" : "not shown").")
  }

  func set(_ rest: String) async throws {
    let words = rest.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
    guard let name = words.first else {
      let widest = Setting.all.reduce(0) { max($0, $1.name.count) }
      for setting in Setting.all {
        let value = settings[setting.name]
        let shown =
          DisplayWidth.pad(setting.name, to: widest) + "  "
          + (value ?? start.inUse[setting.name] ?? setting.standard)
        let line = DisplayWidth.truncate(Sanitizer.line(shown), to: console.columns() ?? .max)
        console.line(value == nil ? console.style.paint(line, .dim) : line)
      }
      return
    }
    guard let setting = Setting.named(name) else {
      let names = Setting.all.map(\.name)
      let hint =
        Suggestion.nearest(to: name, among: names).map { "Did you mean \($0)?" }
        ?? "There are: \(names.joined(separator: ", "))."
      throw UsageMistake("There is no setting “\(name)”. \(hint)")
    }
    if words.count > 1 { try await change(name, to: REPLCommand.trim(words[1])) }
    console.status.clear()
    console.line(
      "\(name): \(Sanitizer.line(settings[name] ?? start.inUse[name] ?? setting.standard))")
  }

  /// Checks a value and makes it count from now on. `default` takes back what was set.
  func change(_ name: String, to value: String) async throws {
    guard let setting = Setting.named(name) else { return }
    let before = settings
    if value == "default" {
      settings[name] = nil
    } else {
      do { try setting.check(value) } catch { throw UsageMistake(error.message) }
      let isPath = [.folder, .file, .model].contains(setting.option.kind)
      settings[name] = isPath ? Location.expand(value) : value
    }
    guard settings != before else { return }
    do { try await apply(name) } catch {
      settings = before
      throw error
    }
  }

  private func apply(_ name: String) async throws {
    switch name {
    case "temperature", "seed", "max-tokens", "effort", "passages", "retrieval", "thinking", "in",
      "type", "since":
      break
    case "history": lines.setHistory(isOn: settings["history"] != "off")
    case "color":
      let choice = settings["color"].flatMap(Style.Choice.init(rawValue:)) ?? .auto
      if let made = start.makeConsole?(choice) { console = made }
      lines.setStyle(console.style)
    case "sessions":
      try await settle()
      // What is still opening was told how it was.
      if let conversation { try await conversation.setKept(keepsSessions) } else { open() }
    case "model": try await reopen(desk)
    default:
      // Folders, threads, context, kernels: another workspace.
      try await reopen(start.makeDesk?(settings) ?? desk)
    }
  }

  /// Goes on with the same conversation on another model or workspace: what is kept is read back,
  /// what is not begins anew.
  private func reopen(_ next: any Desk) async throws {
    try await settle()
    let kept = await conversation?.keptID
    let id = turns.isEmpty ? nil : kept
    let model = model
    let fresh = keepsSessions ? Workspace.newSessionID() : nil
    console.status.show("loading the model", now: true)
    let opened = try await Interruption.run { () -> any Conversing in
      if let id, let same = try? await next.resumeConversation(id, model: model) { return same }
      return try await next.openConversation(model: model, keptAs: fresh)
    }
    console.status.clear()
    desk = next
    conversation = opened
    opening = nil
    let now = await opened.keptID
    if !turns.isEmpty, now != id || id == nil {
      turns = []
      onSources(0)
      write("The conversation begins anew.")
    }
  }
}

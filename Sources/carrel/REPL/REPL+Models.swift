import CarrelKit
import FoundationEssentials
import Terminal

/// The commands about models and memory.
extension REPL {
  /// The card of `carrel status`, with what this session knows besides.
  func status() async throws {
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

  func model(_ id: String) async throws {
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

  func pull(_ id: String) async throws {
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

  func unload(_ id: String) async throws {
    try await settle()
    console.status.clear()
    let unloaded = await desk.unload(id.isEmpty ? nil : id)
    write(
      unloaded.isEmpty
        ? "Nothing of this is loaded."
        : "Unloaded: \(unloaded.joined(separator: ", ")). The next question loads it again.")
  }
}

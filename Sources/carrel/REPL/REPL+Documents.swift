import CarrelKit
import FoundationEssentials
import Terminal

/// The commands about documents.
extension REPL {
  func search(_ query: String) async throws {
    if query.isEmpty { throw UsageMistake("/search takes words to look for.") }
    let desk = desk
    let scope = SearchScope(settings: settings)
    console.status.show("searching", now: true)
    let report = try await Interruption.run {
      try await desk.search(query, limit: 8, sides: .hybrid, scope: scope)
    }
    console.status.clear()
    for correction in report.corrections { console.remark(correction) }
    console.write(Printing.hits(report, console: console))
  }

  func index(_ rest: String) async throws {
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

  /// The paths behind the first word: those between double quotes, or the rest of the line if there is
  /// such a file, or its words.
  private func paths(_ words: [String]) throws -> [String] {
    guard words.count > 1 else { throw UsageMistake("/index \(words[0]) takes a path.") }
    let whole = Location.expand(REPLCommand.trim(words[1]))
    if FileManager.default.fileExists(atPath: whole) { return [whole] }
    // Odd parts stood between quotes.
    let parts = words[1].split(separator: "\"", omittingEmptySubsequences: false)
    guard parts.count % 2 == 1 else { throw UsageMistake("A quote is not closed.") }
    let paths = parts.enumerated().flatMap { place, part in
      place % 2 == 1 ? [part] : part.split(separator: " ")
    }
    return paths.filter { !$0.isEmpty }.map { Location.expand(String($0)) }
  }
}

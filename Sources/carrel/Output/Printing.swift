import CarrelKit
import Terminal

/// Results as text for people. Every path and passage is cleaned on its way out.
package enum Printing {
  /// `README.md:12-40`; a path that does not fit loses its beginning.
  package static func place(_ path: String, _ start: Int, _ end: Int, columns: Int? = nil) -> String
  {
    let lines = end > start ? ":\(start)-\(end)" : ":\(start)"
    let clean = Sanitizer.line(path)
    guard let columns, DisplayWidth.of(clean) + lines.count > columns, columns > lines.count + 2
    else {
      return clean + lines
    }
    var tail = clean[...]
    while DisplayWidth.of(tail) + lines.count + 1 > columns { tail.removeFirst() }
    return "…" + tail + lines
  }

  /// The path as one would type it here: relative below the current directory, with ~ below home.
  package static func short(_ path: String, directory: String, home: String?) -> String {
    if path.hasPrefix(directory + "/") { return String(path.dropFirst(directory.count + 1)) }
    if let home, !home.isEmpty, path.hasPrefix(home + "/") {
      return "~" + path.dropFirst(home.count)
    }
    return path
  }

  /// The numbered sources of an answer, those it cites for what they do not say marked.
  package static func sources(_ answer: Answer, console: Console) -> String {
    var text = ""
    for source in answer.sources {
      let doubtful = answer.citations.contains {
        $0.n == source.n && $0.writtenByModel && !$0.supported
      }
      let mark = "[\(source.n)]"
      let note = doubtful ? "  does not bear out what it is cited for" : ""
      let room = console.columns().map { max(12, $0 - mark.count - 1) }
      let label = place(
        Location.short(source.path), source.startLine, source.endLine, columns: room)
      text += console.style.paint(mark, .cyan) + " "
      text += console.style.link(label, to: Location.url(source.path))
      if doubtful {
        let fits =
          console.columns().map { mark.count + 1 + DisplayWidth.of(label) + note.count <= $0 }
          ?? true
        text += console.style.paint(fits ? note : "  (!)", .yellow)
      }
      text += "\n"
    }
    return text
  }

  /// `3 faults of the model's stream: missingChannel 2, bareText 1`; nil when there were none.
  package static func mended(_ recoveries: [[String: Int]]) -> String? {
    let counts = recoveries.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    guard !counts.isEmpty else { return nil }
    let total = counts.values.reduce(0, +)
    return "\(Format.count(total)) fault\(total == 1 ? "" : "s") of the model's stream: "
      + counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  /// `smollm2 (the best installed model that fits): 812 tokens read at 190/s, 600 reused, 64 written
  /// at 22/s`. The reason is cut where it would take more than a row; `/why` has all of it.
  package static func closing(_ answer: Answer, columns: Int? = nil) -> String {
    let stats = answer.stats
    var text = Sanitizer.line(answer.model)
    // Reasons go on, after a semicolon, with the models that were refused.
    let full = Sanitizer.line(answer.route.reason)
    let reason = full.split(separator: ";", maxSplits: 1).first.map(String.init) ?? ""
    let room = max(0, (columns ?? 100) - DisplayWidth.of(text) - 4)
    if !reason.isEmpty, room >= 12 { text += " (\(DisplayWidth.truncate(reason, to: room)))" }
    guard stats.promptTokens > 0 else {
      return answer.stop == .cancelled ? text + ": stopped" : text
    }
    let read = stats.promptTokens - stats.cachedTokens
    text += ": \(Format.count(read)) \(read == 1 ? "token" : "tokens") read"
    if stats.prefillTokensPerSecond > 0 {
      text += " at \(Format.rate(stats.prefillTokensPerSecond))/s"
    }
    if stats.cachedTokens > 0 { text += ", \(Format.count(stats.cachedTokens)) reused" }
    text += ", \(Format.count(stats.generatedTokens)) written"
    if stats.decodeTokensPerSecond > 0 {
      text += " at \(Format.rate(stats.decodeTokensPerSecond))/s"
    }
    switch answer.stop {
    case .cancelled: text += "; stopped"
    case .maximumTokens: text += "; cut at the limit of tokens"
    case .contextFull: text += "; the context is full"
    case .toolCall: text += "; the model called a tool that is not offered"
    case .endOfTurn, .nothingRetrieved: break
    }
    return text
  }

  /// The gate's arithmetic in one line: what the chosen model needs of what is there, and how many
  /// better ones were refused.
  package static func gate(_ report: GateReport) -> String {
    let have = report.haveBytes.map { Format.bytes($0) } ?? "an unknown amount"
    guard let choice = report.candidates.first(where: { $0.id == report.choice }) else {
      return "nothing fits in \(have); /why has the numbers"
    }
    let refused = report.candidates.prefix { $0.id != choice.id }.count
    return "\(choice.id) needs \(Format.bytes(choice.needBytes)) of \(have)"
      + (refused > 0 ? ", \(refused) better refused" : "") + "; /why has the terms"
  }

  /// Search hits: place, ranks, and the beginning of the passage.
  package static func hits(_ report: SearchReport, console: Console) -> String {
    if report.hits.isEmpty {
      let place = Sanitizer.line(report.scope.words)
      if report.filesInScope == 0 { return "No indexed document is \(place).\n" }
      return "Nothing found for “\(Sanitizer.line(report.query))”"
        + (place.isEmpty ? "" : " " + place) + ".\n"
    }
    var text = ""
    let columns = console.columns()
    for hit in report.hits {
      let mark = "[\(hit.rank)]"
      let label = place(
        Location.short(hit.path), hit.startLine, hit.endLine,
        columns: columns.map { max(12, $0 - mark.count - 1) })
      var ranks: [String] = []
      if let rank = hit.lexicalRank { ranks.append("words #\(rank)") }
      if let rank = hit.semanticRank { ranks.append("meaning #\(rank)") }
      let note = "  " + ranks.joined(separator: ", ")
      let fits = columns.map { mark.count + 1 + DisplayWidth.of(label) + note.count <= $0 } ?? true
      text += console.style.paint(mark, .cyan) + " "
      text += console.style.link(console.style.paint(label, .bold), to: Location.url(hit.path))
      text += fits && !ranks.isEmpty ? console.style.paint(note, .dim) + "\n" : "\n"
      for line in excerpt(hit.text, rows: 3, width: (columns ?? 100) - 4) {
        text += "    \(line)\n"
      }
    }
    return text
  }

  /// The first rows of a passage, blank lines left out, each cut to `width`.
  static func excerpt(_ text: String, rows: Int, width: Int) -> [String] {
    Sanitizer.clean(text).split(separator: "\n").lazy
      .map { $0.map { $0 == "\t" ? "  " : String($0) }.joined() }
      .filter { $0.contains { !$0.isWhitespace } }
      .prefix(rows).map { DisplayWidth.truncate($0, to: max(8, width)) }
  }

  /// `Skipped: 12 binary, 3 hidden.`; nil when nothing was.
  package static func skipped(_ counts: [String: Int]) -> String? {
    if counts.isEmpty { return nil }
    let parts = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\(Format.count($0.value)) \(Sanitizer.line($0.key))" }
    return "Skipped: " + parts.joined(separator: ", ") + "."
  }

  /// "1 passage", "2,000 passages".
  package static func passages(_ count: Int) -> String {
    "\(Format.count(count)) passage" + (count == 1 ? "" : "s")
  }

  /// "1 file", "2,000 files".
  package static func files(_ count: Int) -> String {
    "\(Format.count(count)) file" + (count == 1 ? "" : "s")
  }

  package static func indexing(_ summary: IndexingSummary) -> String {
    if summary.added + summary.updated + summary.removed + summary.unchanged == 0,
      summary.skipped.isEmpty
    {
      return "There are no files to read."
    }
    var parts: [String] = []
    if summary.added > 0 { parts.append("\(Format.count(summary.added)) added") }
    if summary.updated > 0 { parts.append("\(Format.count(summary.updated)) updated") }
    if summary.removed > 0 { parts.append("\(Format.count(summary.removed)) removed") }
    parts.append("\(Format.count(summary.unchanged)) unchanged")
    let skipped = summary.skipped.values.reduce(0, +)
    if skipped > 0 { parts.append("\(Format.count(skipped)) skipped") }
    var text = "Files: " + parts.joined(separator: ", ") + "."
    if summary.chunks > 0 {
      text += " \(passages(summary.chunks))"
      text += " from \(Format.bytes(summary.bytes)) in \(Format.duration(summary.seconds))"
      if summary.seconds > 0.05 {
        let rate = Double(summary.chunks) / summary.seconds
        text += " (\(Format.rate(rate)) passages/s)"
      }
      text += "."
    }
    return text
  }
}

extension Printing {
  package static func index(_ report: IndexReport, columns: Int? = nil) -> String {
    var rows: [(String, String)] = [
      ("Index", Location.short(report.path)),
      ("Files", Format.count(report.files)),
      ("Passages", Format.count(report.chunks)),
      (
        "Size", Format.bytes(report.bytes) + " for " + Format.bytes(report.sourceBytes) + " of text"
      ),
      ("Embedder", report.embedder ?? "none: words only"),
    ]
    if report.embedded < report.chunks, report.embedder != nil {
      rows.append(("Without vector", Format.count(report.chunks - report.embedded)))
    }
    if let stale = report.stale {
      rows.append(
        (
          "Changed since",
          stale == 0
            ? "nothing"
            : stale == 1
              ? "1 file: `carrel index refresh` reads it"
              : "\(Format.count(stale)) files: `carrel index refresh` reads them"
        ))
    }
    for (place, reason) in report.skipped.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      .enumerated()
    {
      rows.append((place == 0 ? "Not read" : "", "\(Format.count(reason.value)) \(reason.key)"))
    }
    for (place, root) in report.roots.enumerated() {
      rows.append((place == 0 ? "Folders" : "", Location.short(root)))
    }
    return card(rows, columns: columns)
  }

  /// Names and values in two columns; long values are folded under themselves.
  package static func card(_ rows: [(String, String)], columns: Int? = nil) -> String {
    let widest = rows.reduce(0) { max($0, DisplayWidth.of($1.0)) } + 2
    if let columns, columns < widest + 11 {
      // Two columns would be two ribbons: names go above their values.
      return rows.map { name, value in
        (name.isEmpty ? "" : name + "\n")
          + fold(Sanitizer.line(value), columns: max(8, columns - 2)).map { "  \($0)\n" }.joined()
      }.joined()
    }
    return rows.map { name, value in
      let lines = fold(Sanitizer.line(value), columns: max(12, (columns ?? .max) - widest))
      let rest = lines.dropFirst().map { String(repeating: " ", count: widest) + $0 + "\n" }
      return DisplayWidth.pad(name, to: widest) + (lines.first ?? "") + "\n" + rest.joined()
    }.joined()
  }

  /// One line cut into rows of at most `columns`, at spaces where there are any; the spaces inside a
  /// row stay as they are.
  package static func fold(_ line: String, columns: Int) -> [String] {
    var rows: [String] = []
    var rest = Array(line)[...]
    while DisplayWidth.of(String(rest)) > columns {
      var width = 0
      var end = rest.startIndex
      var space: Int?
      while end < rest.endIndex {
        width += DisplayWidth.of(rest[end])
        if width > columns { break }
        if rest[end] == " ", end > rest.startIndex { space = end }
        end += 1
      }
      if end < rest.endIndex, rest[end] == " " { space = end }
      let cut = max(space ?? end, rest.startIndex + 1)
      rows.append(String(rest[..<cut]))
      rest = rest[cut...].drop { $0 == " " }
    }
    return rows + (rest.isEmpty && !rows.isEmpty ? [] : [String(rest)])
  }
}

import CarrelKit
import FoundationEssentials
import Terminal

/// The commands that look into the last answer.
extension REPL {
  private var lastAnswer: Answer {
    get throws {
      guard let answer = turns.last?.answer else {
        throw UsageMistake("There is no answer yet. Ask a question first.")
      }
      return answer
    }
  }

  func sources() throws {
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
  func open(_ rest: String) throws {
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
    guard let lines = SourceLines.of(data, holding: source) else {
      console.line("The file is another now, or not read as it stands; this is what was indexed:")
      console.line(Sanitizer.clean(source.text))
      return
    }
    let first = max(1, source.startLine - 3)
    let last = min(lines.count, source.endLine + 3, first + 59)
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
  func context() throws {
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
}

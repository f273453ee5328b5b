import CarrelKit
import Terminal

/// Prints an answer as it comes: a status line while there is nothing to read, then the text word by
/// word, then sources and a closing line. Fed with events; owns no session.
package struct AnswerPrinter {
  private let console: Console
  private let showsThinking: Bool
  private var writer: AnswerWriter
  private var thoughts: AnswerWriter
  private var prefill: ProgressMeter?
  private var hasText = false
  /// Line breaks held back: those at the beginning and at the end of an answer are not shown.
  private var heldBreaks = ""
  private var isThinking = false
  private var notices: [String] = []

  package init(console: Console, showsThinking: Bool = false) {
    self.console = console
    self.showsThinking = showsThinking
    let columns = console.columns()
    writer = AnswerWriter(width: columns, style: console.style)
    thoughts = AnswerWriter(width: columns, style: .none)
  }

  package mutating func take(_ event: GenerationEvent) {
    switch event {
    case .routed(let route):
      console.detail("\(route.choice): \(route.reason)")
    case .retrieving(let query):
      console.status.show("searching: \(query)", now: true)
    case .retrieved(let sources):
      let files = Set(sources.map(\.path)).count
      let passages = sources.count == 1 ? "1 passage" : "\(sources.count) passages"
      console.status.show(
        "\(passages) from \(files == 1 ? "1 file" : "\(files) files")", now: true)
    case .prefill(let done, let total):
      var meter = prefill ?? ProgressMeter(label: "reading", unit: .tokens, total: total)
      meter.update(done: done, total: total, now: Clock.seconds())
      prefill = meter
      console.status.show(meter.line(), now: done >= total)
    case .thinking(let text, let tokens): think(text, tokens)
    case .commentary(let text), .text(let text): say(text)
    case .notice(let text):
      notices.append(text)
    case .done(let answer): close(answer)
    }
  }

  private mutating func think(_ text: String, _ tokens: Int) {
    guard showsThinking else {
      console.status.show("thinking… \(Format.count(tokens)) tokens")
      return
    }
    if !isThinking {
      console.status.clear()
      isThinking = true
    }
    console.write(console.style.paint(thoughts.feed(text), .dim))
  }

  private mutating func say(_ text: String) {
    endThoughts()
    var piece = hasText ? heldBreaks + text : String(text.drop { $0.isWhitespace })
    heldBreaks = ""
    while let last = piece.last, last.isNewline {
      heldBreaks = String(last) + heldBreaks
      piece.removeLast()
    }
    if piece.isEmpty { return }
    if !hasText {
      console.status.clear()
      hasText = true
    }
    console.write(writer.feed(piece))
  }

  private mutating func endThoughts() {
    guard isThinking else { return }
    console.write(console.style.paint(thoughts.finish(), .dim) + "\n\n")
    isThinking = false
  }

  private mutating func close(_ answer: Answer) {
    endThoughts()
    console.status.clear()
    if hasText { console.write(writer.finish() + "\n") }
    for notice in notices {
      let folded = fold("note: " + notice)
      console.remark(console.errorStyle.paint("note:", .yellow) + folded.dropFirst(5))
    }
    if hasText, !answer.sources.isEmpty {
      console.write("\n" + Printing.sources(answer, console: console))
    }
    console.remark(console.errorStyle.paint(fold(Printing.closing(answer)), .dim))
  }

  private func fold(_ text: String) -> String {
    let folded = HelpText.fold(Sanitizer.clean(text), 0, console.columns() ?? .max)
    return String(folded.dropLast())
  }
}

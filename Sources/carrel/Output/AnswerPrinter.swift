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
  private var hasThought = false
  private var notices: [String] = []
  /// Marks citations that are not borne out, while they come.
  private var marker = CitationMarker()
  /// What came so far: the answer, should nothing more come.
  private var text = ""
  private var route: Route?

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
      self.route = route
      console.detail("\(route.choice): \(route.reason)")
    case .retrieving(let query):
      console.status.show("retrieving: \(query)", now: true)
    case .retrieved(let sources):
      marker.sources = sources
      let files = Set(sources.map(\.path)).count
      let passages = sources.count == 1 ? "1 passage" : "\(sources.count) passages"
      console.status.show(
        "\(passages) from \(files == 1 ? "1 file" : "\(files) files")", now: true)
    case .prefill(let done, let total):
      var meter = prefill ?? ProgressMeter(label: "prefill", unit: .tokens, total: total)
      meter.update(done: done, total: total, now: Clock.seconds())
      prefill = meter
      console.status.show(meter.line(), now: done >= total)
    case .thinking(let text, let tokens): think(text, tokens)
    case .commentary(let text): say(text)
    case .text(let piece):
      text += piece
      say(marker.sources.isEmpty ? piece : marker.feed(piece))
    case .notice(let text):
      notices.append(text)
    case .done(let answer): close(answer)
    }
  }

  private mutating func think(_ text: String, _ tokens: Int) {
    guard showsThinking else {
      console.status.show("thinking… \(Format.count(tokens)) tokens", now: !hasThought)
      hasThought = true
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

  /// Ends an answer that was stopped before the model could say so: what came is the answer.
  package mutating func cutShort(model: String) -> Answer {
    let answer = Answer(
      saying: text, sources: marker.sources, model: model,
      route: route ?? Route(choosing: model, because: ""), stop: .cancelled, notices: notices)
    close(answer)
    return answer
  }

  private mutating func close(_ answer: Answer) {
    if !marker.sources.isEmpty { say(marker.finish()) }
    endThoughts()
    console.status.clear()
    if hasText { console.write(writer.finish() + "\n") }
    for notice in notices {
      let folded = fold("note: " + notice)
      console.remark(
        String(folded.dropFirst(5)), label: console.errorStyle.paint("note:", .yellow))
    }
    if hasText, !answer.sources.isEmpty {
      console.write("\n" + Printing.sources(answer, console: console))
    }
    // Nobody was asked.
    if answer.stop == .nothingRetrieved { return }
    let closing = Printing.closing(answer, columns: console.columns())
    console.remark(fold(closing), .dim)
  }

  private func fold(_ text: String) -> String {
    let folded = HelpText.fold(Sanitizer.clean(text), 0, console.columns() ?? .max)
    return String(folded.dropLast())
  }
}

import CarrelKit
import Terminal

extension Printing {
  /// What a prompt was made of, what was left out, and the window: a number and a name a row.
  package static func prompt(
    _ parts: PromptContents, _ stats: AnswerStats, console: Console
  ) -> String {
    let columns = console.columns()
    var text = ""
    let isNarrow = (columns ?? .max) < 36
    func head(_ title: String) {
      for row in fold(title, columns: columns ?? .max) {
        text += console.style.paint(row, .bold) + "\n"
      }
    }
    func row(_ tokens: Int, _ name: String) {
      let number = Format.count(tokens)
      if isNarrow {
        let rows = fold(name, columns: max(8, (columns ?? 36) - 2))
        text += number + "\n" + rows.map { "  \($0)\n" }.joined()
        return
      }
      text += String(repeating: " ", count: max(0, 7 - number.count)) + number + "  "
      text += DisplayWidth.truncate(name, to: max(8, (columns ?? 200) - 9)) + "\n"
    }
    func passages(_ passages: [PromptContents.Passage], numbered: Bool) {
      for (index, passage) in passages.enumerated() {
        let label = place(
          Location.short(passage.path), passage.startLine, passage.endLine,
          columns: columns.map { max(11, $0 - (isNarrow ? 6 : 14)) })
        row(passage.tokens, numbered ? "[\(index + 1)] \(label)" : label)
      }
    }
    func turns(_ turns: [PromptContents.EarlierTurn]) {
      for turn in turns { row(turn.tokens, "earlier: \(Sanitizer.line(turn.question))") }
    }
    head("In the prompt, in tokens")
    row(parts.instructions, "instructions")
    turns(parts.turns)
    passages(parts.passages, numbered: true)
    row(parts.question, "the question")
    let known =
      parts.instructions + parts.question + parts.turns.reduce(0) { $0 + $1.tokens }
      + parts.passages.reduce(0) { $0 + $1.tokens }
    if stats.promptTokens > known { row(stats.promptTokens - known, "marks between messages") }
    row(stats.promptTokens, "in all, \(Format.count(stats.cachedTokens)) of them reused")
    if !parts.droppedPassages.isEmpty || !parts.droppedTurns.isEmpty {
      head("Left out")
      turns(parts.droppedTurns)
      passages(parts.droppedPassages, numbered: false)
    }
    head("The window")
    row(parts.context, "tokens in all")
    row(parts.reserve, "kept free for the answer (\(Format.count(stats.generatedTokens)) used)")
    return text
  }
}

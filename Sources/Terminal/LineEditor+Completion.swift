/// A candidate for completion: `text` replaces the characters in `range` of the buffer.
package struct Completion: Sendable, Equatable {
  package let range: Range<Int>
  package let text: String
  /// What the list shows; `text` when it says nothing else.
  package let label: String

  package init(range: Range<Int>, text: String, label: String? = nil) {
    self.range = range
    self.text = text
    self.label = label ?? text
  }
}

/// Tab: what the completer offers.
extension LineEditor {
  /// First Tab: the part all candidates share. Then the list, and one candidate after the other.
  mutating func complete(_ direction: Int, _ reply: inout Reply) {
    if var state = cycle {
      state.index =
        ((state.index + direction) % state.candidates.count + state.candidates.count)
        % state.candidates.count
      buffer.replace(with: state.base, undoable: true)
      let chosen = state.candidates[state.index]
      buffer.substitute(chosen.range, with: chosen.text)
      hints = list(state.candidates, chosen: state.index)
      cycle = state
      return
    }
    let candidates = completer?(buffer.text, buffer.cursor) ?? []
    guard let first = candidates.first else {
      reply.output += "\u{07}"
      return
    }
    if candidates.count == 1 {
      // A whole word is followed by the next one; a folder by what is in it.
      let space = first.text.hasSuffix("/") || first.text.hasSuffix(" ") ? "" : " "
      buffer.substitute(first.range, with: first.text + space)
      hints = []
      return
    }
    let common = candidates.dropFirst().reduce(first.text) { shared, candidate in
      String(zip(shared, candidate.text).prefix { $0 == $1 }.map(\.0))
    }
    let sameRange = candidates.allSatisfy { $0.range == first.range }
    if sameRange, common.count > first.range.count {
      buffer.substitute(first.range, with: common)
      hints = list(candidates, chosen: nil)
      return
    }
    hints = list(candidates, chosen: nil)
    cycle = (candidates, direction > 0 ? -1 : 0, buffer.text)
  }

  /// Candidates in columns, at most five rows; the chosen one in brackets.
  private func list(_ candidates: [Completion], chosen: Int?) -> [String] {
    let labels = candidates.enumerated().map { index, candidate in
      let label = Sanitizer.line(candidate.label)
      return index == chosen ? "[\(label)]" : " \(label) "
    }
    let widest = min(width, labels.reduce(1) { max($0, DisplayWidth.of($1)) } + 1)
    let columns = max(1, width / widest)
    var rows: [String] = []
    // Keep the chosen one in view.
    let perPage = columns * 5
    let start = (chosen ?? 0) / perPage * perPage
    var index = start
    while index < labels.count, rows.count < 5 {
      let row = labels[index..<min(labels.count, index + columns)]
      rows.append(row.map { DisplayWidth.pad($0, to: widest) }.joined())
      index += columns
    }
    if index < labels.count { rows.append("… \(labels.count - index) more") }
    return rows
  }
}

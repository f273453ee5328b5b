/// Keys that move the cursor, and where words and lines begin and end.
extension LineBuffer {
  mutating func move(to position: Int, quiet: Bool = false) -> Effect {
    guard position >= 0, position <= characters.count else { return .bell }
    let moved = position != cursor
    cursor = position
    return moved || quiet ? .none : .bell
  }

  /// One line of the text up or down; at its first or last line, the history.
  mutating func vertical(_ direction: Int) -> Effect {
    let start = lineStart(cursor)
    let column = cursor - start
    if direction < 0 {
      guard start > 0 else { return .historyPrevious }
      let above = lineStart(start - 1)
      cursor = min(above + column, start - 1)
    } else {
      let end = lineEnd(cursor)
      guard end < characters.count else { return .historyNext }
      cursor = min(end + 1 + column, lineEnd(end + 1))
    }
    return .none
  }

  func lineStart(_ position: Int) -> Int {
    var index = position
    while index > 0, characters[index - 1] != "\n" { index -= 1 }
    return index
  }

  func lineEnd(_ position: Int) -> Int {
    var index = position
    while index < characters.count, characters[index] != "\n" { index += 1 }
    return index
  }

  private func isWord(_ index: Int) -> Bool {
    characters[index].isLetter || characters[index].isNumber || characters[index] == "_"
  }

  func wordStart(before position: Int) -> Int {
    var index = position
    while index > 0, !isWord(index - 1) { index -= 1 }
    while index > 0, isWord(index - 1) { index -= 1 }
    return index
  }

  func wordEnd(after position: Int) -> Int {
    var index = position
    while index < characters.count, !isWord(index) { index += 1 }
    while index < characters.count, isWord(index) { index += 1 }
    return index
  }

  func blankStart(before position: Int) -> Int {
    var index = position
    while index > 0, characters[index - 1].isWhitespace { index -= 1 }
    while index > 0, !characters[index - 1].isWhitespace { index -= 1 }
    return index
  }
}

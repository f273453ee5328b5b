/// The text being edited and the cursor in it: a value without input or output. `apply` takes one
/// key and says what, beyond the text, should happen; `LineEditor` owns history, completion and the
/// screen.
///
/// Invariants (tested over random keys): `characters` are exactly the grapheme clusters of the text,
/// so a combining mark typed later joins the letter before it; `0 <= cursor <= characters.count`.
package struct LineBuffer: Sendable {
  /// What a key asks of the owner of the buffer.
  package enum Effect: Sendable, Equatable {
    case none, bell, submit, interrupt, endOfInput, suspend
    case complete, completeBackward, historyPrevious, historyNext, historyFirst, historyLast
    case search, clearScreen, editExternally
  }

  private enum Action: Sendable { case other, typing, kill, yank }
  private struct Snapshot: Sendable {
    let characters: [Character]
    let cursor: Int
  }

  package private(set) var characters: [Character] = []
  package private(set) var cursor = 0
  package private(set) var killRing = KillRing()
  private var undoStack: [Snapshot] = []
  private var lastAction = Action.other
  /// The characters of the last yank, replaced by Alt-Y.
  private var yanked = 0..<0
  private var awaitsChord = false
  private static let undoLimit = 500

  package init(_ text: String = "") { replace(with: text) }

  package var text: String { String(characters) }
  package var isEmpty: Bool { characters.isEmpty }

  /// A new line: text and undo history go, the kill ring stays.
  package mutating func replace(with text: String, cursor: Int? = nil, undoable: Bool = false) {
    if undoable { remember() } else { undoStack = [] }
    characters = Array(text)
    self.cursor = min(max(0, cursor ?? characters.count), characters.count)
    lastAction = .other
    awaitsChord = false
  }

  /// Puts `text` in place of the characters in `range`, the cursor behind it. For completion.
  package mutating func substitute(_ range: Range<Int>, with text: String) {
    let bounds = range.clamped(to: 0..<characters.count)
    remember()
    cursor = bounds.upperBound
    removeRange(bounds)
    insert(text)
    lastAction = .other
  }

  package mutating func apply(_ key: Key) -> Effect {
    let previous = lastAction
    lastAction = .other
    if awaitsChord {
      awaitsChord = false
      switch key {
      case .control("e"): return .editExternally
      case .control("u"): return undo()
      default: return .bell
      }
    }
    switch key {
    case .text(let text): return type(text, previous)
    case .paste(let text):
      remember()
      insert(text)
      return .none
    case .newline:
      remember()
      insert("\n")
      return .none
    case .enter:
      let whole = text
      guard Continuation.isOpen(whole) else { return .submit }
      remember()
      if whole.last == "\\" { cursor = characters.count }
      insert("\n")
      return .none
    case .left, .control("b"): return move(to: cursor - 1)
    case .right, .control("f"): return move(to: cursor + 1)
    case .wordLeft, .meta("b"): return move(to: wordStart(before: cursor))
    case .wordRight, .meta("f"): return move(to: wordEnd(after: cursor))
    case .home, .control("a"): return move(to: lineStart(cursor), quiet: true)
    case .end, .control("e"): return move(to: lineEnd(cursor), quiet: true)
    case .up, .control("p"): return vertical(-1)
    case .down, .control("n"): return vertical(1)
    case .pageUp, .meta("<"): return .historyFirst
    case .pageDown, .meta(">"): return .historyLast
    case .backspace, .control("h"): return erase((cursor - 1)..<cursor)
    case .delete: return erase(cursor..<(cursor + 1))
    case .control("d"): return isEmpty ? .endOfInput : erase(cursor..<(cursor + 1))
    case .control("k"):
      let end = lineEnd(cursor)
      return kill(cursor..<(end == cursor ? end + 1 : end), .forward, previous)
    case .control("u"): return kill(lineStart(cursor)..<cursor, .backward, previous)
    case .control("w"): return kill(blankStart(before: cursor)..<cursor, .backward, previous)
    case .metaBackspace: return kill(wordStart(before: cursor)..<cursor, .backward, previous)
    case .meta("d"): return kill(cursor..<wordEnd(after: cursor), .forward, previous)
    case .control("y"): return yank()
    case .meta("y"): return yankNext(previous)
    case .control("t"): return transpose()
    case .meta("u"): return recase { $0.uppercased() }
    case .meta("l"): return recase { $0.lowercased() }
    case .meta("c"): return recase { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
    case .control("_"), .control("/"): return undo()
    case .control("x"):
      awaitsChord = true
      return .none
    case .control("c"): return .interrupt
    case .control("z"): return .suspend
    case .control("l"): return .clearScreen
    case .control("r"): return .search
    case .tab: return .complete
    case .backTab: return .completeBackward
    case .escape, .unknown: return .none
    case .control, .meta: return .bell
    }
  }
}

// MARK: - Text

extension LineBuffer {
  private mutating func type(_ text: String, _ previous: Action) -> Effect {
    // A run of typing is one step of undo, up to the next word.
    if previous != .typing || text.first == " " { remember() }
    insert(text)
    lastAction = .typing
    return .none
  }

  private mutating func insert(_ text: String) {
    let added = Array(text)
    guard !added.isEmpty else { return }
    let isSimple = added.allSatisfy(\.isASCII)
    characters.insert(contentsOf: added, at: cursor)
    cursor += added.count
    if !(isSimple && (cursor == characters.count || characters[cursor].isASCII)) { regroup() }
  }

  /// Removes a range inside the bounds; the cursor goes to its start when it was in or behind it.
  private mutating func removeRange(_ range: Range<Int>) {
    characters.removeSubrange(range)
    if cursor >= range.upperBound {
      cursor -= range.count
    } else if cursor > range.lowerBound {
      cursor = range.lowerBound
    }
    if range.lowerBound < characters.count, !characters[range.lowerBound].isASCII { regroup() }
  }

  /// Makes `characters` grapheme clusters again. A cursor inside a cluster goes behind it.
  private mutating func regroup() {
    let scalarsBefore = characters[..<cursor].reduce(0) { $0 + $1.unicodeScalars.count }
    let regrouped = Array(String(characters))
    guard regrouped.count != characters.count else { return }
    characters = regrouped
    var seen = 0
    cursor = 0
    while seen < scalarsBefore, cursor < characters.count {
      seen += characters[cursor].unicodeScalars.count
      cursor += 1
    }
  }

  private mutating func erase(_ range: Range<Int>) -> Effect {
    guard range.lowerBound >= 0, range.upperBound <= characters.count else { return .bell }
    remember()
    removeRange(range)
    return .none
  }

  private mutating func kill(
    _ range: Range<Int>, _ direction: KillRing.Direction, _ previous: Action
  ) -> Effect {
    guard !range.isEmpty, range.upperBound <= characters.count else { return .bell }
    remember()
    killRing.add(String(characters[range]), direction, joining: previous == .kill)
    removeRange(range)
    lastAction = .kill
    return .none
  }

  private mutating func yank() -> Effect {
    killRing.startYank()
    guard let text = killRing.current else { return .bell }
    remember()
    let start = cursor
    insert(text)
    yanked = min(start, cursor)..<cursor
    lastAction = .yank
    return .none
  }

  private mutating func yankNext(_ previous: Action) -> Effect {
    guard previous == .yank else { return .bell }
    killRing.rotate()
    guard let text = killRing.current else { return .bell }
    removeRange(yanked.clamped(to: 0..<characters.count))
    let start = cursor
    insert(text)
    yanked = min(start, cursor)..<cursor
    lastAction = .yank
    return .none
  }

  private mutating func transpose() -> Effect {
    guard characters.count > 1, cursor > 0 else { return .bell }
    remember()
    let right = min(cursor, characters.count - 1)
    characters.swapAt(right - 1, right)
    cursor = right + 1
    regroup()
    return .none
  }

  private mutating func recase(_ change: (String) -> String) -> Effect {
    let end = wordEnd(after: cursor)
    guard end > cursor else { return .bell }
    remember()
    let changed = change(String(characters[cursor..<end]))
    removeRange(cursor..<end)
    insert(changed)
    return .none
  }

  private mutating func remember() {
    undoStack.append(Snapshot(characters: characters, cursor: cursor))
    if undoStack.count > Self.undoLimit { undoStack.removeFirst() }
  }

  private mutating func undo() -> Effect {
    guard let snapshot = undoStack.popLast() else { return .bell }
    characters = snapshot.characters
    cursor = snapshot.cursor
    return .none
  }
}

// MARK: - Movement

extension LineBuffer {
  private mutating func move(to position: Int, quiet: Bool = false) -> Effect {
    guard position >= 0, position <= characters.count else { return .bell }
    let moved = position != cursor
    cursor = position
    return moved || quiet ? .none : .bell
  }

  /// One line of the text up or down; at its first or last line, the history.
  private mutating func vertical(_ direction: Int) -> Effect {
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

  private func lineStart(_ position: Int) -> Int {
    var index = position
    while index > 0, characters[index - 1] != "\n" { index -= 1 }
    return index
  }

  private func lineEnd(_ position: Int) -> Int {
    var index = position
    while index < characters.count, characters[index] != "\n" { index += 1 }
    return index
  }

  private func isWord(_ index: Int) -> Bool {
    characters[index].isLetter || characters[index].isNumber || characters[index] == "_"
  }

  private func wordStart(before position: Int) -> Int {
    var index = position
    while index > 0, !isWord(index - 1) { index -= 1 }
    while index > 0, isWord(index - 1) { index -= 1 }
    return index
  }

  private func wordEnd(after position: Int) -> Int {
    var index = position
    while index < characters.count, !isWord(index) { index += 1 }
    while index < characters.count, isWord(index) { index += 1 }
    return index
  }

  private func blankStart(before position: Int) -> Int {
    var index = position
    while index > 0, characters[index - 1].isWhitespace { index -= 1 }
    while index > 0, !characters[index - 1].isWhitespace { index -= 1 }
    return index
  }
}

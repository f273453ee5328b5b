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

  enum Action: Sendable { case other, typing, erasing, kill, yank }
  struct Snapshot: Sendable {
    let characters: [Character]
    let cursor: Int
  }

  package internal(set) var characters: [Character] = []
  package internal(set) var cursor = 0
  package internal(set) var killRing = KillRing()
  var undoStack: [Snapshot] = []
  var lastAction = Action.other
  /// The characters of the last yank, replaced by Alt-Y.
  var yanked = 0..<0
  private var awaitsChord = false
  /// Most steps of undo, and most characters they hold together.
  static let undoLimit = 500
  static let undoCharacters = 1_000_000

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
    case .backspace, .control("h"): return erase((cursor - 1)..<cursor, previous)
    case .delete: return erase(cursor..<(cursor + 1), previous)
    case .control("d"): return isEmpty ? .endOfInput : erase(cursor..<(cursor + 1), previous)
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

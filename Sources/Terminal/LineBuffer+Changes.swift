/// Keys that change the text.
extension LineBuffer {
  mutating func type(_ text: String, _ previous: Action) -> Effect {
    // A run of typing is one step of undo, up to the next word.
    if previous != .typing || text.first == " " { remember() }
    insert(text)
    lastAction = .typing
    return .none
  }

  mutating func insert(_ text: String) {
    let added = Array(text)
    guard !added.isEmpty else { return }
    let isSimple = added.allSatisfy(\.isASCII)
    characters.insert(contentsOf: added, at: cursor)
    cursor += added.count
    if !(isSimple && (cursor == characters.count || characters[cursor].isASCII)) { regroup() }
  }

  /// Removes a range inside the bounds; the cursor goes to its start when it was in or behind it.
  mutating func removeRange(_ range: Range<Int>) {
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

  mutating func erase(_ range: Range<Int>, _ previous: Action) -> Effect {
    guard range.lowerBound >= 0, range.upperBound <= characters.count else { return .bell }
    // A run of erasing is one step of undo.
    if previous != .erasing { remember() }
    removeRange(range)
    lastAction = .erasing
    return .none
  }

  mutating func kill(
    _ range: Range<Int>, _ direction: KillRing.Direction, _ previous: Action
  ) -> Effect {
    guard !range.isEmpty, range.upperBound <= characters.count else { return .bell }
    remember()
    killRing.add(String(characters[range]), direction, joining: previous == .kill)
    removeRange(range)
    lastAction = .kill
    return .none
  }

  mutating func yank() -> Effect {
    killRing.startYank()
    guard let text = killRing.current else { return .bell }
    remember()
    let start = cursor
    insert(text)
    yanked = min(start, cursor)..<cursor
    lastAction = .yank
    return .none
  }

  mutating func yankNext(_ previous: Action) -> Effect {
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

  mutating func transpose() -> Effect {
    guard characters.count > 1, cursor > 0 else { return .bell }
    remember()
    let right = min(cursor, characters.count - 1)
    characters.swapAt(right - 1, right)
    cursor = right + 1
    regroup()
    return .none
  }

  mutating func recase(_ change: (String) -> String) -> Effect {
    let end = wordEnd(after: cursor)
    guard end > cursor else { return .bell }
    remember()
    let changed = change(String(characters[cursor..<end]))
    removeRange(cursor..<end)
    insert(changed)
    return .none
  }

  mutating func remember() {
    undoStack.append(Snapshot(characters: characters, cursor: cursor))
    var held = undoStack.reduce(0) { $0 + $1.characters.count }
    while undoStack.count > Self.undoLimit || held > Self.undoCharacters && undoStack.count > 1 {
      held -= undoStack.removeFirst().characters.count
    }
  }

  mutating func undo() -> Effect {
    guard let snapshot = undoStack.popLast() else { return .bell }
    characters = snapshot.characters
    cursor = snapshot.cursor
    return .none
  }
}

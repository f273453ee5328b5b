import Testing

import Terminal

@Suite("Random keys")
struct RandomKeysTests {
  static let pieces = [
    "a", "b", "word", " ", "  ", "x_1", "é", "e\u{301}", "\u{301}", "日本", "한", "👩‍👩‍👧", "🇩🇪", "🇫🇷",
    "\u{FE0F}",
    "❤️", "\t", "\n", "line\nline", "\u{200B}", "ß", "\u{1B}[31m", "\u{7}", "क्षि", "\"\"\"", "\\",
    "a long run of words that wraps around the edge of a narrow window more than once",
  ]
  static let keys: [Key] = [
    .left, .right, .home, .end, .up, .down, .wordLeft, .wordRight, .backspace, .delete, .newline,
    .control("a"), .control("e"), .control("b"), .control("f"), .control("k"), .control("u"),
    .control("w"), .control("y"), .meta("y"), .control("t"), .control("_"), .meta("d"), .meta("u"),
    .meta("l"), .meta("c"), .metaBackspace, .control("d"), .enter, .escape, .unknown,
  ]

  static func random(_ generator: inout SeededGenerator) -> Key {
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<4:
      let piece = pieces.randomElement(using: &generator) ?? "a"
      return piece.contains("\n") || piece.contains("\u{1B}") ? .paste(piece) : .text(piece)
    case 4: return .paste(pieces.randomElement(using: &generator) ?? "a")
    default: return keys.randomElement(using: &generator) ?? .left
    }
  }

  @Test("Characters stay grapheme clusters and the cursor in bounds through 60,000 random keys")
  func invariants() {
    for seed in 1...300 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var buffer = LineBuffer()
      for step in 0..<200 {
        let key = Self.random(&generator)
        _ = buffer.apply(key)
        if Array(buffer.text) != buffer.characters
          || !(0...buffer.characters.count).contains(buffer.cursor)
        {
          Issue.record(
            "seed \(seed), step \(step), \(key): \(buffer.characters) at \(buffer.cursor)")
          return
        }
      }
    }
  }

  @Test("Text before and after the cursor agree with a plain string model over 40,000 random keys")
  func referenceModel() {
    let alphabet = Array("ab c_1d .")
    for seed in 1...200 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var buffer = LineBuffer()
      var model = ReferenceLine()
      for step in 0..<200 {
        let choice = Int.random(in: 0..<16, using: &generator)
        let key: Key
        switch choice {
        case 0..<6: key = .text(String(alphabet.randomElement(using: &generator) ?? "a"))
        case 6: key = .left
        case 7: key = .right
        case 8: key = .control("a")
        case 9: key = .control("e")
        case 10: key = .backspace
        case 11: key = .delete
        case 12: key = .control("k")
        case 13: key = .control("w")
        case 14: key = .control("y")
        default:
          key =
            [.wordLeft, .wordRight, .control("u"), .meta("d")].randomElement(
              using: &generator) ?? .wordLeft
        }
        _ = buffer.apply(key)
        model.apply(key)
        if buffer.text != model.before + model.after || buffer.cursor != model.before.count {
          Issue.record(
            "seed \(seed), step \(step), \(key): \(buffer.text)|\(buffer.cursor), model \(model.before)|\(model.after)"
          )
          return
        }
      }
    }
  }

  @Test("Undo leads back to the empty line", arguments: 1...100)
  func undoReturns(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    var buffer = LineBuffer()
    for _ in 0..<100 {
      let key = Self.random(&generator)
      if key == .control("_") { continue }
      _ = buffer.apply(key)
    }
    for _ in 0..<500 { _ = buffer.apply(.control("_")) }
    #expect(buffer.text == "")
  }

  @Test(
    "What the escapes paint is what the layout says, at every width",
    arguments: [2, 3, 8, 20, 40, 80])
  func painting(width: Int) {
    for seed in 1...60 {
      var generator = SeededGenerator(seed: UInt64(seed * 1000 + width))
      let height = [3, 5, 24].randomElement(using: &generator) ?? 24
      var screen = VirtualScreen(width: width, height: height)
      var painter = Painter(style: Style(isEnabled: seed % 2 == 0))
      var buffer = LineBuffer()
      // Something printed before must not be touched.
      screen.write("before\r\n".prefix(width) == "before\r\n" ? "before\r\n" : "b\r\n") {
        DisplayWidth.of($0)
      }
      var base = 1
      for step in 0..<120 {
        let key = Self.random(&generator)
        _ = buffer.apply(key)
        let below = Int.random(in: 0..<4, using: &generator) == 0 ? ["one", "two three"] : []
        let layout = Layout(
          prompt: "> ", continuation: "… ", characters: buffer.characters, cursor: buffer.cursor,
          width: width, below: below
        ).window(height: height)
        screen.write(painter.paint(layout)) { DisplayWidth.of($0) }
        if Int.random(in: 0..<30, using: &generator) == 0 {
          screen.write(painter.erase() + painter.paint(layout)) { DisplayWidth.of($0) }
        }
        if Int.random(in: 0..<40, using: &generator) == 0 {
          screen.write(painter.clearScreen() + painter.paint(layout)) { DisplayWidth.of($0) }
          base = screen.top
        }
        let expected = layout.rows.map { row -> String in
          var line = row.map(\.text).joined()
          while line.last == " " { line.removeLast() }
          return line
        }
        let shown = (base..<base + layout.rows.count).map(screen.text)
        let isCleanBelow =
          (base + layout.rows.count..<max(base + layout.rows.count, screen.rows.count))
          .allSatisfy { screen.text($0).isEmpty }
        if !isCleanBelow || shown != expected || !screen.faults.isEmpty
          || screen.row - base != layout.cursorRow
          || screen.column != layout.cursorColumn
        {
          Issue.record(
            """
            width \(width), seed \(seed), step \(step), \(key): \(screen.faults)
            expected \(expected) cursor \(layout.cursorRow),\(layout.cursorColumn)
            shown    \(shown) cursor \(screen.row - base),\(screen.column)
            """)
          return
        }
      }
    }
  }

  @Test("Layout folds by a plain rule: cells in order, each row as full as it can be")
  func layoutRule() {
    for seed in 1...300 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var buffer = LineBuffer()
      for _ in 0..<30 { _ = buffer.apply(Self.random(&generator)) }
      let width = Int.random(in: 2...40, using: &generator)
      let layout = Layout(
        prompt: "> ", characters: buffer.characters, cursor: buffer.cursor, width: width)
      for row in layout.rows where row.count > 1 {
        #expect(row.reduce(0) { $0 + $1.width } <= width)
      }
      // Cells before the cursor are the prompt and the characters before it, line breaks aside.
      let cellsBefore = layout.rows[..<layout.cursorRow].reduce(0) { $0 + $1.count }
      var column = 0
      var inRow = 0
      for cell in layout.rows[layout.cursorRow] {
        if column >= layout.cursorColumn { break }
        column += cell.width
        inRow += 1
      }
      let breaks = buffer.characters[..<buffer.cursor].filter { $0 == "\n" }.count
      #expect(cellsBefore + inRow == 2 + buffer.cursor - breaks)
    }
  }
}

/// The same keys over two strings, written the obvious way.
struct ReferenceLine {
  var before = ""
  var after = ""
  var kills: [String] = []
  var killedLast = false

  static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  mutating func apply(_ key: Key) {
    var killed: (text: String, forward: Bool)?
    switch key {
    case .text(let text): before += text
    case .left: if let last = before.popLast() { after = String(last) + after }
    case .right: if !after.isEmpty { before.append(after.removeFirst()) }
    case .control("a"): (before, after) = ("", before + after)
    case .control("e"): (before, after) = (before + after, "")
    case .backspace: _ = before.popLast()
    case .delete: if !after.isEmpty { after.removeFirst() }
    case .control("k"): (killed, after) = ((after, true), "")
    case .control("u"): (killed, before) = ((before, false), "")
    case .control("w"):
      var text = ""
      while let last = before.last, last.isWhitespace {
        text = String(before.removeLast()) + text; _ = last
      }
      while let last = before.last, !last.isWhitespace {
        text = String(before.removeLast()) + text; _ = last
      }
      killed = (text, false)
    case .meta("d"):
      var text = ""
      while let next = after.first, !Self.isWord(next) {
        text.append(after.removeFirst()); _ = next
      }
      while let next = after.first, Self.isWord(next) { text.append(after.removeFirst()); _ = next }
      killed = (text, true)
    case .wordLeft:
      while let last = before.last, !Self.isWord(last) {
        after = String(before.removeLast()) + after; _ = last
      }
      while let last = before.last, Self.isWord(last) {
        after = String(before.removeLast()) + after; _ = last
      }
    case .wordRight:
      while let next = after.first, !Self.isWord(next) {
        before.append(after.removeFirst()); _ = next
      }
      while let next = after.first, Self.isWord(next) {
        before.append(after.removeFirst()); _ = next
      }
    case .control("y"): before += kills.last ?? ""
    default: break
    }
    guard let killed, !killed.text.isEmpty else {
      killedLast = false
      return
    }
    if killedLast, let last = kills.popLast() {
      kills.append(killed.forward ? last + killed.text : killed.text + last)
    } else {
      kills.append(killed.text)
    }
    killedLast = true
  }
}

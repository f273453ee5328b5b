/// A piece of a screen row: one grapheme cluster as it is drawn, and the columns it takes.
package struct Cell: Sendable, Equatable {
  package let text: String
  package let width: Int
  package let tint: Style.Tint

  package init(_ text: String, width: Int, tint: Style.Tint = .plain) {
    self.text = text
    self.width = width
    self.tint = tint
  }
}

/// Where everything stands: prompt and text folded into rows of at most `width` columns, and the
/// cursor. Pure: (buffer, prompt, width) in, rows out. No row relies on the terminal's own wrapping.
package struct Layout: Sendable, Equatable {
  /// rows: [row][cell]; the widths of a row sum to at most the screen's width.
  package private(set) var rows: [[Cell]] = [[]]
  package private(set) var cursorRow = 0
  package private(set) var cursorColumn = 0
  package let width: Int
  private var column = 0

  package init(width: Int) { self.width = max(1, width) }

  /// The usual picture: a prompt, the text with its cursor, lines after the first behind
  /// `continuation`, and rows of hints below.
  package init(
    prompt: String, tint: Style.Tint = .bold, continuation: String = "", characters: [Character],
    cursor: Int, width: Int, suffix: String = "", below: [String] = []
  ) {
    self.init(width: width)
    add(prompt, tint: tint)
    for (index, character) in characters.enumerated() {
      if index == cursor { markCursor() }
      if character == "\n" {
        breakRow()
        add(continuation, tint: .dim)
      } else {
        add(character)
      }
    }
    add(suffix, tint: .dim)
    if cursor >= characters.count { markCursor() }
    // A cursor behind a full row stands at the beginning of the next.
    if cursorColumn >= self.width {
      cursorRow += 1
      cursorColumn = 0
      if cursorRow == rows.count { rows.append([]) }
    }
    for line in below {
      breakRow()
      for character in DisplayWidth.truncate(line, to: self.width) { add(character, tint: .dim) }
    }
  }

  package mutating func add(_ text: String, tint: Style.Tint = .plain) {
    for character in text { add(character, tint: tint) }
  }

  package mutating func markCursor() {
    cursorRow = rows.count - 1
    cursorColumn = column
  }

  package mutating func breakRow() {
    rows.append([])
    column = 0
  }

  /// Control characters are drawn in caret notation, a tab as spaces, a character without width of
  /// its own as a dotted circle: what is in the buffer can always be seen and counted.
  package mutating func add(_ character: Character, tint: Style.Tint = .plain) {
    let cell = cell(for: character, tint: tint)
    if column + cell.width > width, column > 0 {
      // The cursor was marked before this character: it moves along to the next row.
      let follows = cursorRow == rows.count - 1 && cursorColumn == column
      breakRow()
      if follows { markCursor() }
    }
    rows[rows.count - 1].append(cell)
    column += cell.width
  }

  private func cell(for character: Character, tint: Style.Tint) -> Cell {
    let columns = DisplayWidth.of(character)
    if columns > width { return Cell("\u{25CC}", width: 1, tint: .dim) }
    if columns > 0, !character.unicodeScalars.contains(where: { $0.value < 0x20 }) {
      return Cell(Sanitizer.line(String(character)), width: columns, tint: tint)
    }
    guard let scalar = character.unicodeScalars.first else { return Cell("", width: 0) }
    if scalar == "\t" {
      let spaces = min(width, 4 - column % 4)
      return Cell(String(repeating: " ", count: spaces), width: spaces, tint: tint)
    }
    if scalar.value < 0x20 || scalar.value == 0x7F {
      let letter = scalar.value == 0x7F ? "?" : String(UnicodeScalar(UInt8(scalar.value + 0x40)))
      return Cell("^" + letter, width: 2, tint: .dim)
    }
    return Cell("\u{25CC}", width: 1, tint: .dim)
  }

  /// The window of at most `height` rows that shows the cursor, as a layout of its own.
  package func window(height: Int) -> Layout {
    guard rows.count > height, height > 0 else { return self }
    var first = max(0, rows.count - height)
    if cursorRow < first { first = cursorRow }
    var result = self
    result.rows = Array(rows[first..<min(rows.count, first + height)])
    result.cursorRow = cursorRow - first
    return result
  }
}

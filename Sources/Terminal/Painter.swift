/// Turns one layout into the next with few bytes: unchanged rows are skipped and within a row only
/// what differs is written, so that typing costs one byte over SSH and nothing flickers.
///
/// Every escape sequence the line editor emits, and no other:
///
///     CR                  to column 0
///     CR LF               to column 0 of the next row, scrolling at the bottom
///     ESC [ n A           up n rows            ESC [ n B   down n rows
///     ESC [ n C           right n columns
///     ESC [ K             clear to the end of the row
///     ESC [ J             clear to the end of the screen
///     ESC [ H, ESC [ 2 J  home and clear the screen (Control-L)
///     ESC [ n m           colour: 0, 1, 2 (see `Style`), only when colour is on
///     ESC [ ? 2004 h / l  bracketed paste on and off (while a line is read)
///     BEL                 the key did nothing
package struct Painter: Sendable {
  private var rows: [[Cell]] = []
  private var cursorRow = 0
  private var cursorColumn = 0
  private var width = 80
  private let isColoured: Bool

  package init(style: Style) { isColoured = style.isEnabled }

  /// Output that changes what was painted last into `layout`. The layout must be no taller than the
  /// screen (`Layout.window`).
  package mutating func paint(_ layout: Layout) -> String {
    width = layout.width
    var output = ""
    if rows.isEmpty {
      rows = [[]]
      cursorRow = 0
      cursorColumn = 0
      output += "\r"
    }
    for (index, row) in layout.rows.enumerated() {
      let old = index < rows.count ? rows[index] : []
      if index < rows.count, old == row { continue }
      var same = 0
      while same < old.count, same < row.count, old[same] == row[same] { same += 1 }
      output += move(toRow: index, column: row[..<same].reduce(0) { $0 + $1.width })
      output += draw(row[same...])
      let newWidth = row.reduce(0) { $0 + $1.width }
      cursorColumn = newWidth
      if old[same...].reduce(0, { $0 + $1.width }) > row[same...].reduce(0, { $0 + $1.width }) {
        // At the right edge the cursor waits on the last column: clearing would eat it.
        if newWidth < width { output += "\u{1B}[K" }
      }
    }
    if rows.count > layout.rows.count {
      output += move(toRow: layout.rows.count, column: 0) + "\u{1B}[J"
    }
    rows = layout.rows
    output += move(toRow: layout.cursorRow, column: layout.cursorColumn)
    return output
  }

  /// Takes the painting off the screen; the cursor stands where it began.
  package mutating func erase() -> String {
    guard !rows.isEmpty else { return "" }
    let output = move(toRow: 0, column: 0) + "\r\u{1B}[J"
    rows = []
    return output
  }

  /// Leaves the painting on the screen, the cursor on a fresh row below it.
  package mutating func finish() -> String {
    guard !rows.isEmpty else { return "" }
    let output = move(toRow: rows.count - 1, column: 0) + "\r\n"
    rows = []
    return output
  }

  /// The screen was cleared: paint anew from its top.
  package mutating func clearScreen() -> String {
    rows = []
    return "\u{1B}[H\u{1B}[2J"
  }

  /// The window has another width. Terminals fold rows that no longer fit, so the rows above the
  /// cursor are counted as folded; everything is then painted anew.
  package mutating func resize(to newWidth: Int) -> String {
    guard !rows.isEmpty, newWidth > 0 else { return "" }
    var above = 0
    for (index, row) in rows.enumerated() where index <= cursorRow {
      let columns = index == cursorRow ? cursorColumn : row.reduce(0) { $0 + $1.width }
      above += index == cursorRow ? columns / newWidth : max(1, (columns + newWidth - 1) / newWidth)
    }
    rows = []
    return (above > 0 ? "\u{1B}[\(above)A" : "") + "\r\u{1B}[J"
  }

  private mutating func move(toRow row: Int, column: Int) -> String {
    var output = ""
    if row < cursorRow {
      output += "\u{1B}[\(cursorRow - row)A"
    } else if row > cursorRow {
      // Rows already painted exist; beyond them a line feed makes one, scrolling if it must.
      let existing = min(row, rows.count - 1)
      if existing > cursorRow { output += "\u{1B}[\(existing - cursorRow)B" }
      let missing = row - max(cursorRow, existing)
      if missing > 0 {
        output += "\r" + String(repeating: "\n", count: missing)
        cursorColumn = 0
        while rows.count <= row { rows.append([]) }
      }
    }
    let changedRow = row != cursorRow
    cursorRow = row
    // A full row leaves the cursor in doubt between two columns: always start from column 0 there.
    if column != cursorColumn || cursorColumn >= width || changedRow && column == 0 {
      output += "\r" + (column > 0 ? "\u{1B}[\(column)C" : "")
    }
    cursorColumn = column
    return output
  }

  private func draw(_ cells: some Sequence<Cell>) -> String {
    var output = ""
    var current = Style.Tint.plain
    for cell in cells {
      if isColoured, cell.tint != current {
        if current != .plain { output += "\u{1B}[0m" }
        if cell.tint != .plain { output += "\u{1B}[\(cell.tint.rawValue)m" }
        current = cell.tint
      }
      output += cell.text
    }
    if current != .plain { output += "\u{1B}[0m" }
    return output
  }
}

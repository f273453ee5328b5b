/// A terminal in memory that understands exactly the sequences listed in `Painter`, and fails on any
/// other. Rows grow downwards without end: `top` is where the visible screen begins.
struct VirtualScreen {
  let width: Int
  let height: Int
  var rows: [[String]] = [[]]
  var row = 0
  var column = 0
  var top = 0
  var faults: [String] = []

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Text of a row, a wide character once, without blanks at its end.
  func text(_ index: Int) -> String {
    guard index < rows.count else { return "" }
    var line = rows[index].joined()
    while line.last == " " { line.removeLast() }
    return line
  }

  var visible: [String] { (top..<rows.count).map(text) }

  mutating func write(_ output: String, widthOf: (Character) -> Int) {
    var input = Array(output)[...]
    while let character = input.popFirst() {
      switch character {
      case "\r\n":
        column = 0
        lineFeed()
      case "\r": column = 0
      case "\n": lineFeed()
      case "\u{07}": break
      case "\u{1B}": escape(&input)
      default: put(character, widthOf(character))
      }
    }
  }

  private mutating func lineFeed() {
    row += 1
    while rows.count <= row { rows.append([]) }
    top = max(top, row - height + 1)
  }

  private mutating func put(_ character: Character, _ columns: Int) {
    if character.unicodeScalars.contains(where: {
      $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
    }) {
      faults.append("control character \(character.unicodeScalars.map { $0.value })")
      return
    }
    if columns == 0 {
      faults.append("zero-width \(character.unicodeScalars.map { $0.value })")
      return
    }
    if column + columns > width { faults.append("wrote past the right edge at \(row),\(column)") }
    while rows[row].count < column + columns { rows[row].append(" ") }
    // Half of a wide character that is overwritten leaves a blank.
    if rows[row][column].isEmpty, column > 0 { rows[row][column - 1] = " " }
    let behind = column + columns
    if behind < rows[row].count, rows[row][behind].isEmpty { rows[row][behind] = " " }
    rows[row][column] = String(character)
    for offset in 1..<max(1, columns) { rows[row][column + offset] = "" }
    if columns == 1 { rows[row][column] = String(character) }
    column += columns
  }

  private mutating func escape(_ input: inout ArraySlice<Character>) {
    guard input.popFirst() == "[" else {
      faults.append("escape that is no CSI")
      return
    }
    var parameters = ""
    while let next = input.first, next.isNumber || next == ";" || next == "?" {
      parameters.append(next)
      input.removeFirst()
    }
    let count = Int(parameters) ?? 1
    switch input.popFirst() {
    case "A":
      row -= count
      if row < top {
        faults.append("moved above the screen")
        row = top
      }
    case "B":
      row += count
      if row >= rows.count {
        faults.append("moved below what exists")
        row = rows.count - 1
      }
    case "C": column = min(width - 1, column + count)
    case "K":
      if rows[row].count > column { rows[row].removeSubrange(column...) }
    case "J":
      if parameters == "2" {
        rows = Array(rows[..<top]) + [[]]
      } else {
        if rows[row].count > column { rows[row].removeSubrange(column...) }
        rows.removeSubrange((row + 1)...)
      }
    case "H":
      row = top
      column = 0
    case "h", "l":
      if parameters != "?2004" { faults.append("mode \(parameters)") }
    case "m": break
    case let other:
      faults.append("unknown sequence ESC[\(parameters)\(other.map(String.init) ?? "")")
    }
  }
}

/// xorshift64*: the same sequences on every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

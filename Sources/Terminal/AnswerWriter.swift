/// Folds streamed text at word boundaries and makes light Markdown readable as it comes. Pure: text
/// in, what to write out; a word is held back until its end is known, nothing else is.
///
/// Paragraphs wrap at `width` columns, list items and quotes hang under their text, code between
/// fences is left exactly as it is. With colour on, `*emphasis*`, `**strong**`, `` `code` ``,
/// headings and fences are shown by style instead of marks; without, the marks stay. `width: nil` (a pipe) changes
/// nothing but control characters.
package struct AnswerWriter: Sendable {
  private let width: Int?
  private let style: Style
  private var line = ""
  private var word = ""
  private var wordWidth = 0
  private var spaces = 0
  private var column = 0
  private var indent = 0
  private var isAtLineStart = true
  private var isInFence = false
  private var isFenceLine = false
  private var isBold = false
  private var isItalic = false
  private var isCode = false
  private var isHeading = false
  private var stars = 0
  /// The character before the one at hand, of the same line.
  private var previous: Character?
  private var held = ""

  package init(width: Int?, style: Style) {
    self.width = width.map { max(8, $0) }
    self.style = style
  }

  package mutating func feed(_ text: String) -> String {
    guard width != nil else { return Sanitizer.clean(text) }
    // A cluster may go on in the next piece: the last wide one waits.
    var source = held + Sanitizer.clean(text)
    held = ""
    if let last = source.last, !last.isASCII, DisplayWidth.of(last) > 1 {
      held = String(source.removeLast())
    }
    var output = ""
    for character in source { step(character, &output) }
    return output
  }

  /// Everything still held; styles end here.
  package mutating func finish() -> String {
    var output = ""
    for character in held { step(character, &output) }
    held = ""
    if isAtLineStart, !line.isEmpty { beginLine(&output) }
    endStars(before: nil)
    flushWord(&output)
    resetStyles(&output)
    return output
  }

  private mutating func step(_ character: Character, _ output: inout String) {
    if character == "\n" {
      newline(&output)
    } else if isAtLineStart {
      line.append(character)
      if decided() { beginLine(&output) }
    } else if isInFence || isFenceLine {
      output.append(character == "\t" ? "    " : String(character))
      column += 1
    } else {
      inline(character, &output)
    }
  }

  private mutating func newline(_ output: inout String) {
    if isAtLineStart, !line.isEmpty { beginLine(&output) }
    endStars(before: nil)
    flushWord(&output)
    resetStyles(&output)
    output.append("\n")
    spaces = 0
    column = 0
    indent = 0
    isAtLineStart = true
    isFenceLine = false
    line = ""
  }

  /// Whether the beginning of the line says what kind of line it is.
  private func decided() -> Bool {
    if isInFence { return !"```".hasPrefix(line.drop { $0 == " " }) }
    let rest = line.drop { $0 == " " || $0 == "\t" }
    guard let first = rest.first else { return false }
    if first == "`" { return rest.count >= 3 || rest.contains { $0 != "`" } }
    if first == "#" || first == ">" { return rest.last == " " || rest.last != first }
    if first == "-" || first == "+" || first == "•" { return rest.count >= 2 }
    if first == "*" { return rest.count >= 2 }
    if first.isNumber { return rest.contains { !$0.isNumber && $0 != "." && $0 != ")" } }
    return true
  }

  private mutating func beginLine(_ output: inout String) {
    isAtLineStart = false
    let rest = line.drop { $0 == " " || $0 == "\t" }
    if rest.hasPrefix("```") {
      isFenceLine = true
      isInFence.toggle()
      output += style.isEnabled ? "\u{1B}[2m" + line : line
      column += line.count
      line = ""
      return
    }
    if isInFence {
      output += line.replacingTabs()
      column += line.count
      line = ""
      return
    }
    let lead = line.count - rest.count
    var marker = ""
    if let match = Self.listMarker(rest) {
      marker = match
    } else if rest.hasPrefix("#"), let space = rest.firstIndex(of: " "),
      rest[..<space].allSatisfy({ $0 == "#" })
    {
      isHeading = style.isEnabled
      if isHeading {
        output += "\u{1B}[1m"
        marker = ""
        let title = rest[rest.index(after: space)...]
        line = ""
        for character in title { inline(character, &output) }
        return
      }
    }
    let indentation = min(lead, (width ?? 80) / 4)
    output += String(repeating: " ", count: indentation) + marker
    column = indentation + DisplayWidth.of(marker)
    indent = column
    let remainder = rest.dropFirst(marker.count)
    line = ""
    for character in remainder { inline(character, &output) }
  }

  /// `- `, `* `, `1. `, `> ` at the beginning of a line, with the space.
  private static func listMarker(_ text: Substring) -> String? {
    guard let first = text.first else { return nil }
    if "-*+•>".contains(first) {
      return text.dropFirst().first == " " ? String(text.prefix(2)) : nil
    }
    let digits = text.prefix { $0.isNumber }
    let after = text.dropFirst(digits.count)
    guard !digits.isEmpty, digits.count < 4, let mark = after.first, mark == "." || mark == ")",
      after.dropFirst().first == " "
    else { return nil }
    return String(digits) + String(mark) + " "
  }

  private mutating func inline(_ character: Character, _ output: inout String) {
    if character == "*", style.isEnabled, !isCode {
      stars += 1
      return
    }
    endStars(before: character)
    defer { previous = character }
    if character == "`", style.isEnabled {
      isCode.toggle()
      word += isCode ? "\u{1B}[36m" : afterClosing
      return
    }
    if character == " " || character == "\t" {
      flushWord(&output)
      spaces += character == "\t" ? 4 : 1
      return
    }
    let columns = DisplayWidth.of(character)
    // Text without spaces between its words may break before any wide character.
    if columns > 1 { flushWord(&output) }
    word.append(character)
    wordWidth += columns
    if columns > 1 { flushWord(&output) }
  }

  /// Decides what a run of stars means when the character after it is known: one is emphasis, two
  /// are strong, where they stand before a word or close what is open; else they are stars.
  private mutating func endStars(before next: Character?) {
    guard stars > 0 else { return }
    defer { stars = 0 }
    let opens = next.map { !$0.isWhitespace } ?? false
    let isInsideWord = previous.map { $0.isLetter || $0.isNumber } ?? false
    let changesBold = stars != 1 && (isBold || opens)
    let changesItalic =
      stars != 2 && (isItalic ? previous?.isWhitespace == false : opens && !isInsideWord)
    let wanted =
      stars == 1 ? changesItalic : stars == 2 ? changesBold : changesBold && changesItalic
    guard wanted, stars < 4 else {
      word += String(repeating: "*", count: stars)
      wordWidth += stars
      previous = "*"
      return
    }
    var closes = false
    if stars != 1 {
      isBold.toggle()
      closes = closes || !isBold
      if isBold { word += "\u{1B}[1m" }
    }
    if stars != 2 {
      isItalic.toggle()
      closes = closes || !isItalic
      if isItalic { word += "\u{1B}[3m" }
    }
    if closes { word += afterClosing }
  }

  /// Ends a style and puts back those that are still open.
  private var afterClosing: String {
    "\u{1B}[0m" + (isBold || isHeading ? "\u{1B}[1m" : "") + (isItalic ? "\u{1B}[3m" : "")
  }

  private mutating func flushWord(_ output: inout String) {
    guard !word.isEmpty, let width else { return }
    if column > 0, column > indent, column + spaces + wordWidth > width {
      output += "\n" + String(repeating: " ", count: indent)
      column = indent
    } else {
      output += String(repeating: " ", count: spaces)
      column += spaces
    }
    spaces = 0
    if column + wordWidth <= width {
      output += word
      column += wordWidth
    } else {
      breakLongWord(width, &output)
    }
    word = ""
    wordWidth = 0
  }

  /// A word longer than a row is cut where the row ends; escape sequences in it take no columns.
  private mutating func breakLongWord(_ width: Int, _ output: inout String) {
    var inEscape = false
    for character in word {
      if inEscape || character == "\u{1B}" {
        inEscape = character == "\u{1B}" || character != "m"
        output.append(character)
        continue
      }
      let columns = DisplayWidth.of(character)
      if column + columns > width {
        output += "\n" + String(repeating: " ", count: indent)
        column = indent
      }
      output.append(character)
      column += columns
    }
  }

  private mutating func resetStyles(_ output: inout String) {
    if style.isEnabled, isBold || isItalic || isCode || isHeading || isFenceLine {
      output += "\u{1B}[0m"
    }
    isBold = false
    isItalic = false
    isCode = false
    isHeading = false
    previous = nil
  }
}

extension String {
  fileprivate func replacingTabs() -> String {
    reduce(into: "") { $0 += $1 == "\t" ? "    " : String($1) }
  }
}

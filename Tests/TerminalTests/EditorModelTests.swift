import Terminal
import Testing

/// The whole editor, bytes in and escapes out, against two strings and a rule for folding that have
/// nothing in common with it.
@Suite("The editor against a reference model")
struct EditorModelTests {
  private static let keys: [(bytes: String, key: Key)] = [
    ("\u{1B}[D", .left), ("\u{1B}[C", .right), ("\u{01}", .control("a")), ("\u{05}", .control("e")),
    ("\u{7F}", .backspace), ("\u{1B}[3~", .delete), ("\u{0B}", .control("k")),
    ("\u{17}", .control("w")), ("\u{19}", .control("y")), ("\u{15}", .control("u")),
    ("\u{1B}b", .wordLeft), ("\u{1B}[1;5C", .wordRight), ("\u{1B}d", .meta("d")),
    ("\u{02}", .left), ("\u{06}", .right), ("\u{1B}OD", .left),
  ]

  @Test(
    "Text, cursor and screen agree with the model after every key of 2,400 random sequences",
    arguments: [9, 20, 40, 80])
  func agreement(width: Int) {
    let alphabet = Array("ab c_1d .")
    for seed in 1...600 {
      var generator = SeededGenerator(seed: UInt64(seed * 100 + width))
      var editor = LineEditor()
      var screen = VirtualScreen(width: width, height: 60)
      var model = ReferenceLine()
      screen.write(editor.start(prompt: "> ", width: width, height: 60).output) { _ in 1 }
      for step in 0..<40 {
        let bytes: String
        let key: Key
        if Int.random(in: 0..<2, using: &generator) == 0 {
          let letter = String(alphabet.randomElement(using: &generator) ?? "a")
          (bytes, key) = (letter, .text(letter))
        } else {
          (bytes, key) = Self.keys.randomElement(using: &generator) ?? ("a", .text("a"))
        }
        // In pieces, as a slow line brings them.
        let all = Array(bytes.utf8)
        let cut = Int.random(in: 0...all.count, using: &generator)
        for part in [all[..<cut], all[cut...]] where !part.isEmpty {
          screen.write(editor.feed(part).output) { _ in 1 }
        }
        model.apply(key)
        let text = Array("> " + model.before + model.after)
        let cursor = 2 + model.before.count
        let rows = stride(from: 0, to: text.count + 1, by: width).map { start -> String in
          var row = String(text[min(start, text.count)..<min(start + width, text.count)])
          while row.last == " " { row.removeLast() }
          return row
        }
        let shown = rows.indices.map(screen.text)
        if editor.text != model.before + model.after || editor.cursor != model.before.count
          || shown != rows || screen.row != cursor / width || screen.column != cursor % width
          || !screen.faults.isEmpty
        {
          Issue.record(
            """
            width \(width), seed \(seed), step \(step), \(key): \(screen.faults)
            model  \(rows) cursor \(cursor / width),\(cursor % width)
            editor \(editor.text)|\(editor.cursor), screen \(shown) \(screen.row),\(screen.column)
            """)
          return
        }
      }
    }
  }
}

import Testing

import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

@Suite("Width and untrusted text")
struct TextTests {
  @Test(
    "Columns of single characters",
    arguments: [
      ("a", 1), ("é", 1), ("e\u{301}", 1), ("日", 2), ("한", 2), ("ｱ", 1), ("Ａ", 2), ("👍", 2),
      ("👍🏽", 2),
      ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2), ("❤", 1), ("1️⃣", 2), ("\u{200B}", 0), ("\u{301}", 0),
      ("\u{AD}", 0), ("ü", 1), ("ก", 1), ("각", 2),
    ])
  func columns(text: String, expected: Int) {
    #expect(DisplayWidth.of(text) == expected)
  }

  @Test("The table of wide ranges is sorted and disjoint")
  func tableIsSorted() {
    for (left, right) in zip(WideRanges.ranges, WideRanges.ranges.dropFirst()) {
      #expect(left.upperBound < right.lowerBound)
    }
  }

  @Test("Cuts at columns, never inside a character")
  func truncation() {
    #expect(DisplayWidth.truncate("日本語", to: 5) == "日本…")
    #expect(DisplayWidth.truncate("日本語", to: 4) == "日…")
    #expect(DisplayWidth.truncate("abc", to: 3) == "abc")
    #expect(DisplayWidth.truncate("abc", to: 0) == "")
  }

  @Test("No escape or control character survives cleaning")
  func cleaning() {
    let hostile = "a\u{1B}]0;title\u{07}b\u{9B}31mc\r\nd\re\u{202E}f\u{7F}\tg\0"
    #expect(Sanitizer.clean(hostile) == "a␛]0;title␇b�31mc\nd␍ef␡\tg␀")
    for value in (0...0xFF as ClosedRange<UInt32>) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let cleaned = Sanitizer.clean("x\(Character(scalar))y").unicodeScalars
      #expect(
        cleaned.allSatisfy {
          $0 == "\n" || $0 == "\t" || ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value))
        })
    }
    #expect(Sanitizer.line("a\nb\tc") == "a b c")
  }

  @Test("Colour follows the flag, then NO_COLOR, TERM and the destination")
  func colour() {
    let terminal = ["TERM": "xterm"]
    #expect(Style.resolve(.auto, isTerminal: true, environment: terminal).isEnabled)
    #expect(!Style.resolve(.auto, isTerminal: false, environment: terminal).isEnabled)
    #expect(!Style.resolve(.auto, isTerminal: true, environment: ["TERM": "dumb"]).isEnabled)
    #expect(
      !Style.resolve(.auto, isTerminal: true, environment: ["TERM": "xterm", "NO_COLOR": "1"])
        .isEnabled)
    #expect(
      Style.resolve(.auto, isTerminal: true, environment: ["TERM": "xterm", "NO_COLOR": ""])
        .isEnabled)
    #expect(Style.resolve(.always, isTerminal: false, environment: ["NO_COLOR": "1"]).isEnabled)
    #expect(Style.none.paint("x", .red) == "x")
  }
}

@Suite("Progress")
struct ProgressTests {
  @Test("Says how much, how fast and how long")
  func line() {
    var meter = ProgressMeter(label: "prefill", unit: .tokens, total: 2140)
    meter.update(done: 0, now: 10)
    meter.update(done: 812, now: 14)
    #expect(meter.line() == "prefill 812/2,140 tokens, 203 t/s, 6.5 s left")
    #expect(meter.line(width: 20) == "prefill 812/2,140 t…")
  }

  @Test("Counts never go backwards")
  func monotone() {
    var meter = ProgressMeter(label: "x", unit: .bytes, total: 100)
    meter.update(done: 50, now: 0)
    meter.update(done: 20, now: 1)
    #expect(meter.done == 50)
  }

  @Test("Numbers are written one way")
  func numbers() {
    #expect(Format.count(1_234_567) == "1,234,567")
    #expect(Format.count(-12) == "-12")
    #expect(Format.bytes(97) == "97 B")
    #expect(Format.bytes(98_362_432) == "93.8 MiB")
    #expect(Format.bytes(1_048_575) == "1.0 MiB")
    #expect(Format.duration(0.012) == "12 ms")
    #expect(Format.duration(125) == "2 min 05 s")
    #expect(Format.fixed(-0.04, 1) == "0.0")
    #expect(Format.fixed(2.675, 2) == "2.68" || Format.fixed(2.675, 2) == "2.67")
    #expect(Format.rate(.infinity) == "–")
  }
}

@Suite("Answer writer")
struct AnswerWriterTests {
  private func write(_ text: String, width: Int?, style: Style = .none, piece: Int = 3) -> String {
    var writer = AnswerWriter(width: width, style: style)
    var output = ""
    var rest = Array(text)[...]
    while !rest.isEmpty {
      output += writer.feed(String(rest.prefix(piece)))
      rest = rest.dropFirst(piece)
    }
    return output + writer.finish()
  }

  @Test("Folds at words and hangs list items")
  func folding() {
    #expect(write("one two three four", width: 10) == "one two\nthree four")
    #expect(write("- one two three", width: 10) == "- one two\n  three")
    #expect(write("10. one two three", width: 10) == "10. one\n    two\n    three")
    #expect(write("a\n\nb", width: 10) == "a\n\nb")
  }

  @Test("Cuts a word longer than the row")
  func longWord() {
    #expect(write("abcdefghijkl", width: 8) == "abcdefgh\nijkl")
  }

  @Test("Breaks text without spaces at wide characters")
  func wide() {
    #expect(write("日本語日本語", width: 8) == "日本語日\n本語")
  }

  @Test("Leaves code between fences as it is")
  func code() {
    let text = "```swift\nlet x = 1 + 2 + 3 + 4\n  **no**\n```\nend"
    #expect(write(text, width: 10) == text)
  }

  @Test("Shows strong text and code by style when there is colour")
  func styles() {
    let style = Style(isEnabled: true)
    #expect(
      write("a **b** `c`", width: 40, style: style) == "a \u{1B}[1mb\u{1B}[0m \u{1B}[36mc\u{1B}[0m")
    #expect(write("# Title\nx", width: 40, style: style) == "\u{1B}[1mTitle\u{1B}[0m\nx")
    #expect(write("2 * 3", width: 40, style: style) == "2 * 3")
    #expect(write("an *in* b", width: 40, style: style) == "an \u{1B}[3min\u{1B}[0m b")
    #expect(write("a*b*c 2*3", width: 40, style: style) == "a*b*c 2*3")
    #expect(
      write("**a *b* c**", width: 40, style: style)
        == "\u{1B}[1ma \u{1B}[3mb\u{1B}[0m\u{1B}[1m c\u{1B}[0m")
    #expect(write("***a***", width: 40, style: style) == "\u{1B}[1m\u{1B}[3ma\u{1B}[0m")
    #expect(write("* item *x*", width: 40, style: style) == "* item \u{1B}[3mx\u{1B}[0m")
    #expect(
      write("un*closed\n*open", width: 40, style: style) == "un*closed\n\u{1B}[3mopen\u{1B}[0m")
  }

  @Test("A pipe gets the text as it is, without control characters")
  func pipe() {
    #expect(write("a **b**\u{1B}[2J long line stays", width: nil) == "a **b**␛[2J long line stays")
  }

  @Test("Any split gives the same text, and no row is too wide")
  func splits() {
    let pieces = [
      "word ", "日本 ", "**b** ", "`c` ", "- ", "\n", "# ", "```\n", "1. ", "longlonglonglong ", "* ",
    ]
    for seed in 1...300 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let text = (0..<20).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
      let whole = write(text, width: 12, piece: 10_000)
      #expect(write(text, width: 12, piece: 1) == whole, "seed \(seed)")
      if !text.contains("```") {
        for row in whole.split(separator: "\n") { #expect(DisplayWidth.of(row) <= 12, "\(row)") }
      }
    }
  }
}

@Suite("History")
struct HistoryTests {
  private func temporaryPath() -> String {
    (getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")
      + "/carrel-history-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  }

  @Test("Survives a restart, each line once, newest last, only for its owner")
  func persistence() {
    let path = temporaryPath()
    defer { unlink(path) }
    var history = History(path: path)
    history.add("one")
    history.add("two\nlines \\ and backslash")
    history.add("one")
    history.add("  ")
    history.add(" secret")
    let again = History(path: path)
    #expect(again.entries == ["two\nlines \\ and backslash", "one"])
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test("Switched off, it keeps and writes nothing")
  func off() {
    let path = temporaryPath()
    var history = History(path: path, isEnabled: false)
    history.add("one")
    #expect(history.entries == [])
    #expect(access(path, F_OK) != 0)
  }

  @Test("Switched off at first and on later, it reads nothing and then writes")
  func onLater() {
    let path = temporaryPath()
    defer { unlink(path) }
    var first = History(path: path)
    first.add("before")
    var history = History(path: path, isEnabled: false)
    #expect(history.entries == [])
    history.add("secret")
    history.isEnabled = true
    history.add("after")
    #expect(history.entries == ["after"] && History(path: path).entries == ["before", "after"])
  }

  @Test("Keeps the newest within its limit and compacts the file")
  func limit() {
    let path = temporaryPath()
    defer { unlink(path) }
    var history = History(path: path, limit: 5)
    for number in 0..<30 { history.add("line \(number)") }
    #expect(history.entries == (25..<30).map { "line \($0)" })
    let again = History(path: path, limit: 5)
    #expect(again.entries == history.entries)
    #expect(History(path: path, limit: 100).entries.count == 5)
  }

  @Test("Escaping is reversible", arguments: ["a", "\\", "\\n", "a\nb", "\\\\n\n", "é\\日"])
  func escaping(text: String) {
    #expect(History.unescape(History.escape(text)) == text)
    #expect(!History.escape(text).contains("\n"))
  }
}

import Testing

import Terminal

@Suite("Line editor")
struct LineEditorTests {
  /// A conversation with an editor over a virtual screen.
  struct Bench {
    var editor: LineEditor
    var screen: VirtualScreen
    var events: [LineEditor.Event] = []

    init(
      _ editor: LineEditor = LineEditor(), width: Int = 40, height: Int = 10, prompt: String = "> "
    ) {
      self.editor = editor
      screen = VirtualScreen(width: width, height: height)
      start(prompt)
    }

    mutating func start(_ prompt: String = "> ", text: String = "") {
      take(editor.start(prompt: prompt, width: screen.width, height: screen.height, text: text))
    }
    mutating func type(_ text: String) { take(editor.feed(text.utf8)) }
    mutating func take(_ reply: LineEditor.Reply) {
      screen.write(reply.output) { DisplayWidth.of($0) }
      if let event = reply.event { events.append(event) }
    }
  }

  private func history(_ entries: String...) -> History {
    var history = History()
    for entry in entries { history.add(entry) }
    return history
  }

  @Test("Submits what was typed and leaves it on the screen")
  func submit() {
    var bench = Bench()
    bench.type("what is this?\r")
    #expect(bench.events == [.submitted("what is this?")])
    #expect(bench.screen.text(0) == "> what is this?")
    #expect(bench.screen.row == 1 && bench.screen.column == 0)
    #expect(bench.screen.faults == [])
  }

  @Test("Keys typed ahead wait for the next line")
  func typeAhead() {
    var bench = Bench()
    bench.type("one\rtwo\r")
    #expect(bench.events == [.submitted("one")])
    bench.start()
    #expect(bench.events == [.submitted("one"), .submitted("two")])
  }

  @Test("A Control-C read together with Return interrupts its line; what was typed between goes")
  func lateInterrupt() {
    var bench = Bench()
    bench.type("one\rtwo\r\u{03}thr\u{03}four")
    #expect(bench.events == [.submitted("one", isInterrupted: true)])
    bench.start()
    #expect(bench.events.count == 1 && bench.editor.text == "four")
  }

  @Test("A paste with line breaks is edited, not executed")
  func paste() {
    var bench = Bench()
    bench.type("\u{1B}[200~rm -rf /\nsecond\u{1B}[201~")
    #expect(bench.events == [])
    #expect(bench.screen.text(1) == "… second")
    bench.type("\r")
    #expect(bench.events == [.submitted("rm -rf /\nsecond")])
  }

  @Test("Up recalls, down returns to the draft")
  func recall() {
    var bench = Bench(LineEditor(history: history("one", "two")))
    bench.type("draft\u{1B}[A\u{1B}[A")
    #expect(bench.editor.text == "one")
    bench.type("\u{1B}[B\u{1B}[B")
    #expect(bench.editor.text == "draft")
    bench.type("\u{1B}[B")
    #expect(bench.editor.text == "draft")
  }

  @Test("Control-R finds, goes further back, and accepts or gives up")
  func search() {
    var bench = Bench(LineEditor(history: history("find alpha", "beta", "find gamma")))
    bench.type("\u{12}find")
    #expect(bench.screen.text(0).contains("find gamma"))
    bench.type("\u{12}")
    #expect(bench.screen.text(0).contains("find alpha"))
    bench.type("\r")
    #expect(bench.events == [.submitted("find alpha")])

    var other = Bench(LineEditor(history: history("find alpha")))
    other.type("keep\u{12}zzz")
    #expect(other.screen.text(0).contains("no match"))
    other.type("\u{07}")
    #expect(other.editor.text == "keep")
  }

  @Test("Control-C gives the line up, Control-D ends an empty one")
  func interrupt() {
    var bench = Bench()
    bench.type("half\u{03}")
    #expect(bench.events == [.interrupted(hadText: true)])
    bench.start()
    #expect(bench.editor.text == "")
    bench.type("\u{03}")
    bench.start()
    bench.type("\u{04}")
    #expect(
      bench.events == [.interrupted(hadText: true), .interrupted(hadText: false), .endOfInput])
  }

  @Test("Control-X Control-E hands the text to the editor, Control-Z suspends")
  func chords() {
    var bench = Bench()
    bench.type("text\u{18}\u{05}")
    #expect(bench.events == [.editExternally("text")])
    bench.start(text: "text")
    bench.type("\u{1A}")
    #expect(bench.events.last == .suspended)
  }

  @Test("Tab completes the shared part, then lists, then goes round")
  func completion() {
    let words = ["/model", "/models", "/sources"]
    let editor = LineEditor { text, cursor in
      words.filter { $0.hasPrefix(text) }.map { Completion(range: 0..<cursor, text: $0) }
    }
    var bench = Bench(editor)
    bench.type("/mo\t")
    #expect(bench.editor.text == "/model")
    #expect(bench.screen.text(1).contains("/models"))
    bench.type("\t\t")
    #expect(bench.editor.text == "/model")
    bench.type("\t")
    #expect(bench.editor.text == "/models")
    bench.type("\u{15}/s\t")
    #expect(bench.editor.text == "/sources ")
    #expect(bench.screen.text(1) == "")
    #expect(bench.screen.faults == [])
  }

  @Test("A narrower window folds and repaints without leaving rests")
  func resize() {
    var bench = Bench(width: 30, height: 12)
    bench.type("a question that takes more than one row at twenty")
    // What a folding terminal shows after narrowing: the same rows, folded.
    let output = bench.editor.resize(width: 20, height: 12)
    var screen = VirtualScreen(width: 20, height: 12)
    for row in bench.screen.visible {
      var rest = row[...]
      repeat {
        screen.write(String(rest.prefix(20)) + "\r\n") { DisplayWidth.of($0) }
        rest = rest.dropFirst(20)
      } while !rest.isEmpty
    }
    // The cursor stood at column 21 of the second row: one row further down after folding.
    screen.row = 3
    screen.column = 1
    screen.write(output) { DisplayWidth.of($0) }
    #expect(
      screen.visible.filter { !$0.isEmpty } == [
        "> a question that ta", "kes more than one ro", "w at twenty",
      ])
    #expect(screen.faults == [])
  }

  @Test("Random bytes at twenty columns: nothing but the listed sequences reaches the screen")
  func randomBytes() {
    for seed in 1...150 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let words = ["/help", "/model", "/models"]
      let editor = LineEditor(history: history("one", "two three\nfour", "日本語")) { text, cursor in
        words.filter { $0.hasPrefix(text) }.map { Completion(range: 0..<cursor, text: $0) }
      }
      var bench = Bench(editor, width: 20, height: 6)
      for _ in 0..<60 {
        let bytes = (0..<Int.random(in: 1...6, using: &generator)).map { _ -> UInt8 in
          switch Int.random(in: 0..<4, using: &generator) {
          case 0: UInt8.random(in: 0...255, using: &generator)
          case 1: UInt8.random(in: 0...0x1F, using: &generator)
          default: UInt8.random(in: 0x20...0x7E, using: &generator)
          }
        }
        bench.take(bench.editor.feed(bytes))
        if bench.editor.isPending { bench.take(bench.editor.timeout()) }
        while bench.events.popLast() != nil { bench.start() }
      }
      #expect(bench.screen.faults == [], "seed \(seed)")
    }
  }
}

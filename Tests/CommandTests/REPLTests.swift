import CarrelKit
import Foundation
import Synchronization
import Terminal
import Testing
import carrel

@MainActor @Suite("REPL")
struct REPLTests {
  private func run(
    _ lines: ScriptedLines, desk: FakeDesk = FakeDesk(), columns: Int? = nil
  ) async -> (code: Int32, capture: Capture) {
    let capture = Capture()
    let repl = REPL(desk: desk, console: capture.console(columns: columns), lines: lines)
    return (await repl.run(), capture)
  }

  private func run(_ lines: String..., columns: Int? = nil) async -> Capture {
    await run(ScriptedLines(lines: lines), columns: columns).capture
  }

  @Test("In a pipe each line is a question; nothing but answers is on standard output")
  func pipe() async {
    let (code, capture) = await run(
      ScriptedLines(lines: ["one", "", "two"], isInteractive: false))
    #expect(code == 0)
    #expect(
      capture.out == """
        You asked: one␛[2J [1?]

        [1] docs/a.md:3-9  does not bear out what it is cited for
        You asked: two␛[2J [1?]

        [1] docs/a.md:3-9  does not bear out what it is cited for

        """)
    #expect(
      capture.error.contains(
        "fake (it is the only one): 212 tokens read at 190/s, 600 reused, 64 written at 22/s"))
    #expect(!capture.out.contains("\u{1B}") && !capture.error.contains("\u{1B}"))
  }

  @Test("A failure in a pipe goes on with the next line and sets the exit code")
  func pipeFailure() async {
    let desk = FakeDesk(failure: CarrelError(.notInstalled, "No model is installed."))
    let (code, capture) = await run(
      ScriptedLines(lines: ["one", "/sources"], isInteractive: false), desk: desk)
    #expect(code == 2)
    #expect(capture.error.contains("carrel: No model is installed."))
    let (other, _) = await run(ScriptedLines(lines: ["one"], isInteractive: false), desk: desk)
    #expect(other == 4)
  }

  @Test("At a terminal: greeting, answer, sources, closing line")
  func interactive() async {
    let capture = await run("what?", columns: 60)
    #expect(capture.out.hasPrefix("Carrel "))
    #expect(capture.out.contains("2 files, 12 passages indexed"))
    #expect(capture.out.contains("You asked: what?"))
    #expect(capture.out.contains("[1] docs/a.md:3-9"))
    for line in capture.out.split(separator: "\n") {
      #expect(DisplayWidth.of(line) <= 60, "\(line)")
    }
  }

  @Test("Control-C at an empty prompt says how to leave, twice leaves")
  func leaving() async {
    let script = ScriptedLines(
      [
        .interrupted(hadText: true), .interrupted(hadText: false), .submitted("x"),
        .interrupted(hadText: false), .interrupted(hadText: false), .submitted("never"),
      ],
      isInteractive: true)
    let (code, capture) = await run(script)
    #expect(code == 0)
    #expect(script.events == [.submitted("never")])
    #expect(capture.out.components(separatedBy: "To leave:").count == 3)
  }

  @Test("/bye leaves; so do its other names", arguments: ["/bye", "/quit", "/exit", "/q"])
  func bye(command: String) async {
    let script = ScriptedLines(lines: [command, "never"])
    _ = await run(script)
    #expect(script.events == [.submitted("never")])
  }

  @Test("An unknown command suggests the nearest")
  func unknown() async {
    #expect(await run("/modle").out.contains("Did you mean /model?"))
    #expect(await run("/zzz").out.contains("/help lists the commands"))
    #expect(REPLCommand.parse("/usr/bin is what?") == nil)
  }

  @Test("/help lists every command with a line, at any width", arguments: [40, 80])
  func help(columns: Int) async {
    let capture = await run("/help", columns: columns)
    for command in REPLCommand.all { #expect(capture.out.contains("/\(command.name.rawValue)")) }
    for line in capture.out.split(separator: "\n") {
      #expect(DisplayWidth.of(line) <= columns, "\(line)")
    }
    #expect(Set(REPLCommand.all.map(\.name)) == Set(REPLCommand.Name.allCases))
  }

  @Test("/sources, /open and /context tell about the last answer")
  func sources() async {
    #expect(await run("/sources").out.contains("There is no answer yet"))
    let capture = await run("x", "/sources", "/open 2", "/open", "/context")
    #expect(capture.out.contains("    passage"))
    #expect(capture.out.contains("There is no source 2; the last answer has 1."))
    #expect(capture.out.contains("takes the number of a source"))
    #expect(capture.out.contains("Prompt: 812 tokens; its parts were not kept."))
  }

  @Test("/open counts lines that end in CR LF, and knows a file that is not what was indexed")
  func openedFile() {
    let source = Source(
      n: 1, path: "a", startLine: 2, endLine: 3, startByte: 5, endByte: 16, text: "two\r\nthree")
    let lines = SourceLines.of(Data("one\r\ntwo\r\nthree\r\n".utf8), holding: source)
    #expect(lines?.count == 4 && lines?[1] == "two")
    #expect(SourceLines.of(Data("one\nTwo, changed\n".utf8), holding: source) == nil)
    #expect(SourceLines.of(Data("one".utf8), holding: source) == nil)
  }

  @Test("/set shows and changes settings, takes them back, and refuses nonsense")
  func settings() async {
    let capture = await run(
      "/set", "/set temperature 0.7", "/set passages 500", "/set temprature 1",
      "/set temperature default")
    #expect(capture.out.contains("retrieval    required"))
    #expect(capture.out.contains("temperature: 0.7\n"))
    #expect(capture.out.contains("`passages` takes a whole number from 1 to 100, not `500`."))
    #expect(capture.out.contains("Did you mean temperature?"))
    #expect(capture.out.hasSuffix("temperature: 0.2\n"))
  }

  @Test("/effort and /set effort are one")
  func effort() async {
    let capture = await run("/effort", "/effort high", "/set effort", "/set effort much")
    #expect(capture.out.contains("effort: medium\neffort: high\neffort: high\n"))
    #expect(capture.out.contains("takes one of low, medium, high"))
  }

  @Test("With nothing installed it offers what fits, best first, and fetches what is chosen")
  func firstModel() async {
    let desk = FakeDesk(isBare: true)
    let script = ScriptedLines(lines: ["2", ""])
    let (_, capture) = await run(script, desk: desk, columns: 80)
    #expect(capture.out.contains("  1 LARGE (large)\n     about 12.0 GiB to fetch"))
    #expect(capture.out.contains("2 MIDDLE (middle)") && capture.out.contains("3 SMALL (small)"))
    #expect(!capture.out.contains("HUGE") && !capture.out.contains("LARGER"))
    #expect(desk.pulled.withLock { $0 } == ["middle"])
    #expect(capture.out.contains("middle is in /cache/middle."))
    #expect(capture.out.contains("search goes by words only"))
    for line in capture.out.split(separator: "\n") {
      #expect(DisplayWidth.of(line) <= 80, "\(line)")
    }
  }

  @Test("With no index it offers the current folder, saying what it would read")
  func firstIndex() async {
    let desk = FakeDesk(isBare: true)
    let (_, capture) = await run(ScriptedLines(lines: ["", "y"]), desk: desk)
    #expect(
      capture.out.contains(
        "(/home/me/notes) has 123 files to read, 902.0 KiB: 120 .md (900.0 KiB), 3 .txt (2.0 KiB). "
          + "Left out: 2 hidden."))
    #expect(desk.indexed.withLock { $0 } == ["/home/me/notes"])
    let refused = FakeDesk(isBare: true)
    let (code, other) = await run(ScriptedLines(lines: ["", "", "/bye"]), desk: refused)
    #expect(code == 0 && other.out.contains("Later: /index add PATH"))
    #expect(refused.indexed.withLock { $0.isEmpty } && refused.pulled.withLock { $0.isEmpty })
    let leaving = ScriptedLines([.endOfInput, .submitted("never")], isInteractive: true)
    _ = await run(leaving, desk: FakeDesk(isBare: true))
    #expect(leaving.events == [.submitted("never")])
  }

  @Test("/pull fetches, /unload gives memory back")
  func pullAndUnload() async {
    let desk = FakeDesk()
    let (_, capture) = await run(
      ScriptedLines(lines: ["/pull", "/pull small", "/unload", "/unload other"]), desk: desk)
    #expect(capture.out.contains("large, about 12.0 GiB"))
    #expect(desk.pulled.withLock { $0 } == ["small"])
    #expect(capture.out.contains("Unloaded: mini. The next question loads it again."))
    #expect(capture.out.contains("Nothing of this is loaded."))
  }

  @Test("/status counts the faults that were mended in a conversation, by kind")
  func mended() {
    #expect(Printing.mended([]) == nil && Printing.mended([[:]]) == nil)
    #expect(Printing.mended([["bareText": 1]]) == "1 fault of the model's stream: bareText 1")
    #expect(
      Printing.mended([["bareText": 1, "missingChannel": 2], ["missingChannel": 2], [:]])
        == "5 faults of the model's stream: missingChannel 4, bareText 1")
  }

  @Test("In a log, progress that stands still is said once")
  func standing() async throws {
    let pipe = Pipe()
    let status = StatusLine(
      descriptor: pipe.fileHandleForWriting.fileDescriptor, isLive: false, interval: 0)
    for text in ["one", "one", "two", "two", "one"] { status.show(text) }
    try pipe.fileHandleForWriting.close()
    let shown = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(shown == "one\ntwo\none\n")
  }

  @Test("Thinking is one line that counts tokens, or is shown dimmed after /thinking on")
  func thinking() async throws {
    let pipe = Pipe()
    let capture = Capture()
    let live = StatusLine(descriptor: pipe.fileHandleForWriting.fileDescriptor, isLive: true)
    var hidden = AnswerPrinter(console: capture.console(status: live))
    hidden.take(.thinking("First, ", tokens: 128))
    try pipe.fileHandleForWriting.close()
    let shown = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(shown.contains("thinking… 128 tokens"))
    #expect(capture.out.isEmpty)

    #expect(await run("/thinking on").out.contains("Thinking is shown."))
    let style = Style.resolve(.always, isTerminal: true, environment: ["TERM": "xterm"])
    var open = AnswerPrinter(console: capture.console(style: style), showsThinking: true)
    open.take(.thinking("First, ", tokens: 128))
    open.take(.text("Yes."))
    #expect(capture.out.contains(style.paint("First, ", .dim)))
  }

  @Test(
    "/retry asks again, /undo forgets, /edit puts the question at the prompt, /clear forgets all")
  func turns() async {
    let desk = FakeDesk()
    let script = ScriptedLines(lines: ["one", "/retry", "two", "/undo", "/edit", "three"])
    let (_, capture) = await run(script, desk: desk)
    #expect(desk.conversation.asked.withLock { $0 } == ["three"])
    #expect(script.prefilled == ["", "", "", "", "", "one", ""])
    #expect(capture.out.contains("Forgotten: two"))
    #expect(await run("/retry").out.contains("no question to repeat"))
  }

  @Test(
    "An /edit that is given up changes nothing",
    arguments: [
      LineEditor.Event.interrupted(hadText: true), .submitted(""), .submitted("/sources"),
    ])
  func editGivenUp(_ event: LineEditor.Event) async {
    let desk = FakeDesk()
    let script = ScriptedLines(
      [.submitted("one"), .submitted("/edit"), event, .submitted("two")], isInteractive: true)
    _ = await run(script, desk: desk)
    #expect(script.prefilled == ["", "", "one", "", ""])
    #expect(desk.conversation.asked.withLock { $0 } == ["one", "two"])
  }

  @Test("/search prints hits without a model; hostile text is shown, not obeyed")
  func search() async {
    let capture = await run("/search words")
    #expect(capture.out.contains("[1] docs/a ␛[31m.md:3-9  words #1"))
    #expect(capture.out.contains("    ␛]0;evil␇second"))
    #expect(!capture.out.contains("\u{1B}"))
    let scoped = await run("/set type pdf", "/set since 7y", "/search words", "/set type default")
    #expect(scoped.out.contains("type: pdf") && scoped.out.contains("`since` takes a day such as"))
    #expect(scoped.out.contains("No indexed document is of type pdf."))
    #expect(scoped.out.contains("type: every type"))
  }

  @Test("How far the merging of words is stands in the line that goes away")
  func merging() async throws {
    let pipe = Pipe()
    let capture = Capture()
    let console = capture.console(
      status: StatusLine(
        descriptor: pipe.fileHandleForWriting.fileDescriptor, isLive: true, interval: 0))
    let lines = ScriptedLines(lines: ["/index rebuild"])
    #expect(await REPL(desk: FakeDesk(), console: console, lines: lines).run() == 0)
    try pipe.fileHandleForWriting.close()
    let shown = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(shown.contains("\rmerging the words 0/1,200 pages"), "\(shown)")
    #expect(shown.contains("\rmerging the words 250/1,200 pages"), "\(shown)")
    #expect(!capture.out.contains("merging") && !capture.error.contains("merging"))
  }

  @Test("/index tells the state and takes paths")
  func index() async {
    let capture = await run("/index", "/index add / /tmp", "/index add /nowhere", "/index grow")
    #expect(capture.out.contains("Passages"))
    #expect(
      capture.error.contains(
        "Files: 2 added, 0 unchanged. 12 passages from 2.0 KiB in 1.5 s (8.0 passages/s)."))
    #expect(capture.out.contains("There is no file or folder /nowhere."))
    #expect(capture.out.contains("/index takes add PATH"))
    let desk = FakeDesk()
    let script = ScriptedLines(lines: [#"/index add "/tmp" / "/usr/bin""#, #"/index add "/tmp"#])
    let (_, quoted) = await run(script, desk: desk)
    #expect(desk.indexed.withLock { $0 } == ["/tmp", "/", "/usr/bin"])
    #expect(quoted.out.contains("A quote is not closed."))
    let other = await run("/index remove /tmp", "/index verify")
    #expect(other.out.contains("1 file left the index."))
    #expect(other.out.contains("The index agrees with itself."))
  }

  @Test("Completion offers commands, settings and source numbers")
  func completion() {
    let completer = REPLCompleter(models: { ["mini", "maxi"] }, sourceCount: { 2 })
    func offers(_ text: String) -> [String] { completer.complete(text, text.count).map(\.text) }
    #expect(offers("/mo") == ["/model", "/models"])
    #expect(offers("/model m") == ["maxi", "mini"])
    #expect(offers("/open ") == ["1", "2"])
    #expect(offers("/set te") == ["temperature"])
    #expect(offers("/set retrieval o") == ["off"])
    #expect(offers("/set model m") == ["maxi", "mini"])
    #expect(offers("/effort ") == ["high", "low", "medium"])
    #expect(offers("plain text") == [])
  }
}

import Foundation
import Glibc
import Testing

/// The REPL on a pseudo-terminal, as a user has it.
@Suite("The prompt on a terminal", .serialized)
struct TerminalSessionTests {
  private func open(
    _ place: EndToEndTests.Place, _ arguments: [String] = [], columns: Int = 80
  ) throws -> PseudoTerminal {
    let terminal = try PseudoTerminal(
      Program.carrel, arguments, environment: place.environment, columns: columns)
    return try #require(terminal)
  }

  @Test("Answers, shows sources, and leaves with Control-D, the terminal as it was")
  func conversation() throws {
    let place = try EndToEndTests.Place()
    _ = try place.run("index", "add", "docs")
    let terminal = try open(place, ["--max-tokens", "32", "--seed", "1"])
    #expect(terminal.wait(for: "2 files"))
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("What does the memory gatX\u{7F}e decide?\r")
    #expect(terminal.wait(for: "docs/gate.md"), "\(terminal.output)")
    #expect(terminal.wait(for: "written at"))
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/open 1\r")
    #expect(terminal.wait(for: "The memory gate decides"))
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("\u{1B}[A\u{1B}[A")
    #expect(terminal.wait(for: "What does the memory gate decide?"), "history")
    terminal.type("\u{15}\u{04}")
    #expect(terminal.exitCode() == 0)
    #expect(terminal.isCooked)
    let history = try String(
      contentsOfFile: place.folder.path + "/state/carrel/history", encoding: .utf8)
    #expect(history == "What does the memory gate decide?\n/open 1\n")
  }

  @Test("Control-C stops an answer and returns to the prompt; twice at the prompt leaves")
  func interrupt() throws {
    let place = try EndToEndTests.Place()
    let terminal = try open(
      place, ["--no-retrieval", "--max-tokens", "3000", "--temperature", "2", "--seed", "3"])
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("Write a very long story about a library and its readers.\r")
    // Past the prompt, the line break and the first words.
    _ = terminal.drain(seconds: 2)
    let pressed = Date()
    terminal.type("\u{03}")
    #expect(terminal.wait(for: "stopped"), "\(terminal.output)")
    #expect(terminal.wait(for: "carrel> "))
    #expect(Date().timeIntervalSince(pressed) < 1)
    terminal.type("\u{03}")
    #expect(terminal.wait(for: "To leave"))
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("\u{03}")
    #expect(terminal.exitCode() == 0)
    #expect(terminal.isCooked)
  }

  @Test("A pasted text with line breaks waits for Return")
  func paste() throws {
    let place = try EndToEndTests.Place()
    let terminal = try open(place)
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("\u{1B}[200~/help\n/bye\n\u{1B}[201~")
    #expect(terminal.exitCode(seconds: 1) == nil)
    #expect(!terminal.output.contains("Answers"), "\(terminal.output)")
    terminal.type("\u{03}/bye\r")
    #expect(terminal.exitCode() == 0)
  }

  @Test("Signals that end the program leave the terminal as it was", arguments: [SIGTERM, SIGHUP])
  func signals(number: Int32) throws {
    let place = try EndToEndTests.Place()
    let terminal = try open(place)
    #expect(terminal.wait(for: "carrel> "))
    #expect(!terminal.isCooked)
    terminal.signal(number)
    #expect(terminal.exitCode() == 128 + number)
    #expect(terminal.isCooked)
    #expect(terminal.output.contains("\u{1B}[?2004l"))
  }

  @Test("Works at twenty columns, and goes on after a resize")
  func narrow() throws {
    let place = try EndToEndTests.Place()
    let terminal = try open(place, columns: 20)
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/hepl\r")
    #expect(terminal.wait(for: "/help?"), "\(terminal.output)")
    terminal.resize(columns: 60, rows: 20)
    terminal.type("/bye\r")
    #expect(terminal.exitCode() == 0)
  }

  @Test("TERM=dumb gets neither escapes nor raw mode")
  func dumb() throws {
    let place = try EndToEndTests.Place()
    let environment = try place.environment.merging(["TERM": "dumb"]) { $1 }
    let terminal = try #require(
      PseudoTerminal(try Program.carrel, [], environment: environment))
    #expect(terminal.wait(for: "carrel> "))
    #expect(terminal.isCooked)
    terminal.type("/sources\n")
    #expect(terminal.wait(for: "There is no answer yet"))
    terminal.type("/bye\n")
    #expect(terminal.exitCode() == 0)
    #expect(!terminal.output.contains("\u{1B}"))
  }
}

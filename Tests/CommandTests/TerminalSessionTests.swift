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
    // The closing line wraps where its figures put it.
    #expect(terminal.wait(for: "written"))
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
    // With this seed the answer goes on to the limit: no machine is through with it so soon.
    let terminal = try open(
      place, ["--no-retrieval", "--max-tokens", "3000", "--temperature", "2", "--seed", "3"])
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("Write a very long story about a library and its readers.\r")
    // Past the prompt, the line break and the first words.
    _ = terminal.drain(seconds: 0.5)
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
    let terminal = try open(place, ["--retrieval", "off"])
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
    let terminal = try open(place, ["--retrieval", "off"])
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
    let terminal = try open(place, ["--retrieval", "off"], columns: 20)
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
      PseudoTerminal(
        try Program.carrel, ["--retrieval", "off"], environment: environment))
    #expect(terminal.wait(for: "carrel> "))
    #expect(terminal.isCooked)
    terminal.type("/sources\n")
    #expect(terminal.wait(for: "There is no answer yet"))
    terminal.type("/bye\n")
    #expect(terminal.exitCode() == 0)
    #expect(!terminal.output.contains("\u{1B}"))
  }

  @Test("Control-C while the prompt is read stops it, and the next question is answered")
  func interruptPrefill() throws {
    let place = try EndToEndTests.Place()
    let terminal = try open(
      place, ["--retrieval", "off", "--max-tokens", "8", "--context", "8192", "--kernels", "exact"])
    #expect(terminal.wait(for: "carrel> "))
    // The exact kernels read this for many seconds.
    let text = String(repeating: "The ferry waits for the tide at the north pier. ", count: 500)
    terminal.type("\u{1B}[200~\(text)\u{1B}[201~\r")
    #expect(terminal.wait(for: "prefill ", seconds: 60), "\(terminal.output.suffix(300))")
    terminal.type("\u{03}")
    #expect(terminal.wait(for: "stopped"), "\(terminal.output.suffix(300))")
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("Say yes.\r")
    #expect(terminal.wait(for: " written"), "\(terminal.output.suffix(300))")
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("\u{04}")
    #expect(terminal.exitCode() == 0)
    #expect(terminal.isCooked)
  }

  @Test("Control-C while indexing keeps the files that are finished")
  func interruptIndexing() throws {
    let place = try EndToEndTests.Place()
    for number in 0..<200 {
      let text = String(repeating: "Note \(number) about tides, ferries and bread.\n\n", count: 60)
      try text.write(
        toFile: "\(place.docs)/note\(number).md", atomically: true, encoding: .utf8)
    }
    let terminal = try open(place)
    #expect(terminal.wait(for: "Return: not now] "))
    terminal.type("\r")
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/index add \(place.docs)\r")
    #expect(terminal.wait(for: "indexing ", seconds: 60), "\(terminal.output.suffix(300))")
    terminal.type("\u{03}")
    #expect(terminal.wait(for: "stay in the index"), "\(terminal.output.suffix(300))")
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/bye\r")
    #expect(terminal.exitCode() == 0)
    #expect(try place.run("index", "verify").code == 0)
  }

  @Test("kill -9 in the middle of an answer loses none of it; the conversation goes on")
  func killAndResume() throws {
    let place = try EndToEndTests.Place()
    let arguments = ["--retrieval", "off", "--temperature", "2", "--seed", "3"]
    let terminal = try open(place, arguments + ["--max-tokens", "3000"])
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("Write a very long story about a library.\r")
    // Another process sees what is kept while the answer comes.
    var kept = ""
    let deadline = Date().addingTimeInterval(60)
    while kept.isEmpty, Date() < deadline {
      _ = terminal.drain(seconds: 0.1)
      let shown = try place.run("sessions", "show", "last", "--json")
      guard shown.code == 0 else { continue }
      let object = try JSONSerialization.jsonObject(with: Data(shown.output.utf8))
      let turns = (object as? [String: Any])?["turns"] as? [[String: Any]]
      #expect(turns?.first?["question"] as? String == "Write a very long story about a library.")
      kept = turns?.first?["answer"] as? String ?? ""
    }
    #expect(!kept.isEmpty)
    terminal.signal(SIGKILL)
    #expect(terminal.exitCode() == 128 + SIGKILL)

    let list = try place.run("sessions")
    #expect(list.output.contains("1 turn ") && list.output.contains("Write a very long story"))
    let resumed = try open(place, arguments + ["--resume", "last", "--max-tokens", "8"])
    #expect(resumed.wait(for: "> Write a very long story about a library."))
    #expect(resumed.wait(for: "The answer was stopped there"), "\(resumed.output.suffix(300))")
    #expect(resumed.wait(for: "carrel> "))
    resumed.type("And then?\r")
    #expect(resumed.wait(for: " written"), "\(resumed.output.suffix(300))")
    #expect(resumed.wait(for: "carrel> "))
    resumed.type("/sessions\r")
    #expect(resumed.wait(for: "2 turns"))
    resumed.type("/bye\r")
    #expect(resumed.wait(for: "carrel --resume "))
    #expect(resumed.exitCode() == 0)
    // Going on without keeping: what was kept stays as it is.
    let unkept = try place.run(
      "--retrieval", "off", "--max-tokens", "4", "--resume", "last", "--sessions", "off",
      input: "A third?\n/clear\nA fourth?\n")
    #expect(unkept.code == 0 && !unkept.output.isEmpty, "\(unkept.error)")
    #expect(try place.run("sessions").output.contains("2 turns"))
    let text = try place.run("sessions", "export", "last").output
    #expect(text.contains("*Cut off.*") && text.contains("## And then?"))
    #expect(!text.contains("third") && !text.contains("fourth"))
    #expect(try place.run("sessions", "remove", "last").code == 0)
    #expect(try place.run("sessions", "list", "--json").output == "{\"sessions\":[]}\n")
  }

  @Test("The settings file counts, its bad lines are named, and `history = off` writes none")
  func settingsFile() throws {
    let place = try EndToEndTests.Place()
    let path = place.folder.path + "/settings.conf"
    try "history = off\ntemprature = 1\nmax-tokens = 7\nretrieval = off\n".write(
      toFile: path, atomically: true, encoding: .utf8)
    let environment = try place.environment.merging(["CARREL_SETTINGS": path]) { $1 }
    let terminal = try #require(
      PseudoTerminal(try Program.carrel, [], environment: environment))
    #expect(terminal.wait(for: "did you mean `temperature`?"))
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/set\r")
    #expect(terminal.wait(for: "max-tokens   7"), "\(terminal.output)")
    terminal.type("Say yes.\r")
    #expect(terminal.wait(for: " written"), "\(terminal.output.suffix(300))")
    #expect(terminal.wait(for: "carrel> "))
    terminal.type("/bye\r")
    #expect(terminal.exitCode() == 0)
    #expect(
      !FileManager.default.fileExists(atPath: place.folder.path + "/state/carrel/history"))
  }
}

import Foundation
import Glibc
import Testing

/// Control-C while something else is waited for: another program, or a server.
@Suite("Control-C while the prompt waits", .serialized)
struct InterruptTests {
  /// How soon the prompt must be back.
  private static let limit = 0.1

  /// A Python script that answers lines on its standard input and ends with it.
  private final class Helper {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ arguments: [String]) throws {
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["python3", "-I", "-S"] + arguments
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { end() }

    func line() -> String {
      var data = Data()
      while !data.contains(10) {
        let more = output.fileHandleForReading.availableData
        if more.isEmpty { break }
        data.append(more)
      }
      return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    func end() {
      try? input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
  }

  /// Types Control-C and gives the seconds until the prompt is back.
  private func interrupt(_ terminal: PseudoTerminal, showing text: String) -> Double {
    let pressed = ContinuousClock.now
    terminal.type("\u{03}")
    #expect(terminal.wait(for: text), "\(terminal.output.suffix(300))")
    #expect(terminal.wait(for: "carrel> "), "\(terminal.output.suffix(300))")
    return pressed.duration(to: .now) / .seconds(1)
  }

  /// The machine may be busy: the best of three counts, and none takes a second.
  private func check(_ seconds: [Double], _ what: String) {
    #expect((seconds.min() ?? 1) < Self.limit && seconds.max() ?? 1 < 1, "\(what): \(seconds)")
  }

  @Test(
    "While passages are looked for: the prompt is back at once, and the next question is answered")
  func retrieval() throws {
    let place = try EndToEndTests.Place()
    _ = try place.run("index", "add", "docs")
    let terminal = try #require(
      PseudoTerminal(
        Program.carrel, ["--max-tokens", "8", "--seed", "1"], environment: place.environment))
    #expect(terminal.wait(for: "carrel> "))
    // Another program holds the places of readers in the index's log, as SQLite does while it recovers
    // the log after a crash: every search waits for it, for up to ten seconds.
    let script = """
      import fcntl, sys
      log = open(sys.argv[1] + "-shm", "r+b")
      fcntl.lockf(log, fcntl.LOCK_EX, 5, 123)
      print("held", flush=True)
      sys.stdin.read()
      """
    var seconds: [Double] = []
    for number in 0..<3 {
      let holder = try Helper(["-c", script, place.folder.path + "/index/carrel.sqlite"])
      #expect(holder.line() == "held")
      terminal.type("What does the memory gate decide?\r")
      #expect(terminal.wait(for: "retrieving"), "\(terminal.output.suffix(300))")
      // It must not end by itself.
      #expect(!terminal.drain(seconds: 0.3).contains("carrel> "))
      seconds.append(interrupt(terminal, showing: "stopped"))
      holder.end()
      // The search that nobody waits for any more ends now.
      _ = terminal.drain(seconds: 0.5)
      guard number == 2 else { continue }
      terminal.type("What does the memory gate decide?\r")
      #expect(terminal.wait(for: "docs/gate.md"), "\(terminal.output.suffix(300))")
      #expect(terminal.wait(for: "carrel> "))
    }
    check(seconds, "retrieval")
    terminal.type("/undo\r/bye\r")
    #expect(terminal.exitCode() == 0)
    #expect(terminal.isCooked)
  }

  @Test("While a model is fetched: the prompt is back at once, and the bytes that came are kept")
  func download() throws {
    let place = try EndToEndTests.Place()
    let hub = try Helper([
      GeneratedTextTests.root.path + "/Tests/RegistryTests/FakeHub/fakehub.py"
    ])
    let port = hub.line().split(separator: " ")[0]
    struct Case: Decodable {
      let `case`: Int
      let endpoint: String
      let repository: String
    }
    struct Stats: Decodable { let sent: [String: Int] }
    func get<Value: Decodable>(_ path: String) throws -> Value {
      let answer = try Program.run(
        "/usr/bin/env", ["curl", "-sS", "--noproxy", "*", "http://127.0.0.1:\(port)\(path)"])
      return try JSONDecoder().decode(Value.self, from: Data(answer.output.utf8))
    }
    // Four megabytes a second for each connection.
    let size = 12_000_000
    let served: Case = try get("/_new?seed=12&kind=kill&size=\(size)")
    let environment = try place.environment.merging([
      "HF_ENDPOINT": served.endpoint, "HF_HOME": place.folder.path + "/hub", "HF_TOKEN": "",
      "HF_HUB_OFFLINE": "", "no_proxy": "127.0.0.1", "http_proxy": "",
    ]) { $1 }
    let terminal = try #require(
      PseudoTerminal(
        Program.carrel, ["--retrieval", "off"], environment: environment))
    #expect(terminal.wait(for: "carrel> "))
    var seconds: [Double] = []
    for _ in 0..<3 {
      terminal.type("/pull \(served.repository)\r")
      #expect(terminal.wait(for: "fetching "), "\(terminal.output.suffix(600))")
      _ = terminal.drain(seconds: 0.2)
      seconds.append(interrupt(terminal, showing: "what came is kept"))
    }
    check(seconds, "download")
    let before: Stats = try get("/_stats?case=\(served.case)")
    let came = before.sent.values.reduce(0, +)
    #expect(came > 1_000_000 && came < size)
    terminal.type("/bye\r")
    #expect(terminal.exitCode() == 0)

    // Another process goes on from there; every byte that was kept is not fetched again.
    let rest = try Program.run(
      try Program.carrel, ["models", "pull", served.repository], environment: environment)
    #expect(rest.code == 0, "\(rest.error)")
    let after: Stats = try get("/_stats?case=\(served.case)")
    let repeated = after.sent.values.reduce(0, +) - size
    #expect(repeated < came / 2, "\(repeated) bytes came twice, of \(came)")
  }
}

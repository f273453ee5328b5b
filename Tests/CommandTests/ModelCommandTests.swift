import CarrelKit
import Foundation
import Synchronization
import Testing
import carrel

/// Commands about models, without any.
@MainActor @Suite("Commands about models")
struct ModelCommandTests {
  private func run(
    _ words: [String], terminal: Bool = false, answer: String? = nil, desk: FakeDesk = FakeDesk()
  ) async throws -> (code: Int32, out: String, error: String, removed: [String]) {
    let capture = Capture()
    let code = await CommandRunner(
      try CommandLineParser.parse(words), console: capture.console(), desk: desk,
      isTerminal: terminal, environment: [:], readLine: { answer }
    ).run()
    return (code, capture.out, capture.error, desk.removed.withLock { $0 })
  }

  @Test("Removing asks at a terminal and takes anything but yes for no")
  func asks() async throws {
    for answer in [nil, "", "n", "no", "maybe"] {
      let result = try await run(["models", "remove", "fake"], terminal: true, answer: answer)
      #expect(result.code == 0 && result.removed.isEmpty)
      #expect(result.error.contains("/models/fake/w.gguf"), "it says what would go")
      #expect(result.error.contains("Nothing was removed"))
    }
    for answer in ["y", "Yes"] {
      let result = try await run(["models", "remove", "fake"], terminal: true, answer: answer)
      #expect(result.code == 0 && result.removed == ["fake"])
    }
  }

  @Test("Without a terminal removing needs --yes, and gives one JSON document when asked")
  func yes() async throws {
    let refused = try await run(["models", "remove", "fake"], answer: "yes")
    #expect(refused.code == 2 && refused.removed.isEmpty)
    #expect(refused.error.contains("--yes"))
    let removed = try await run(["models", "remove", "fake", "--yes", "--json"])
    #expect(removed.removed == ["fake"])
    #expect(
      removed.out
        == #"{"id":"fake","freedBytes":2048,"files":["/models/fake/w.gguf"]}"# + "\n")
    let unknown = try await run(["models", "remove", "nothing", "--yes"])
    #expect(unknown.code == 4)
  }

  @Test(
    "Lines to embed are answered as soon as no other is there, and before a bad one is complained of"
  )
  func embedding() async throws {
    let lines = Mutex(["a", "b", "c", "bad", "d"].map { $0 == "bad" ? $0 : #"{"text":"\#($0)"}"# })
    let capture = Capture()
    let printed = Mutex<[Int]>([])
    let code = await CommandRunner(
      try CommandLineParser.parse(["embed"]), console: capture.console(), desk: FakeDesk(),
      environment: [:],
      readLine: {
        printed.withLock { $0.append(capture.out.split(separator: "\n").count) }
        return lines.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      },
      // The second line takes its time.
      hasLine: { lines.withLock { $0.count != 4 } }
    ).run()
    #expect(code == 1 && capture.error.contains("Line 4 of standard input"))
    #expect(printed.withLock { $0 } == [0, 1, 1, 1])
    #expect(capture.out.split(separator: "\n").count == 3)
  }

  @Test("A program that opens an editor does not teach it to ignore closed pipes")
  func editor() throws {
    let script = FileManager.default.temporaryDirectory
      .appending(path: "carrel-editor-\(UUID().uuidString)").path
    defer { unlink(script) }
    try "#!/bin/sh\ngrep SigIgn /proc/self/status > \"$1\"\n".write(
      toFile: script, atomically: true, encoding: .utf8)
    chmod(script, 0o700)
    setenv("VISUAL", script, 1)
    let before = signal(SIGPIPE, SIG_IGN)
    defer {
      signal(SIGPIPE, before)
      unsetenv("VISUAL")
    }
    let mask = try #require(ExternalEditor.edit("text")?.split(separator: "\t").last)
    // SIGPIPE is 13, the first signal the lowest bit.
    #expect(try #require(Int(mask, radix: 16)) & 1 << 12 == 0)
  }

  @Test("Amounts of memory and times are read as people write them")
  func quantities() {
    let bytes = ["8GiB": 8 << 30, "8g": 8 << 30, "500MB": 500 << 20, "1.5G": 3 << 29, "4096": 4096]
    for (text, value) in bytes { #expect(Quantity.bytes(text) == value, "\(text)") }
    for text in ["", "G", "-1G", "0", "8X", "1e9", "99999999T", "8 GiB", "nan"] {
      #expect(Quantity.bytes(text) == nil, "\(text)")
    }
    let times = ["30s": 30.0, "10m": 600, "2h": 7200, "45": 45, "0s": 0, "never": .infinity]
    for (text, value) in times { #expect(Quantity.seconds(text) == value, "\(text)") }
    for text in ["", "m", "-1s", "soon", "1d", "inf"] {
      #expect(Quantity.seconds(text) == nil, "\(text)")
    }
  }

  @Test("A time or an amount that is none is a usage error that shows the form")
  func badQuantities() {
    for words in [["--keep-alive", "soon"], ["models", "why", "--have", "lots"]] {
      let error = #expect(throws: UsageError.self) { try CommandLineParser.parse(words) }
      #expect(error?.message.contains("such as") == true)
    }
  }

  private func withFolder(_ name: String, _ text: String, _ body: (Workspace) throws -> Void) throws
  {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(text.utf8).write(to: folder.appending(path: name))
    try body(
      Workspace(
        WorkspaceSettings(
          settings: ["models": folder.path, "index": folder.path], force: false, environment: [:])))
  }

  @Test("Servers that endpoints.json names are listed with their host; a bad file is one line")
  func remote() throws {
    let entry = #"{"id":"office","url":"https://gpu.example/v1","model":"m"}"#
    try withFolder("endpoints.json", #"{"version":1,"endpoints":[\#(entry)]}"#) { workspace in
      let office = try #require(try workspace.models().first { $0.id == "office" })
      #expect(office.state == "remote" && office.host == "gpu.example" && office.path == nil)
      let text = Printing.models([office], console: Capture().console())
      #expect(text.contains("remote") && text.contains("gpu.example"))
    }
    try withFolder("endpoints.json", "{") { workspace in
      let models = try workspace.models()
      #expect(models.last?.state == "damaged" && models.last?.problem != nil)
    }
  }

  @Test(
    "The latest routing decisions are shown, the newest last; a line that cannot be read does not count"
  )
  func routes() throws {
    let lines = (1...7).map { number in
      #"{"choice":"m\#(number)","date":"2026-01-02T03:04:0\#(number)Z","features":{"contextTokens":0,"#
        + #""task":"meta","words":1},"generatedTokens":4,"promptTokens":32,"questionHash":"a","#
        + #""reason":"a greeting","seconds":0.5,"stop":"endOfTurn"}"#
    }
    try withFolder("routes.jsonl", lines.joined(separator: "\n") + "\nbroken\n") { workspace in
      let routes = workspace.recentRoutes(5)
      #expect(routes.map(\.choice) == ["m3", "m4", "m5", "m6", "m7"])
      let text = Printing.routes(routes)
      #expect(text.contains("  2026-01-02T03:04:07Z m7, 0.5 s: a greeting\n"))
      #expect(Printing.routes([]).isEmpty)
    }
  }
}

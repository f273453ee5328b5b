import CarrelKit
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
}

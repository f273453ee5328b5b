import Foundation
import Testing
import carrel

/// The built program with the starter models on a folder of documents.
@Suite("The program, end to end", .serialized)
struct EndToEndTests {
  /// A folder with documents, an index and a home of its own.
  final class Place {
    let folder: URL
    init() throws {
      folder = FileManager.default.temporaryDirectory.appending(path: "carrel-\(UUID().uuidString)")
      let documents = folder.appending(path: "docs")
      try FileManager.default.createDirectory(at: documents, withIntermediateDirectories: true)
      try Self.gate.write(
        to: documents.appending(path: "gate.md"), atomically: true, encoding: .utf8)
      try Self.index.write(
        to: documents.appending(path: "index.md"), atomically: true, encoding: .utf8)
    }
    deinit { try? FileManager.default.removeItem(at: folder) }

    var docs: String { folder.path + "/docs" }
    var environment: [String: String] {
      get throws {
        [
          "CARREL_MODELS": try Program.models, "CARREL_INDEX": folder.path + "/index",
          "HOME": folder.path, "XDG_STATE_HOME": folder.path + "/state", "TERM": "xterm-256color",
          "XDG_CONFIG_HOME": folder.path + "/config",
          "XDG_CACHE_HOME": folder.path + "/cache", "CARREL_SETTINGS": "",
          "NO_COLOR": "",
        ]
      }
    }

    func run(_ arguments: String..., input: String? = nil, extra: [String: String] = [:]) throws
      -> Program.Result
    {
      try Program.run(
        Program.carrel, arguments, input: input,
        environment: environment.merging(extra) { $1 }, directory: folder.path)
    }

    static let gate = """
      # The memory gate

      The memory gate decides which model is loaded. It compares what a model needs with what the
      machine has free, and picks the best model that fits. When nothing fits, the program ends with
      exit code 3 and shows the arithmetic.

      """
    static let index = """
      # The index

      Documents are cut into passages of a few hundred tokens. Every passage is stored in SQLite with
      its words and with a vector of 384 numbers. A file that did not change is not read again.

      """
  }

  @Test("A mapped file that is cut short ends the program with a sentence, not with a trace")
  func lostFile() throws {
    let place = try Place()
    let process = Process()
    process.executableURL = URL(filePath: try Program.carrel)
    process.environment = ProcessInfo.processInfo.environment.merging(try place.environment) { $1 }
    let (input, output, error) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, error)
    process.arguments = ["inspect", "tokens", "--model", try Program.models + "/" + Self.model]
    try process.run()
    // It answers: all handlers are there.
    try input.fileHandleForWriting.write(contentsOf: Data("{\"text\":\"a\"}\n".utf8))
    _ = output.fileHandleForReading.availableData
    kill(process.processIdentifier, SIGBUS)
    process.waitUntilExit()
    let said = String(
      decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationReason == .exit && process.terminationStatus == 1)
    #expect(said.contains("carrel: A file that was being read") && said.hasSuffix("again.\n"))
  }

  private static let model = "smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"

  @Test("Standard output that is full or closed ends the program with a sentence")
  func output() throws {
    let place = try Place()
    for (redirection, reason) in [(">/dev/full", "No space left"), (">&-", "Bad file descriptor")] {
      let result = try Program.run(
        "/bin/sh", ["-c", "exec \"$0\" models list --json \(redirection)", try Program.carrel],
        environment: place.environment, directory: place.folder.path)
      #expect(result.code == 1 && result.output.isEmpty)
      #expect(result.error.contains("Standard output cannot be written to: \(reason)"))
    }
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("index add reads documents once, search finds them, index remove forgets them")
  func indexing() throws {
    let place = try Place()
    let added = try place.run("index", "add", "docs")
    #expect(added.code == 0 && added.output == "")
    #expect(added.error.contains("2 added"), "\(added.error)")
    let again = try place.run("index", "add", "docs")
    #expect(again.error.contains("2 unchanged"), "\(again.error)")

    let status = try object(try place.run("index", "status", "--json").output)
    #expect(status["files"] as? Int == 2 && status["stale"] as? Int == 0)
    #expect((status["chunks"] as? Int ?? 0) >= 2)

    let found = try object(try place.run("search", "which model fits", "--json", "-k", "1").output)
    let hit = try #require((found["hits"] as? [[String: Any]])?.first)
    #expect((hit["path"] as? String)?.hasSuffix("gate.md") == true)
    #expect(hit["startLine"] as? Int == 1)
    let text = try #require(hit["text"] as? String)
    let start = try #require(hit["startByte"] as? Int)
    let end = try #require(hit["endByte"] as? Int)
    #expect(end - start > 0 && end <= Place.gate.utf8.count && text.contains("memory gate"))

    let shown = try place.run("search", "which model fits")
    #expect(shown.output.hasPrefix("[1] docs/gate.md:"), "\(shown.output)")
    #expect(!shown.output.contains("\u{1B}"))
    #expect(!(try place.run("search", "???").error.contains("words only")))

    try "changed\n".write(toFile: place.docs + "/index.md", atomically: true, encoding: .utf8)
    let stale = try object(try place.run("index", "status", "--json").output)
    #expect(stale["stale"] as? Int == 1)
    #expect(
      try place.run("index", "status").output.contains("1 file: `carrel index refresh` reads"))
    #expect(try place.run("index", "refresh").error.contains("1 updated"))
    #expect(try place.run("index", "verify").code == 0)
    #expect(try place.run("index", "remove", "docs").error.contains("2 files left the index"))
  }

  @Test("ask --json answers with citations and figures; the same seed gives the same text")
  func asking() throws {
    let place = try Place()
    _ = try place.run("index", "add", "docs")
    let question = "What does the memory gate decide?"
    let first = try place.run("ask", question, "--json", "--seed", "7", "--max-tokens", "48")
    #expect(first.code == 0, "\(first.error)")
    #expect(first.error == "")
    let answer = try object(first.output)
    #expect((answer["answer"] as? String)?.isEmpty == false)
    let stats = try #require(answer["stats"] as? [String: Any])
    #expect((stats["promptTokens"] as? Int ?? 0) > 50)
    #expect((stats["generatedTokens"] as? Int ?? 0) > 0)
    #expect((stats["peakMemoryBytes"] as? Int ?? 0) > 50_000_000)
    for citation in try #require(answer["citations"] as? [[String: Any]]) {
      #expect((citation["path"] as? String)?.contains("/docs/") == true)
    }
    let second = try object(
      try place.run("ask", question, "--json", "--seed", "7", "--max-tokens", "48").output)
    #expect(second["answer"] as? String == answer["answer"] as? String)
  }

  @Test("In a pipe each line is answered, with sources, and the end of input is exit 0")
  func pipe() throws {
    let place = try Place()
    _ = try place.run("index", "add", "docs")
    let result = try place.run(
      "--temperature", "0", "--max-tokens", "24",
      input: "What does the memory gate decide?\n\n/sources\n")
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.contains("[1] docs/"), "\(result.output)")
    #expect(!result.output.contains("carrel>"))
    for text in [result.output, result.error] {
      #expect(!text.contains("\u{1B}") && !text.contains("\r"))
    }
  }

  @Test(
    "Wrong words are exit 2, missing models 4, missing files 1; nothing of it on standard output")
  func codes() throws {
    let place = try Place()
    let nothing = ["CARREL_MODELS": place.folder.path + "/no-models"]
    let cases: [(Program.Result, Int32, String)] = [
      (try place.run("serch", "x"), 2, "Did you mean `search`?"),
      (try place.run("search", "x", "--limt", "3"), 2, "Did you mean `--limit`?"),
      (try place.run("inspect", "tokens"), 2, "--model FILE"),
      (try place.run("ask", "--no-retrieval", "x", extra: nothing), 4, "installed"),
      (try place.run("embed", input: "{\"text\":\"x\"}\n", extra: nothing), 4, "installed"),
      (try place.run("ask", "-m", "no-such-model", "x"), 4, "no-such-model"),
      (try place.run("index", "add", "nowhere"), 1, "nowhere"),
      (try place.run("inspect", "model", "docs/gate.md"), 1, "gate.md"),
    ]
    for (result, code, part) in cases {
      #expect(result.code == code, "\(result.error)")
      #expect(result.error.contains(part), "\(result.error)")
      #expect(result.output == "")
      #expect(result.error.split(separator: "\n").count == 1, "one sentence: \(result.error)")
    }
  }

  @Test("embed gives one unit vector a line, in order")
  func embedding() throws {
    let place = try Place()
    let result = try place.run("embed", input: "{\"text\":\"a desk\"}\n{\"text\":\"a library\"}\n")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2, "\(result.error)")
    for line in lines {
      let vector = try #require(try object(String(line))["embedding"] as? [Double])
      #expect(vector.count == 384)
      #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
    }
  }

  @Test("models, why and status have the documented forms")
  func models() throws {
    let place = try Place()
    let models = try object(try place.run("models", "--json").output)
    let listed = try #require(models["models"] as? [[String: Any]])
    let small = try #require(listed.first { $0["id"] as? String == "smollm2-135m-instruct-q4_1" })
    #expect(Set(small.keys).isSuperset(of: ["id", "role", "state", "path", "sizeBytes", "fits"]))
    let why = try object(try place.run("models", "why", "--json").output)
    let candidate = try #require((why["candidates"] as? [[String: Any]])?.first)
    #expect(
      Set(candidate.keys).isSuperset(of: ["id", "fits", "context", "needBytes", "terms", "reason"]))
    let terms = try #require(candidate["terms"] as? [String: Any])
    #expect(Set(terms.keys).isSuperset(of: ["weights", "kv", "scratch"]))
    #expect((why["have"] as? [String: Any])?["bytes"] is Int)
    let status = try object(try place.run("status", "--json").output)
    #expect(Set(status.keys).isSuperset(of: ["memory", "disk", "models", "index"]))
  }

  @Test("inspect tokens and logits read a model file")
  func inspection() throws {
    let place = try Place()
    let model =
      try Program.models + "/smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
    let tokens = try object(
      try place.run("inspect", "tokens", "--model", model, input: "{\"text\":\"hello world\"}\n")
        .output)
    #expect(tokens["ids"] as? [Int] == [28120, 905] && tokens["text"] as? String == "hello world")
    let logits = try object(
      try place.run("inspect", "logits", "--model", model, "--ids", "1,2,3", "--top", "5").output)
    let top = try #require(logits["top"] as? [[String: Any]])
    #expect(top.count == 5)
    let file = place.folder.path + "/logits.bin"
    let written = try place.run("inspect", "logits", "--model", model, "--ids", "1,2,3", "-o", file)
    #expect(written.code == 0)
    #expect(try Data(contentsOf: URL(filePath: file)).count == 49152 * 4)
  }

  @Test("A reader that goes away ends the program quietly")
  func brokenPipe() throws {
    let place = try Place()
    let carrel = try Program.carrel
    let result = try Program.run(
      "/bin/bash", ["-c", "set -o pipefail; '\(carrel)' man | head -n 1"],
      environment: try place.environment)
    #expect(result.output.hasPrefix(".TH CARREL"))
    #expect(result.code == 0 && result.error == "", "\(result.code) \(result.error)")
  }

  @Test("help and version need neither models nor index")
  func help() throws {
    let place = try Place()
    let nothing = ["CARREL_MODELS": "/nonexistent", "CARREL_INDEX": "/nonexistent"]
    #expect(try place.run("--version", extra: nothing).output == "carrel \(CommandTable.version)\n")
    for words in [
      ["--help"], ["help", "index", "add"], ["models", "--help"], ["help", "models"],
    ] {
      let result = try Program.run(
        Program.carrel, words, environment: place.environment.merging(nothing) { $1 })
      #expect(result.code == 0 && result.error == "" && result.output.contains("carrel"))
    }
  }
}

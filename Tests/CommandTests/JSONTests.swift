import CarrelKit
import Foundation
import Terminal
import Testing
import carrel

@Suite("JSON")
struct JSONTests {
  @Test(
    "Writes what others read",
    arguments: [
      (JSON.string("a\"\\\n\t\u{1}é\u{2028}\u{9B}"), #""a\"\\\n\t\u0001é\u2028\u009b""#),
      (.number(3), "3"), (.number(0.1), "0.1"), (.number(1e300), "1e+300"), (.number(.nan), "null"),
      (.single(0.1), "0.1"), (.integer(-7), "-7"), (.bool(true), "true"), (.null, "null"),
      (.array([]), "[]"), (.object([("a", .array([.null, .integer(1)]))]), #"{"a":[null,1]}"#),
      (.optional(nil as Int?), "null"), (.optional("x"), #""x""#),
    ])
  func writing(value: JSON, text: String) throws {
    #expect(value.text == text)
    _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }

  private func keys(_ json: JSON) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? [String: Any])
  }

  @Test("search has the documented form")
  func search() throws {
    let report = SearchReport(query: "q", sides: .lexical, hits: FakeDesk.hits, seconds: 1)
    let object = try keys(JSONForms.search(report))
    #expect(object["query"] as? String == "q" && object["mode"] as? String == "lexical")
    let hit = try #require((object["hits"] as? [[String: Any]])?.first)
    #expect(
      Set(hit.keys) == [
        "rank", "path", "startLine", "endLine", "startByte", "endByte", "score", "lexicalRank",
        "semanticRank", "text",
      ])
    #expect(hit["lexicalRank"] as? Int == 1 && hit["semanticRank"] is NSNull)
    #expect(hit["text"] as? String == FakeDesk.hits[0].text)
    #expect(object["scope"] is NSNull)
    #expect((object["corrected"] as? [String: String])?.isEmpty == true)
    let scoped = SearchReport(
      query: "q", sides: .lexical, hits: [], seconds: 1,
      scope: SearchScope(paths: ["/d"], types: ["md"], since: Date(timeIntervalSince1970: 86_400)),
      filesInScope: 4)
    let scope = try #require(try keys(JSONForms.search(scoped))["scope"] as? [String: Any])
    #expect(scope["in"] as? [String] == ["/d"] && scope["type"] as? [String] == ["md"])
    #expect(scope["since"] as? Double == 86_400 && scope["files"] as? Int == 4)
  }

  @Test("ask has the documented form")
  func ask() throws {
    let object = try keys(JSONForms.answer(FakeConversation.answer("text")))
    #expect(
      Set(object.keys).isSuperset(
        of: ["answer", "citations", "model", "route", "stop", "notices", "stats"]))
    let citation = try #require((object["citations"] as? [[String: Any]])?.first)
    #expect(
      Set(citation.keys).isSuperset(
        of: [
          "n", "path", "startLine", "endLine", "startByte", "endByte", "quote", "supported",
          "score", "agreement",
        ]))
    #expect(citation["supported"] as? Bool == false)
    let route = try #require(object["route"] as? [String: Any])
    #expect(Set(route.keys) == ["choice", "reason"])
    let stats = try #require(object["stats"] as? [String: Any])
    #expect(
      Set(stats.keys) == [
        "promptTokens", "cachedTokens", "generatedTokens", "draftedTokens",
        "prefillTokensPerSecond",
        "decodeTokensPerSecond", "peakMemoryBytes", "recoveries",
      ])
    #expect(object["stop"] as? String == "endOfTurn")
  }
}

@MainActor @Suite("Commands over a desk without models")
struct CommandRunnerTests {
  private func run(
    _ words: String..., input: [String] = [], desk: FakeDesk = FakeDesk(), quiet: Bool = false
  ) async throws -> (code: Int32, capture: Capture) {
    let capture = Capture()
    var lines = input[...]
    let runner = CommandRunner(
      try CommandLineParser.parse(words), console: capture.console(quiet: quiet), desk: desk,
      environment: [:], readLine: { lines.popFirst() })
    return (await runner.run(), capture)
  }

  @Test("Answers go to standard output, the rest to standard error")
  func streams() async throws {
    let (code, capture) = try await run("ask", "why", "so")
    #expect(code == 0)
    #expect(capture.out.hasPrefix("You asked: why so␛[2J [1?]\n\n[1] docs/a.md:3-9"))
    #expect(capture.error.contains("fake (it is the only one): 212 tokens read"))
    let (_, quiet) = try await run("ask", "why", quiet: true)
    #expect(quiet.error == "")
  }

  @Test("--json gives one document and nothing else")
  func json() async throws {
    for words in [
      ["ask", "x", "--json"], ["search", "x", "--json"], ["index", "status", "--json"],
    ] {
      let capture = Capture()
      let runner = CommandRunner(
        try CommandLineParser.parse(words), console: capture.console(), desk: FakeDesk())
      #expect(await runner.run() == 0)
      #expect(capture.out.split(separator: "\n").count == 1)
      _ = try JSONSerialization.jsonObject(with: Data(capture.out.utf8))
      #expect(capture.error == "", "\(words)")
    }
  }

  @Test("embed keeps the order and names a bad line")
  func embed() async throws {
    let (code, capture) = try await run("embed", input: [#"{"text":"ab"}"#, "", #"{"text":"c"}"#])
    #expect(code == 0)
    #expect(capture.out == "{\"embedding\":[2,0.5]}\n{\"embedding\":[1,0.5]}\n")
    let (bad, other) = try await run("embed", input: [#"{"text":"ab"}"#, "nonsense"])
    #expect(bad == 1)
    #expect(other.error.contains("Line 2"))
  }

  @Test("Errors end with their code")
  func codes() async throws {
    let missing = FakeDesk(failure: CarrelError(.notInstalled, "No model is installed."))
    #expect(try await run("ask", "x", desk: missing).code == 4)
    let large = FakeDesk(failure: CarrelError(.doesNotFit, "Nothing fits."))
    #expect(try await run("ask", "x", desk: large).code == 3)
    #expect(try await run("index", "verify", desk: large).code == 1)
    #expect(try await run("index", "add", "/no/such/path").code == 1)
  }

  @Test("Interrupted work is 130, other errors 1, with a full stop")
  func outcomes() {
    #expect(Sentences.outcome(of: CancellationError()).code == 130)
    struct Odd: Error, CustomStringConvertible { let description = "something odd" }
    #expect(Sentences.outcome(of: Odd()).message == "something odd.")
  }
}

@Suite("Printing")
struct PrintingTests {
  @Test("One is one file and one passage")
  func counts() {
    #expect([0, 1, 2000].map(Printing.files) == ["0 files", "1 file", "2,000 files"])
    #expect([1, 2].map(Printing.passages) == ["1 passage", "2 passages"])
  }

  @Test("Folds at spaces, keeps indentation, cuts what has no space")
  func folding() {
    #expect(Printing.fold("one two three", columns: 8) == ["one two", "three"])
    #expect(Printing.fold("    code here", columns: 9) == ["    code", "here"])
    #expect(Printing.fold("abcdefgh", columns: 3) == ["abc", "def", "gh"])
    #expect(Printing.fold("日本語", columns: 4) == ["日本", "語"])
    #expect(Printing.fold("", columns: 4) == [""])
    #expect(Printing.fold("exact fit", columns: 9) == ["exact fit"])
    #expect(Printing.fold("日", columns: 1) == ["日"])
  }

  @Test("A card folds under its values")
  func card() {
    #expect(
      Printing.card([("A", "one two"), ("Long", "x")], columns: 18) == "A     one two\nLong  x\n")
    #expect(
      Printing.card([("A", "one two three four")], columns: 15) == "A  one two\n   three four\n")
    #expect(
      Printing.card([("A long name", "one two"), ("", "x")], columns: 20)
        == "A long name\n  one two\n  x\n")
  }

  @Test("Places lose the beginning of the path where there is no room")
  func places() {
    #expect(Printing.place("a/b.md", 3, 9) == "a/b.md:3-9")
    #expect(Printing.place("a/b.md", 3, 3) == "a/b.md:3")
    #expect(Printing.place("very/long/path.md", 3, 9, columns: 12) == "…path.md:3-9")
    #expect(Printing.place("a\nb", 1, 1) == "a b:1")
    #expect(Printing.short("/h/u/x", directory: "/h/u/x", home: "/h/u") == "~/x")
    #expect(Printing.short("/h/u/x/y", directory: "/h/u/x", home: "/h/u") == "y")
  }
}

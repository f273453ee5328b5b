import Testing
import carrel

@Suite("Command line")
struct CommandLineTests {
  private func parse(_ line: String) throws(UsageError) -> Invocation {
    try CommandLineParser.parse(line.split(separator: " ").map(String.init))
  }

  private func failure(_ line: String) -> String? {
    do {
      _ = try parse(line)
      return nil
    } catch {
      return error.message
    }
  }

  @Test(
    "Finds the command wherever its options stand",
    arguments: [
      ("", ""), ("--models M", ""), ("index add a b", "index add"), ("search x", "search"),
      ("--models index search x", "search"), ("--threads 2 index status --json", "index status"),
      ("models", "models"), ("models why", "models why"), ("-q ask a", "ask"),
      ("inspect tokens --model f", "inspect tokens"), ("search -- --json", "search"),
      ("index --index D add p", "index add"), ("ask index add", "ask"),
    ])
  func command(line: String, name: String) throws {
    #expect(try parse(line).command.name == name)
  }

  @Test("Keeps arguments and options apart")
  func parts() throws {
    let found = try parse("search two words -k 3 --mode=lexical --json")
    #expect(found.arguments == ["two", "words"])
    #expect(found.integer("--limit") == 3)
    #expect(found.text("--mode") == "lexical")
    #expect(found.has("--json"))
    #expect(try parse("search -k5 x").integer("--limit") == 5)
    #expect(try parse("search -qk5 x").integer("--limit") == 5)
    #expect(try parse("search -- -k 5").arguments == ["-k", "5"])
    #expect(try parse("ask index add").arguments == ["index", "add"])
    #expect(try parse("ask ask").arguments == ["ask"])
    #expect(try parse("--seed 7 ask x --temperature 0").number("--temperature") == 0)
    #expect(
      try CommandLineParser.parse(["search", "", "x", "--index="].dropLast()).arguments == [
        "", "x",
      ])
  }

  @Test(
    "Says what is wrong and what was probably meant",
    arguments: [
      ("serch x", "Did you mean `search`?"), ("what is this", "To ask a question, use"),
      ("search x --limt 3", "Did you mean `--limit`?"), ("search", "needs QUERY"),
      ("search x --limit", "needs a value"),
      ("search x --limit many", "from 1 to 1000, not `many`"),
      ("search x --mode lexcal", "Did you mean `lexical`?"), ("index", "needs one of: add, status"),
      ("index ad x", "Did you mean `index add`?"), ("status extra", "does not know what to do"),
      ("status --json=yes", "takes no value"),
      ("search x --special", "`carrel inspect tokens` has it"),
      ("ask x --temperature hot", "takes a number from 0 to 10"), ("-Z", "no option `-Z`"),
      ("bench decode fast", "KIND takes one of"), ("ask -q -v x", "exclude each other"),
      ("index add --json p", "has no option `--json`"), ("search x --index=", "must not be empty"),
      ("search x --context -5", "from 64"), ("search x --type=", "endings of names"),
      ("ask x --type md,a/b", "not `md,a/b`"),
    ])
  func mistakes(line: String, part: String) {
    let message = failure(line)
    #expect(message?.contains(part) == true, "\(message ?? "no error")")
  }

  @Test("A question or an id of spaces is none")
  func blank() {
    for words in [["search", ""], ["ask", " ", "\t"], ["sessions", "show", ""]] {
      #expect { try CommandLineParser.parse(words) } throws: {
        ($0 as? UsageError)?.message.hasSuffix("must not be empty.") == true
      }
    }
  }

  @Test("Nearest words are slips, not guesses")
  func suggestions() {
    #expect(Suggestion.distance("search", "serach") == 1)
    #expect(Suggestion.distance("", "abc") == 3)
    #expect(Suggestion.nearest(to: "modle", among: ["model", "models"]) == "model")
    #expect(Suggestion.nearest(to: "xyz", among: ["model", "models"]) == nil)
  }

  @Test("Random words never trap")
  func random() {
    let words = [
      "index", "add", "-k", "--", "-", "--json", "--limit=3", "", "-kq", "--=", "=", "models", "5",
      "--help", "-h", "ask", "é", "--model", "help", "bench",
    ]
    var state: UInt64 = 88_172_645_463_325_252
    for _ in 0..<20_000 {
      var line: [String] = []
      for _ in 0..<4 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        line.append(words[Int(state % UInt64(words.count))])
      }
      _ = try? CommandLineParser.parse(line)
    }
  }

  @Test("Every example in the table makes sense", arguments: CommandTable.commands.map(\.name))
  func examples(name: String) throws {
    let command = try #require(CommandTable.commands.first { $0.name == name })
    #expect(!command.examples.isEmpty)
    for example in command.examples {
      let parsed = try CommandLineParser.parse(ShellWords.carrelCall(in: example) ?? ["no call"])
      let isItself =
        parsed.command.name == name || name == parsed.command.name + " list"
      #expect(isItself, "\(example)")
    }
  }

  @Test("No two options of a command share a name")
  func uniqueOptions() {
    for command in CommandTable.commands {
      let options = command.options + CommandTable.global
      let names = options.map(\.name) + options.compactMap(\.short)
      #expect(Set(names).count == names.count, "\(command.name)")
    }
  }
}

/// Just enough of a shell's quoting to read examples.
enum ShellWords {
  /// The words after `carrel` in a line, up to a pipe, redirection or comment; nil without a call.
  static func carrelCall(in line: String) -> [String]? {
    let all = split(line)
    guard let start = all.lastIndex(where: { $0 == "carrel" || $0.hasSuffix("/carrel") }) else {
      return nil
    }
    return Array(
      all[(start + 1)...].prefix { !["|", "<", ">", "&&", ";", "2>", "#", "\\", "&"].contains($0) })
  }

  static func split(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        isQuoted = true
      } else if character == " " {
        if !word.isEmpty || isQuoted { words.append(word) }
        word = ""
        isQuoted = false
      } else {
        word.append(character)
      }
    }
    return words + (word.isEmpty && !isQuoted ? [] : [word])
  }
}

import Foundation
import Terminal
import Testing
import carrel

@Suite("Help, manual page, completions, README")
struct GeneratedTextTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test("Help of the program names every command, option and exit code")
  func program() {
    let text = HelpText.program(width: 100)
    for command in CommandTable.commands {
      #expect(text.contains((["carrel"] + command.path).joined(separator: " ")))
    }
    for option in CommandTable.global { #expect(text.contains(option.name)) }
    for (code, meaning) in CommandTable.exitCodes {
      #expect(text.contains("\(code)") && text.contains(meaning))
    }
  }

  @Test(
    "Help of a command names its options and examples", arguments: CommandTable.commands.map(\.name)
  )
  func command(name: String) throws {
    let command = try #require(CommandTable.commands.first { $0.name == name })
    if command.path.isEmpty { return }
    let text = HelpText.command(command)
    for option in command.options { #expect(text.contains(option.usage)) }
    for example in command.examples { #expect(text.contains(example)) }
  }

  @Test("Help fits the screen", arguments: [40, 60, 80, 100])
  func width(columns: Int) {
    for command in CommandTable.commands {
      let text = HelpText.command(command, width: columns)
      for line in text.split(separator: "\n")
      where !line.hasPrefix("  carrel") && !line.contains("'") {
        #expect(DisplayWidth.of(line) <= columns, "\(line)")
      }
    }
  }

  @Test("The manual page names everything and has no line that roff would take for a request")
  func manual() {
    let page = ManualPage.text
    for command in CommandTable.commands where !command.path.isEmpty {
      #expect(
        page.contains(
          command.path.joined(separator: " ").replacingOccurrences(of: "-", with: "\\-")))
    }
    let requests = [".TH", ".SH", ".SS", ".B", ".TP", ".PP", ".br", ".nf", ".fi"]
    for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
      #expect(requests.contains { line == $0 || line.hasPrefix($0 + " ") }, "\(line)")
    }
  }

  @Test("Completion scripts name every command and option", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let script = try #require(ShellCompletions.script(for: shell))
    for command in CommandTable.commands {
      for word in command.path { #expect(script.contains(word)) }
      for option in command.options {
        #expect(script.contains(shell == "fish" ? "-l \(option.name.dropFirst(2))" : option.name))
      }
    }
    #expect(ShellCompletions.script(for: "tcsh") == nil)
  }

  @Test("The shells that are here accept their scripts", arguments: ["bash", "zsh", "fish"])
  func syntax(shell: String) throws {
    let script = try #require(ShellCompletions.script(for: shell))
    let found = ["/bin/", "/usr/bin/", "/usr/local/bin/"].map { $0 + shell }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    // bash is needed to build Carrel at all; the other two are tried where they are.
    guard let path = found else {
      #expect(shell != "bash", "no bash")
      return
    }
    let result = try Program.run(path, ["-n", "/dev/stdin"], input: script)
    #expect(result.code == 0, "\(result.error)")
  }

  @Test("bash completes commands, members, options and choices")
  func bashCompletes() throws {
    let script = try #require(ShellCompletions.script(for: "bash"))
    let cases = [
      ("carrel sea", "search"), ("carrel index re", "remove refresh rebuild"),
      ("carrel search --mo", "--mode --models"), ("carrel search --mode l", "lexical"),
      ("carrel bench de", "decode"), ("carrel completions f", "fish"),
    ]
    for (line, expected) in cases {
      let words = line.split(separator: " ").map { "'\($0)'" }
      let call = """
        \(script)
        COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1); _carrel
        echo "${COMPREPLY[@]}" | tr ' ' '\\n' | sort | xargs
        """
      let result = try Program.run("/bin/bash", [], input: call)
      let wanted = expected.split(separator: " ").sorted().joined(separator: " ")
      #expect(result.output == wanted + "\n", "\(line): \(result.output) \(result.error)")
    }
  }

  @Test("The README has the table of commands as it is")
  func readmeTable() throws {
    let text = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    #expect(text.contains(HelpText.markdown), "README.md should contain:\n\(HelpText.markdown)")
  }

  @Test("The README's example is the one that is built")
  func example() throws {
    let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    let example = try String(
      contentsOf: Self.root.appending(path: "Tests/LibraryExample/Sources/example/main.swift"),
      encoding: .utf8)
    #expect(readme.contains("```swift\n" + example + "```"))
  }

  @Test("Every carrel call in the README makes sense")
  func readme() throws {
    let path = Self.root.appending(path: "README.md")
    let text = try String(contentsOf: path, encoding: .utf8)
    var isCode = false
    var calls = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isCode.toggle()
        continue
      }
      let words = ShellWords.split(String(line))
      let first = words.first { $0 != "$" } ?? ""
      guard isCode, first == "carrel" || first.hasSuffix("/carrel"), line.contains("carrel") else {
        continue
      }
      guard let call = ShellWords.carrelCall(in: String(line)) else { continue }
      calls += 1
      do { _ = try CommandLineParser.parse(call) } catch {
        Issue.record("README: \(line): \(error.message)")
      }
    }
    #expect(calls > 0, "the README shows no call of carrel")
  }
}

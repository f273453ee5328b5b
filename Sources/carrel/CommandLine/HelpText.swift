import Terminal

/// Help made from the table of commands.
package enum HelpText {
  /// `carrel --help`.
  package static func program(style: Style = .none, width: Int = 80) -> String {
    var text = fold(
      "carrel \(CommandTable.version): local models that answer from your own documents", 0, width)
    text += "\n" + style.paint("Usage", .bold) + "\n"
    text += rows(
      CommandTable.commands.map { command in
        let words = ["carrel"] + command.path + command.arguments.map(\.usage)
        return (words.joined(separator: " "), command.summary)
      }, width)
    text += "\n" + style.paint("Options of every command", .bold) + "\n"
    text += options(CommandTable.global, width)
    text += "\n" + style.paint("Settings", .bold) + "\n"
    text += fold(
      "Each of these options is also a line `name = value` of the settings file and a /set of the "
        + "prompt: \(CommandTable.settings.map { String($0.name.dropFirst(2)) }.joined(separator: ", ")).",
      2, width, first: 2)
    text += "\n" + style.paint("Files", .bold) + "\n"
    text += rows(CommandTable.files.map { ($0.name, $0.meaning) }, width)
    text += "\n" + style.paint("Exit codes", .bold) + "\n"
    text += rows(CommandTable.exitCodes.map { (String($0.code), $0.meaning) }, width)
    text += "\n" + fold("`carrel COMMAND --help` explains a command, with examples.", 0, width)
    return text
  }

  /// `carrel COMMAND --help`; for a family (`index`), the list of its members.
  package static func command(_ command: CommandSpec, style: Style = .none, width: Int = 80)
    -> String
  {
    if command.path.isEmpty { return program(style: style, width: width) }
    if command.path.count == 1, !CommandTable.members(of: command.path[0]).isEmpty {
      return family(command.path[0], style: style, width: width)
    }
    var text = fold("\(command.usage)", 2, width) + "\n" + fold(command.summary, 0, width)
    if !command.discussion.isEmpty { text += "\n" + fold(command.discussion, 0, width) }
    if !command.options.isEmpty {
      text += "\n" + style.paint("Options", .bold) + "\n" + options(command.options, width)
    }
    text += "\n" + style.paint("Examples", .bold) + "\n"
    for example in command.examples { text += "  \(example)\n" }
    text += "\n" + fold("Options of every command: see `carrel --help`.", 0, width)
    return text
  }

  /// The commands as a Markdown table: the README has it, and a test compares.
  package static var markdown: String {
    "| command | what it does |\n|---|---|\n"
      + CommandTable.commands.map { command in
        let words = ["carrel"] + command.path + command.arguments.map(\.usage)
        return "| `\(words.joined(separator: " "))` | \(command.summary) |\n"
      }.joined()
  }

  /// The settings as a Markdown table, for the README too.
  package static var settingsMarkdown: String {
    "| setting | otherwise | what it does |\n|---|---|---|\n"
      + CommandTable.settings.map { option in
        let name = option.name.dropFirst(2) + (option.placeholder.map { " = \($0)" } ?? "")
        return "| `\(name)` | \(option.standard ?? "") | \(option.help) |\n"
      }.joined()
  }

  private static func family(_ name: String, style: Style, width: Int) -> String {
    let members = CommandTable.members(of: name)
    var text = "Usage\n"
    text += rows(
      members.map { command in
        (
          (["carrel"] + command.path + command.arguments.map(\.usage)).joined(separator: " "),
          command.summary
        )
      }, width)
    if CommandTable.command([name, "list"]) != nil {
      text += "\n`carrel \(name)` does what `carrel \(name) list` does.\n"
    }
    text += "\n" + style.paint("Examples", .bold) + "\n"
    for example in members.compactMap(\.examples.first) { text += "  \(example)\n" }
    return text
  }

  private static func options(_ options: [OptionSpec], _ width: Int) -> String {
    rows(options.map { ($0.usage, $0.help) }, width)
  }

  /// Two columns; on a narrow screen the second goes below the first.
  private static func rows(_ rows: [(String, String)], _ width: Int) -> String {
    let widest = rows.map { DisplayWidth.of($0.0) }.filter { $0 <= 34 }.max() ?? 0
    let left = min(widest, max(10, width / 2 - 4)) + 4
    var text = ""
    for (name, help) in rows {
      if width < 50 {
        text += fold(name, 2, width, first: 2) + fold(help, 6, width, first: 6)
        continue
      }
      var lines = fold(help, left, width).split(separator: "\n").map(String.init)
      if DisplayWidth.of(name) + 4 > left {
        text += "  \(name)\n" + lines.map { $0 + "\n" }.joined()
      } else {
        let first = lines.isEmpty ? "" : String(lines.removeFirst().drop { $0 == " " })
        text += DisplayWidth.pad("  " + name, to: left) + first + "\n"
        text += lines.map { $0 + "\n" }.joined()
      }
    }
    return text
  }

  /// Words folded at `width`, every row but the first indented; the first too in `rows`.
  package static func fold(_ text: String, _ indent: Int, _ width: Int, first: Int? = nil) -> String
  {
    var result = ""
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = String(
        repeating: " ", count: first ?? (result.isEmpty && indent == 2 ? 0 : indent))
      var isEmpty = true
      for word in paragraph.split(separator: " ") {
        if !isEmpty, DisplayWidth.of(line) + 1 + DisplayWidth.of(word) > width {
          result += line + "\n"
          line = String(repeating: " ", count: indent)
          isEmpty = true
        }
        line += (isEmpty ? "" : " ") + word
        isEmpty = false
      }
      result += line + "\n"
    }
    return result
  }
}

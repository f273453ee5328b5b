/// carrel(1) in roff, made from the table of commands.
package enum ManualPage {
  package static var text: String {
    var page = """
      .TH CARREL 1 "" "carrel \(CommandTable.version)" "User Commands"
      .SH NAME
      carrel \\- local models that answer from your own documents
      .SH SYNOPSIS

      """
    for command in CommandTable.commands {
      let words = ["carrel"] + command.path
      page += ".B \(escape(words.joined(separator: " ")))\n"
      page += escape((command.arguments.map(\.usage) + ["[OPTIONS]"]).joined(separator: " "))
      page += "\n.br\n"
    }
    page += """
      .SH DESCRIPTION
      Carrel picks a model by the memory that is free, indexes local documents, and answers questions
      from them with citations. It runs in one process, without a daemon and without the network.
      Answers go to standard output, everything else to standard error.
      .SH COMMANDS

      """
    for command in CommandTable.commands {
      page += ".SS \(escape(command.usage))\n\(escape(command.summary))\n"
      if !command.discussion.isEmpty { page += ".PP\n\(escape(command.discussion))\n" }
      page += options(command.options)
      page += ".PP\nExamples:\n.PP\n.nf\n"
      for example in command.examples { page += "    \(escape(example))\n" }
      page += ".fi\n"
    }
    page += ".SH OPTIONS OF EVERY COMMAND\n" + options(CommandTable.global)
    page += ".SH SETTINGS\n"
    page += escape(
      "These options are also lines `name = value` of the settings file, and names for /set at the "
        + "prompt. An option on the command line counts more than the environment, that more than "
        + "the file. A bad line is reported with its number and left out.")
    page += "\n"
    for option in CommandTable.settings {
      page += ".TP\n.B \(escape(String(option.name.dropFirst(2))))\n"
      page += escape("Otherwise: \(option.standard ?? "").") + "\n"
    }
    page += ".SH FILES\n"
    for (name, meaning) in CommandTable.files {
      page += ".TP\n.B \(escape(name))\n\(escape(meaning))\n"
    }
    page += ".SH EXIT STATUS\n"
    for (code, meaning) in CommandTable.exitCodes {
      page += ".TP\n.B \(code)\n\(escape(meaning))\n"
    }
    page += """
      .SH ENVIRONMENT
      .TP
      .B CARREL_MODELS, CARREL_INDEX
      Folders of models and index, unless the options say otherwise.
      .TP
      .B XDG_DATA_HOME, XDG_STATE_HOME, XDG_CONFIG_HOME
      Where models and index, the history of questions, and the settings lie by default.
      .TP
      .B CARREL_SETTINGS
      The settings file, instead of carrel/settings.conf in the user's folder of configurations.
      .TP
      .B NO_COLOR, TERM
      Any value of NO_COLOR, or TERM=dumb, turns colour off.
      .TP
      .B VISUAL, EDITOR
      Opened on the line being typed by Control-X Control-E.

      """
    return page
  }

  private static func options(_ options: [OptionSpec]) -> String {
    options.map { ".TP\n.B \(escape($0.usage))\n\(escape($0.help))\n" }.joined()
  }

  /// Backslashes, hyphens and leading dots mean something to roff.
  private static func escape(_ text: String) -> String {
    let escaped = text.map { character in
      switch character {
      case "\\": "\\e"
      case "-": "\\-"
      case "…": "..."
      default: String(character)
      }
    }.joined()
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}

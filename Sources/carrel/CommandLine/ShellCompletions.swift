/// Completion scripts for shells, made from the table of commands. They are static: nothing of
/// carrel runs while the user types.
package enum ShellCompletions {
  package static func script(for shell: String) -> String? {
    switch shell {
    case "bash": bash
    case "zsh": zsh
    case "fish": fish
    default: nil
    }
  }

  private static func optionNames(_ options: [OptionSpec]) -> [String] {
    options.flatMap { [$0.name] + ($0.short.map { [$0] } ?? []) }
  }

  private static func optionNames(of family: String) -> [String] {
    let commands = CommandTable.commands.filter { $0.path.first == family }
    var names: [String] = []
    for name in optionNames(commands.flatMap(\.options) + CommandTable.global)
    where !names.contains(name) {
      names.append(name)
    }
    return names
  }

  // MARK: bash

  private static var bash: String {
    var text = """
      # bash completion for carrel; source <(carrel completions bash)
      _carrel() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
        COMPREPLY=()
        case $previous in

      """
    for option in valueOptions {
      let names = ([option.name] + (option.short.map { [$0] } ?? [])).joined(separator: "|")
      switch option.kind {
      case .choice(let choices):
        text += "    \(names)) COMPREPLY=($(compgen -W '\(choices.joined(separator: " "))' -- "
        text += "\"$current\")); return;;\n"
      case .file: text += "    \(names)) COMPREPLY=($(compgen -f -- \"$current\")); return;;\n"
      case .folder: text += "    \(names)) COMPREPLY=($(compgen -d -- \"$current\")); return;;\n"
      default: text += "    \(names)) return;;\n"
      }
    }
    text += """
        esac
        local word family= member=
        for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
          case $word in
            -*) ;;
            *) if [ -z "$family" ]; then family=$word; elif [ -z "$member" ]; then member=$word; fi;;
          esac
        done
        case $family in
          "") COMPREPLY=($(compgen -W '\(CommandTable.families.joined(separator: " ")) \
      \(optionNames(CommandTable.commands[0].options + CommandTable.global).joined(separator: " "))' \
      -- "$current"));;

      """
    for family in CommandTable.families {
      let members = CommandTable.members(of: family).map { $0.path[1] }
      let options = optionNames(of: family).joined(separator: " ")
      var words = options
      if members.isEmpty {
        for argument in CommandTable.command([family])?.arguments ?? [] {
          if case .choice(let choices) = argument.kind {
            words += " " + choices.joined(separator: " ")
          }
        }
        text += "    \(family)) COMPREPLY=($(compgen -W '\(words)' -- \"$current\"));;\n"
      } else {
        text += """
              \(family)) if [ -z "$member" ]; then COMPREPLY=($(compgen -W '\
          \(members.joined(separator: " "))' -- "$current"))
                elif [[ $current == -* ]]; then COMPREPLY=($(compgen -W '\(options)' -- "$current"))
                else COMPREPLY=($(compgen -f -- "$current")); fi;;

          """
      }
    }
    return text + "  esac\n}\ncomplete -o filenames -F _carrel carrel\n"
  }

  private static var valueOptions: [OptionSpec] {
    var seen: Set<String> = []
    return (CommandTable.global + CommandTable.commands.flatMap(\.options)).filter {
      $0.takesValue && seen.insert($0.name).inserted
    }
  }

  // MARK: zsh

  private static var zsh: String {
    var text =
      "#compdef carrel\n# zsh completion for carrel; save as _carrel in a folder of $fpath\n"
    text += "_carrel() {\n  local -a commands\n  commands=(\n"
    for family in CommandTable.families {
      let summary =
        CommandTable.command([family])?.summary
        ?? CommandTable.members(of: family).map { $0.path[1] }.joined(separator: ", ")
      text += "    \(quoted("\(family):\(summary)"))\n"
    }
    text += "  )\n  local family=${words[2]} member=${words[3]}\n"
    text += "  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
    text += "    _describe command commands\n    return\n  fi\n  case \"$family $member\" in\n"
    for command in CommandTable.commands {
      let pattern =
        command.path.isEmpty
        ? "*" : command.path.count == 2 ? "'\(command.name)'" : "'\(command.name) '*"
      if command.path.isEmpty { continue }
      text += "    \(pattern)) _arguments \\\n"
      for option in command.options + CommandTable.global { text += zshOption(option) }
      let kind = command.arguments.last?.kind
      text +=
        "      \(quoted("*:\(command.arguments.last?.name.lowercased() ?? "word"):\(zshAction(kind))"))"
      text += "\n      ;;\n"
    }
    for family in CommandTable.families {
      let members = CommandTable.members(of: family)
      if members.isEmpty { continue }
      let names = members.map { quoted("\($0.path[1]):\($0.summary)") }.joined(separator: " ")
      text +=
        "    '\(family) '*) local -a members; members=(\(names)); _describe member members;;\n"
    }
    text += "    *) _arguments \\\n"
    for option in CommandTable.commands[0].options + CommandTable.global {
      text += zshOption(option)
    }
    return text + "      '*:word:'\n      ;;\n  esac\n}\n_carrel \"$@\"\n"
  }

  private static func zshOption(_ option: OptionSpec) -> String {
    let help = option.help.map { "[]:\\".contains($0) ? " " : String($0) }.joined()
    let value =
      option.placeholder.map { ":\($0.lowercased()):\(zshAction(option.kind))" } ?? ""
    let names = [option.name] + (option.short.map { [$0] } ?? [])
    return names.map { "      \(quoted("\($0)[\(help)]\(value)")) \\\n" }.joined()
  }

  private static func zshAction(_ kind: ValueKind?) -> String {
    switch kind {
    case .choice(let choices): "(\(choices.joined(separator: " ")))"
    case .file: "_files"
    case .folder: "_files -/"
    default: ""
    }
  }

  // MARK: fish

  private static var fish: String {
    var text = "# fish completion for carrel\ncomplete -c carrel -f\n"
    for option in CommandTable.global { text += fishOption(option, condition: nil) }
    for family in CommandTable.families {
      let summary =
        CommandTable.command([family])?.summary
        ?? CommandTable.members(of: family).map { $0.path[1] }.joined(separator: ", ")
      text += "complete -c carrel -n __fish_use_subcommand -a \(family) -d \(quoted(summary))\n"
      let members = CommandTable.members(of: family)
      let names = members.map { $0.path[1] }.joined(separator: " ")
      for member in members {
        let condition =
          "__fish_seen_subcommand_from \(family); and not __fish_seen_subcommand_from \(names)"
        text += "complete -c carrel -n '\(condition)' -a \(member.path[1]) "
        text += "-d \(quoted(member.summary))\n"
      }
    }
    for command in CommandTable.commands {
      let condition = command.path.map { "__fish_seen_subcommand_from \($0)" }
        .joined(separator: "; and ")
      for option in command.options {
        text += fishOption(
          option, condition: condition.isEmpty ? "__fish_use_subcommand" : condition)
      }
      for argument in command.arguments {
        switch argument.kind {
        case .file, .folder: text += "complete -c carrel -n '\(condition)' -F\n"
        case .choice(let choices):
          text += "complete -c carrel -n '\(condition)' -a '\(choices.joined(separator: " "))'\n"
        default: break
        }
      }
    }
    return text
  }

  private static func fishOption(_ option: OptionSpec, condition: String?) -> String {
    var text = "complete -c carrel"
    if let condition { text += " -n '\(condition)'" }
    text += " -l \(option.name.dropFirst(2))"
    if let short = option.short { text += " -s \(short.dropFirst())" }
    if option.takesValue { text += " -r" }
    switch option.kind {
    case .choice(let choices): text += " -a '\(choices.joined(separator: " "))'"
    case .file, .folder: text += " -F"
    default: break
    }
    return text + " -d \(quoted(option.help))\n"
  }

  /// Single quotes for a POSIX shell and for fish.
  private static func quoted(_ text: String) -> String {
    "'" + text.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
  }
}

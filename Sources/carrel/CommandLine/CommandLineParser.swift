import CarrelKit

/// Words in, `Invocation` out. Pure. Options may stand anywhere; `--name=value`, `--name value`,
/// `-k value`, `-k5` and switches run together (`-qv`) are understood; `--` ends options.
package enum CommandLineParser {
  package static func parse(_ words: [String]) throws(UsageError) -> Invocation {
    let command = try findCommand(words)
    var state = State(command: command)
    var rest = words[...]
    while let word = rest.popFirst() {
      if state.optionsEnded || word == "-" || !word.hasPrefix("-") {
        state.take(word)
      } else if word == "--" {
        state.optionsEnded = true
      } else if word.hasPrefix("--") {
        try long(word, &rest, &state)
      } else {
        try short(word, &rest, &state)
      }
    }
    if state.invocation.has("--help") || state.invocation.has("--version") {
      return state.invocation
    }
    return try checked(state.invocation)
  }

  private struct State {
    var invocation: Invocation
    var optionsEnded = false
    /// Words of the command's own name that are still to come.
    var pathLeft: ArraySlice<String>

    init(command: CommandSpec) {
      invocation = Invocation(command: command)
      pathLeft = command.path[...]
    }

    mutating func take(_ word: String) {
      if !optionsEnded, word == pathLeft.first {
        pathLeft.removeFirst()
      } else {
        pathLeft = []
        invocation.arguments.append(word)
      }
    }
  }

  /// The command that the first words name. Values of options are stepped over.
  private static func findCommand(_ words: [String]) throws(UsageError) -> CommandSpec {
    let plain = namingWords(words)
    guard let first = plain.first else { return CommandTable.commands[0] }
    guard CommandTable.families.contains(first) else {
      let nearest = Suggestion.nearest(to: first, among: CommandTable.families)
      let hint =
        nearest.map { " Did you mean `\($0)`?" } ?? " To ask a question, use `carrel ask`."
      throw UsageError("There is no command `\(first)`.\(hint)")
    }
    let members = CommandTable.members(of: first)
    if members.isEmpty { return CommandTable.command([first]) ?? CommandTable.commands[0] }
    let wantsHelp = words.contains("--help") || words.contains("-h")
    guard plain.count > 1 else {
      if let list = CommandTable.command([first, "list"]), !wantsHelp {
        return CommandSpec(family: first, like: list)
      }
      if wantsHelp { return CommandSpec(family: first, like: members[0]) }
      let names = members.map { $0.path[1] }.joined(separator: ", ")
      throw UsageError("`carrel \(first)` needs one of: \(names).", command: [first])
    }
    if let command = CommandTable.command([first, plain[1]]) { return command }
    let names = members.map { $0.path[1] }
    let hint =
      Suggestion.nearest(to: plain[1], among: names).map { "Did you mean `\(first) \($0)`?" }
      ?? "There are: \(names.joined(separator: ", "))."
    throw UsageError("There is no command `\(first) \(plain[1])`. \(hint)", command: [first])
  }

  /// The words that are neither options nor values of options. Before the command is known an option
  /// takes a value when every option of that name does.
  private static func namingWords(_ words: [String]) -> [String] {
    let all = CommandTable.global + CommandTable.commands.flatMap(\.options)
    var result: [String] = []
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" { break }
      if word.hasPrefix("-"), word != "-" {
        let spec = all.first { $0.name == word || $0.short == word }
        if spec?.takesValue == true { _ = rest.popFirst() }
      } else {
        result.append(word)
      }
    }
    return result
  }

  private static func long(
    _ word: String, _ rest: inout ArraySlice<String>, _ state: inout State
  ) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let command = state.invocation.command
    guard let option = options(of: command).first(where: { $0.name == name }) else {
      throw unknown(name, command)
    }
    if parts.count == 2 {
      guard option.takesValue else {
        throw UsageError("`\(name)` takes no value.", command: command.path)
      }
      try set(option, String(parts[1]), &state)
    } else {
      try set(option, takingFrom: &rest, &state)
    }
  }

  private static func short(
    _ word: String, _ rest: inout ArraySlice<String>, _ state: inout State
  ) throws(UsageError) {
    var letters = word.dropFirst()
    let command = state.invocation.command
    while let letter = letters.popFirst() {
      let name = "-\(letter)"
      guard let option = options(of: command).first(where: { $0.short == name }) else {
        throw unknown(name, command)
      }
      if option.takesValue, !letters.isEmpty {
        try set(option, String(letters.first == "=" ? letters.dropFirst() : letters), &state)
        return
      }
      try set(option, takingFrom: &rest, &state)
    }
  }

  private static func options(of command: CommandSpec) -> [OptionSpec] {
    command.options + CommandTable.global
  }

  private static func unknown(_ name: String, _ command: CommandSpec) -> UsageError {
    let known = options(of: command)
    let what = command.path.isEmpty ? "carrel" : "`carrel \(command.name)`"
    if let nearest = Suggestion.nearest(to: name, among: known.map(\.name)) {
      return UsageError(
        "\(what) has no option `\(name)`. Did you mean `\(nearest)`?", command: command.path)
    }
    let elsewhere = CommandTable.commands.first { other in
      other.options.contains { $0.name == name || $0.short == name }
    }
    let hint = elsewhere.map { " (`carrel \($0.name)` has it.)" } ?? ""
    return UsageError("\(what) has no option `\(name)`.\(hint)", command: command.path)
  }

  private static func set(
    _ option: OptionSpec, takingFrom rest: inout ArraySlice<String>, _ state: inout State
  ) throws(UsageError) {
    guard let placeholder = option.placeholder else {
      state.invocation.options[option.name] = ""
      return
    }
    guard let value = rest.popFirst() else {
      throw UsageError(
        "`\(option.name)` needs a value: \(option.name) \(placeholder).",
        command: state.invocation.command.path)
    }
    try set(option, value, &state)
  }

  private static func set(
    _ option: OptionSpec, _ value: String, _ state: inout State
  ) throws(UsageError) {
    try check(value, option.kind, name: "`\(option.name)`", state.invocation.command)
    state.invocation.options[option.name] = value
  }

  /// Whether a value is one of its kind; `name` begins the complaint.
  static func check(
    _ value: String, _ kind: ValueKind, name: String, _ command: CommandSpec
  ) throws(UsageError) {
    switch kind {
    case .integer(let range):
      if let number = Int(value), range.contains(number) { return }
      let upTo = range.upperBound == .max ? "" : " to \(range.upperBound)"
      throw UsageError(
        "\(name) takes a whole number from \(range.lowerBound)\(upTo), not `\(value)`.",
        command: command.path)
    case .number(let range):
      if let number = Double(value), range.contains(number) { return }
      throw UsageError(
        "\(name) takes a number from \(trim(range.lowerBound)) to \(trim(range.upperBound)), "
          + "not `\(value)`.", command: command.path)
    case .choice(let choices):
      if choices.contains(value) { return }
      let hint =
        Suggestion.nearest(to: value, among: choices).map { " Did you mean `\($0)`?" } ?? ""
      throw UsageError(
        "\(name) takes one of \(choices.joined(separator: ", ")), not `\(value)`.\(hint)",
        command: command.path)
    case .bytes:
      if Quantity.bytes(value) != nil { return }
      throw UsageError(
        "\(name) takes an amount of memory such as 8GiB or 500MiB, not `\(value)`.",
        command: command.path)
    case .duration:
      if Quantity.seconds(value) != nil { return }
      throw UsageError(
        "\(name) takes a time such as 30s, 10m or 2h, or never, not `\(value)`.",
        command: command.path)
    case .moment:
      if Moment.parse(value) != nil { return }
      throw UsageError(
        "\(name) takes \(Moment.expected); not `\(value)`.", command: command.path)
    case .types:
      let types = value.split(separator: ",").map(String.init)
      if !types.isEmpty, types.allSatisfy(SearchScope.isType) { return }
      throw UsageError(
        "\(name) takes endings of names such as md or md,txt, not `\(value)`.",
        command: command.path)
    case .file, .folder, .model:
      if value.isEmpty {
        throw UsageError("\(name) must not be empty.", command: command.path)
      }
    case .text: return
    }
  }

  private static func trim(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(value)
  }

  /// Arguments counted and checked.
  private static func checked(_ invocation: Invocation) throws(UsageError) -> Invocation {
    let command = invocation.command
    let needed = command.arguments.filter { !$0.isOptional }.count
    if invocation.arguments.count < needed {
      let missing = command.arguments[invocation.arguments.count]
      throw UsageError(
        "`carrel \(command.name)` needs \(missing.name): \(command.usage).", command: command.path)
    }
    if let last = command.arguments.last, last.repeats {
      // Any number may follow.
    } else if invocation.arguments.count > command.arguments.count {
      let extra = invocation.arguments[command.arguments.count]
      throw UsageError(
        "`carrel \(command.name)` does not know what to do with `\(extra)`.",
        command: command.path)
    }
    for (index, value) in invocation.arguments.enumerated() {
      guard
        let spec = command.arguments.indices.contains(index)
          ? command.arguments[index] : command.arguments.last
      else { continue }
      try check(value, spec.kind, name: spec.name, command)
    }
    if let spec = command.arguments.first, spec.kind == .text, !spec.isOptional,
      invocation.joined.allSatisfy(\.isWhitespace)
    {
      throw UsageError("\(spec.name) must not be empty.", command: command.path)
    }
    if invocation.has("--quiet"), invocation.has("--verbose") {
      throw UsageError("`--quiet` and `--verbose` exclude each other.", command: command.path)
    }
    return invocation
  }
}

extension CommandSpec {
  /// `carrel models`, which does what `models list` does, or stands for a family in help.
  init(family: String, like member: CommandSpec) {
    self.init(
      family, member.summary, arguments: member.arguments, options: member.options,
      discussion: member.discussion, examples: member.examples)
  }
}

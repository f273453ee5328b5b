/// A command line that makes sense: the command, its arguments, and options checked against the
/// table.
package struct Invocation: Sendable {
  package let command: CommandSpec
  package var arguments: [String] = []
  /// By long name; a switch has the value "".
  package var options: [String: String] = [:]

  package func has(_ name: String) -> Bool { options[name] != nil }
  package func text(_ name: String) -> String? { options[name] }
  package func integer(_ name: String) -> Int? { options[name].flatMap { Int($0) } }
  package func number(_ name: String) -> Double? { options[name].flatMap { Double($0) } }

  /// The values of settings by name, those of the settings file included.
  package var settings: [String: String] {
    var values: [String: String] = [:]
    for setting in Setting.all { values[setting.name] = text(setting.option.name) }
    if has("--no-retrieval") { values["retrieval"] = "off" }
    return values
  }

  /// All arguments as one text: a query that was not quoted.
  package var joined: String { arguments.joined(separator: " ") }
}

/// A command line that makes no sense, in one or two sentences.
package struct UsageError: Error, Equatable, CustomStringConvertible {
  package let message: String
  /// The command whose help would tell more; nil for the program.
  package let command: [String]?

  package init(_ message: String, command: [String]? = nil) {
    self.message = message
    self.command = command
  }

  package var description: String {
    let help = (["carrel"] + (command ?? []) + ["--help"]).joined(separator: " ")
    return "\(message) See `\(help)`."
  }
}

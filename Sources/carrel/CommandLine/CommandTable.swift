/// Every command, option and example. The one place to add or change them.
package enum CommandTable {
  package static let version = "0.1.0"

  /// Exit codes, as help and the manual page list them.
  package static let exitCodes: [(code: Int, meaning: String)] = [
    (0, "done"), (1, "failed"), (2, "the command line makes no sense"),
    (3, "no model fits in memory"), (4, "offline or not installed"), (130, "interrupted"),
  ]

  /// Files that are read and written, as help and the manual page list them.
  package static let files: [(name: String, meaning: String)] = [
    ("~/.config/carrel/settings.conf", "settings, lines of `name = value` (CARREL_SETTINGS)"),
    ("INDEX/sessions.db", "conversations that are kept, beside the index"),
    ("~/.cache/carrel/timelines", "what models have read; may be removed at any time"),
    ("~/.local/state/carrel/history", "lines typed at the prompt"),
  ]

  /// The options that are settings too, in the order of the prompt's options and the common ones.
  package static let settings: [OptionSpec] =
    ((commands.first?.options ?? []) + global).filter { $0.standard != nil }

  package static func command(_ path: [String]) -> CommandSpec? {
    commands.first { $0.path == path }
  }

  /// First words of all commands: `index`, `search`, …
  package static var families: [String] {
    var seen: [String] = []
    for first in commands.compactMap(\.path.first) where !seen.contains(first) {
      seen.append(first)
    }
    return seen
  }

  /// Second words of a family: `add`, `status`, … for `index`.
  package static func members(of family: String) -> [CommandSpec] {
    commands.filter { $0.path.first == family && $0.path.count > 1 }
  }
}

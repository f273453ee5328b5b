/// The shapes of the table of commands: data from which parsing, help, shell completions and the
/// manual page are all made, so that they cannot differ.

/// What an option or argument holds.
package enum ValueKind: Sendable, Equatable {
  case text
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  case choice([String])
  /// An amount of memory: 8GiB, 500MB, 4096M.
  case bytes
  /// A time: 30s, 10m, 2h, or never.
  case duration
  /// A day or a time, or how long ago: 2026-05-01, 2026-05-01T08:30, 7d, yesterday.
  case moment
  /// Endings of names, separated by commas: md,txt.
  case types
  /// Completed by the shell as a file or a folder.
  case file, folder
  /// Completed with the ids of installed models.
  case model
}

package struct OptionSpec: Sendable {
  /// Long name with its dashes: `--limit`.
  package let name: String
  /// Short name with its dash: `-k`.
  package let short: String?
  /// What the value is called in help; nil for a switch.
  package let placeholder: String?
  package let kind: ValueKind
  package let help: String
  /// What holds where nothing is said; not nil makes it a setting: a line of the settings file and
  /// a `/set` of the prompt have the same name.
  package let standard: String?

  package init(
    _ name: String, short: String? = nil, _ placeholder: String? = nil, _ kind: ValueKind = .text,
    help: String, standard: String? = nil
  ) {
    self.name = name
    self.short = short
    self.placeholder = placeholder
    self.kind = kind
    self.help = help
    self.standard = standard
  }

  package var takesValue: Bool { placeholder != nil }

  /// `-k, --limit N`
  package var usage: String {
    (short.map { $0 + ", " } ?? "") + name + (placeholder.map { " " + $0 } ?? "")
  }
}

package struct ArgumentSpec: Sendable {
  package let name: String
  package let kind: ValueKind
  package let isOptional: Bool
  /// More than one may follow. Repeated `text` is joined with spaces to one value.
  package let repeats: Bool

  package init(
    _ name: String, _ kind: ValueKind = .text, isOptional: Bool = false, repeats: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.isOptional = isOptional
    self.repeats = repeats
  }

  package var usage: String {
    let name = repeats ? name + "…" : name
    return isOptional ? "[\(name)]" : name
  }
}

package struct CommandSpec: Sendable {
  /// The words that call it: `["index", "add"]`; empty for the REPL.
  package let path: [String]
  package let summary: String
  package let arguments: [ArgumentSpec]
  package let options: [OptionSpec]
  /// Further help, whole paragraphs.
  package let discussion: String
  /// Whole command lines, without comment.
  package let examples: [String]

  package init(
    _ path: String, _ summary: String, arguments: [ArgumentSpec] = [], options: [OptionSpec] = [],
    discussion: String = "", examples: [String]
  ) {
    self.path = path.split(separator: " ").map(String.init)
    self.summary = summary
    self.arguments = arguments
    self.options = options
    self.discussion = discussion
    self.examples = examples
  }

  package var name: String { path.joined(separator: " ") }

  /// `carrel index add PATH… [OPTIONS]`
  package var usage: String {
    (["carrel"] + path + arguments.map(\.usage) + ["[OPTIONS]"]).joined(separator: " ")
  }
}

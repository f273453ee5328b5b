/// Colours and weights, or their absence. Everything that colours text asks here, so that
/// `NO_COLOR`, `TERM=dumb`, a pipe and `--color` are decided once.
///
/// Escape sequences emitted here: SGR `ESC[1m` bold, `ESC[2m` dim, `ESC[3m` italic, `ESC[4m`
/// underline, `ESC[31m … ESC[36m` colours, `ESC[0m` reset; OSC 8 links, `ESC]8;;URL ESC\`.
package struct Style: Sendable, Equatable {
  /// What `--color` says.
  package enum Choice: String, Sendable, CaseIterable { case auto, always, never }

  package enum Tint: String, Sendable {
    case plain = "0"
    case bold = "1"
    case dim = "2"
    case italic = "3"
    case underline = "4"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  package let isEnabled: Bool
  package init(isEnabled: Bool) { self.isEnabled = isEnabled }

  /// No colour at all.
  package static let none = Style(isEnabled: false)

  /// A choice made on the command line wins; then `NO_COLOR` (any non-empty value,
  /// https://no-color.org), `TERM=dumb` and a destination that is no terminal turn colour off.
  package static func resolve(
    _ choice: Choice, isTerminal: Bool, environment: [String: String]
  ) -> Style {
    switch choice {
    case .always: return Style(isEnabled: true)
    case .never: return .none
    case .auto:
      if let value = environment["NO_COLOR"], !value.isEmpty { return .none }
      let term = environment["TERM"] ?? ""
      return Style(isEnabled: isTerminal && term != "dumb" && !term.isEmpty)
    }
  }

  /// `text` in `tint`, or as it is when colour is off.
  package func paint(_ text: String, _ tint: Tint) -> String {
    isEnabled && tint != .plain && !text.isEmpty ? "\u{1B}[\(tint.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A clickable link where the terminal has them, plain text elsewhere. `text` and `url` must
  /// already be clean.
  package func link(_ text: String, to url: String) -> String {
    isEnabled ? "\u{1B}]8;;\(url)\u{1B}\\\(text)\u{1B}]8;;\u{1B}\\" : text
  }
}

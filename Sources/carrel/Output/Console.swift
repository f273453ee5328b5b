import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Where output goes and how it may look, decided once: answers to standard output, everything else
/// to standard error.
package struct Console: Sendable {
  package typealias Sink = @Sendable (String) -> Void

  private let outSink: Sink
  private let errorSink: Sink
  /// Colours of standard output, and of standard error.
  package let style: Style
  package let errorStyle: Style
  /// Columns to fold answers at; nil where nothing should be folded.
  package let columns: @Sendable () -> Int?
  package let isQuiet: Bool
  package let isVerbose: Bool
  /// The line that says what is going on and goes away.
  package let status: StatusLine

  package init(
    out: @escaping Sink, error: @escaping Sink, style: Style = .none, errorStyle: Style = .none,
    columns: @escaping @Sendable () -> Int? = { nil }, isQuiet: Bool = false,
    isVerbose: Bool = false, status: StatusLine = StatusLine(isLive: false, isSilent: true)
  ) {
    outSink = out
    errorSink = error
    self.style = style
    self.errorStyle = errorStyle
    self.columns = columns
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
    self.status = status
  }

  /// The console of this process. `plain` leaves out colour and folding whatever the terminal can:
  /// for the REPL on a pipe.
  package static func standard(
    color: Style.Choice, quiet: Bool, verbose: Bool, plain: Bool,
    environment: [String: String]
  ) -> Console {
    let outIsTerminal = TerminalDevice.isTerminal(STDOUT_FILENO)
    let errorIsTerminal = TerminalDevice.isTerminal(STDERR_FILENO)
    let isDumb = (environment["TERM"] ?? "dumb") == "dumb"
    let style =
      plain && color == .auto
      ? Style.none : Style.resolve(color, isTerminal: outIsTerminal, environment: environment)
    let errorStyle =
      plain && color == .auto
      ? Style.none : Style.resolve(color, isTerminal: errorIsTerminal, environment: environment)
    return Console(
      out: { text in
        guard !FileOutput.print(text, to: STDOUT_FILENO) else { return }
        let failure = errno
        TerminalDevice.restore()
        // The reader is gone (`| head`): there is nobody left to write for.
        if failure == EPIPE { _exit(0) }
        let reason = String(cString: strerror(failure))
        FileOutput.print(
          "carrel: Standard output cannot be written to: \(reason).\n", to: STDERR_FILENO)
        _exit(1)
      },
      error: { FileOutput.print($0, to: STDERR_FILENO) },
      style: style, errorStyle: errorStyle,
      columns: {
        outIsTerminal && !plain ? TerminalDevice.size(of: STDOUT_FILENO).columns : nil
      },
      isQuiet: quiet, isVerbose: verbose,
      status: StatusLine(
        isLive: errorIsTerminal && !isDumb && !plain, isSilent: quiet, style: errorStyle))
  }

  /// To standard output as it is. The caller has cleaned what is not its own.
  package func write(_ text: String) {
    if !text.isEmpty { outSink(text) }
  }

  package func line(_ text: String = "") { outSink(text + "\n") }

  package func json(_ document: JSON) { outSink(document.text + "\n") }

  /// A remark on standard error, unless `--quiet`. The text is cleaned here; a label before it is not.
  package func remark(_ text: String, _ tint: Style.Tint = .plain, label: String = "") {
    if isQuiet { return }
    status.clear()
    errorSink(label + errorStyle.paint(Sanitizer.clean(text), tint) + "\n")
  }

  /// A remark for `--verbose` only.
  package func detail(_ text: String) {
    if isVerbose { remark(text, .dim) }
  }

  /// An error, which no flag silences.
  package func failure(_ text: String) {
    status.clear()
    errorSink(errorStyle.paint("carrel:", .red) + " " + Sanitizer.clean(text) + "\n")
  }
}

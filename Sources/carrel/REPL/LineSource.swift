import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Where the REPL's lines come from.
@MainActor package protocol LineSource: AnyObject {
  /// Somebody sits at a keyboard: prompts, greetings and hints are welcome.
  var isInteractive: Bool { get }
  func next(prompt: String, text: String) -> LineEditor.Event
  /// Begins or ends keeping the lines typed from now on.
  func setHistory(isOn: Bool)
  /// Colours of the prompt from now on.
  func setStyle(_ style: Style)
}

extension LineSource {
  package func setHistory(isOn: Bool) {}
  package func setStyle(_ style: Style) {}
}

/// A terminal, with editing.
@MainActor package final class EditedLines: LineSource {
  private let reader: TerminalLineReader
  package let isInteractive = true

  package init(history: History, style: Style, completer: @escaping LineEditor.Completer) {
    let editor = LineEditor(history: history, style: style, completer: completer)
    reader = TerminalLineReader(editor: editor, external: ExternalEditor.edit)
  }

  package func next(prompt: String, text: String) -> LineEditor.Event {
    reader.readLine(prompt: prompt, text: text)
  }

  package func setHistory(isOn: Bool) { reader.setHistoryEnabled(isOn) }
  package func setStyle(_ style: Style) { reader.setStyle(style) }
}

/// A pipe or a file; or a terminal that cannot move its cursor, then with a prompt.
@MainActor package final class PlainLines: LineSource {
  private var reader = PlainLineReader()
  package let isInteractive: Bool

  package init(isInteractive: Bool = false) { self.isInteractive = isInteractive }

  package func next(prompt: String, text: String) -> LineEditor.Event {
    if isInteractive { FileOutput.print(prompt, to: STDOUT_FILENO) }
    return reader.nextSubmission().map { .submitted($0) } ?? .endOfInput
  }
}

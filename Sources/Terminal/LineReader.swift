#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Whole lines from a descriptor, for pipes, files and terminals that cannot move the cursor.
/// The continuation rules are those of the prompt.
package struct PlainLineReader: Sendable {
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var isAtEnd = false

  package init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

  /// The next line without its line break, nil at the end. Invalid UTF-8 becomes U+FFFD.
  package mutating func next() -> String? {
    var searched = 0
    while true {
      if let index = pending[searched...].firstIndex(of: 0x0A) {
        var line = pending[..<index]
        if line.last == 0x0D { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        pending.removeFirst(index + 1)
        return text
      }
      searched = pending.count
      if isAtEnd {
        guard !pending.isEmpty else { return nil }
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
      }
      fill()
    }
  }

  /// The next question: lines joined while a `"""` is open or a backslash ends the line.
  package mutating func nextSubmission() -> String? {
    guard let first = next() else { return nil }
    // The first line tells what the last must have: looking at all of them each time costs far too much.
    var lines = [first]
    var isOpen = Continuation.isOpen(first)
    let isFenced = Continuation.isFenced(first)
    while isOpen, let line = next() {
      lines.append(line)
      isOpen = Continuation.isOpen(after: line, isFenced: isFenced)
    }
    return Continuation.submission(lines.joined(separator: "\n"))
  }

  /// Whether `next` gives something without waiting for whoever writes.
  package mutating func hasLine() -> Bool {
    while !isAtEnd, !pending.contains(0x0A) {
      var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&source, 1, 0) > 0 else { return false }
      fill()
    }
    return !pending.isEmpty
  }

  private mutating func fill() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { isAtEnd = true } else { pending += chunk.prefix(count) }
      return
    }
  }
}

/// Runs a `LineEditor` on standard input and output: the loop for callers that have none.
package final class TerminalLineReader {
  package private(set) var editor: LineEditor
  private let monitor = SignalMonitor.shared
  /// Opens an editor on the text and gives what was saved, or nil.
  private let external: (String) -> String?

  package init(editor: LineEditor, external: @escaping (String) -> String? = { _ in nil }) {
    self.editor = editor
    self.external = external
  }

  package func setHistoryEnabled(_ isEnabled: Bool) { editor.history.isEnabled = isEnabled }

  package func setStyle(_ style: Style) { editor.setStyle(style) }

  /// Blocks until a line is submitted, interrupted or ended. Suspension and the external editor
  /// happen inside. At the end of input (the terminal went away) gives `endOfInput`.
  package func readLine(prompt: String, text: String = "") -> LineEditor.Event {
    var text = text
    var isResumed = false
    while true {
      monitor.setMode(.editing)
      let event = edit(prompt: prompt, text: text, resume: isResumed)
      monitor.setMode(.working)
      switch event {
      case .suspended:
        monitor.suspend()
        isResumed = true
      case .editExternally(let current):
        monitor.setMode(.original)
        text = external(current) ?? current
        isResumed = false
      default: return event
      }
    }
  }

  private func edit(prompt: String, text: String, resume: Bool) -> LineEditor.Event {
    let size = TerminalDevice.size(of: STDOUT_FILENO)
    var reply = editor.start(
      prompt: prompt, width: size.columns, height: size.rows, text: text, resume: resume)
    FileOutput.print(reply.output, to: STDOUT_FILENO)
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      if let event = reply.event { return event }
      var sources = [
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
        pollfd(fd: monitor.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&sources, 2, editor.isPending ? 50 : -1)
      if ready < 0 {
        if errno == EINTR { continue }
        return .endOfInput
      }
      if ready == 0 {
        reply = editor.timeout()
      } else if sources[1].revents & Int16(POLLIN) != 0 {
        reply = LineEditor.Reply(output: signalled(monitor.nextEvent()))
      } else {
        let count = read(STDIN_FILENO, &chunk, chunk.count)
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        if count <= 0 { return .endOfInput }
        reply = editor.feed(chunk.prefix(count))
      }
      FileOutput.print(reply.output, to: STDOUT_FILENO)
    }
  }

  private func signalled(_ event: SignalMonitor.Event?) -> String {
    let size = TerminalDevice.size(of: STDOUT_FILENO)
    switch event {
    case .resized, .continued: return editor.resize(width: size.columns, height: size.rows)
    case nil: return ""
    }
  }
}

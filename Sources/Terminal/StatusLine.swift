#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif
import Synchronization

/// One line on standard error that says what is going on and goes away. On a terminal it is
/// rewritten in place, at most ten times a second; anywhere else it becomes whole lines, at most one
/// in five seconds, so that a log stays readable. `TERM=dumb` counts as anywhere else.
///
/// Escape sequences: CR and `ESC[K` only.
package final class StatusLine: Sendable {
  private struct State {
    var isShown = false
    var last = -Double.infinity
    var lastText = ""
  }
  private let state = Mutex(State())
  private let descriptor: Int32
  private let style: Style
  /// In place, as opposed to line after line.
  package let isLive: Bool
  /// Nothing at all (`--quiet`).
  private let isSilent: Bool
  /// Seconds between two lines.
  private let interval: Double

  package init(
    descriptor: Int32 = STDERR_FILENO, isLive: Bool, isSilent: Bool = false, style: Style = .none,
    interval: Double? = nil
  ) {
    self.interval = interval ?? (isLive ? 0.1 : 5)
    self.descriptor = descriptor
    self.isLive = isLive
    self.isSilent = isSilent
    self.style = style
    // What is over within the first interval leaves no line in a log.
    if !isLive { state.withLock { $0.last = Clock.seconds() } }
  }

  /// Shows `text`, unless something else was shown a moment ago; `now` forces it on a terminal.
  package func show(_ text: String, now isUrgent: Bool = false) {
    if isSilent { return }
    let time = Clock.seconds()
    state.withLock { state in
      guard isLive && isUrgent || time - state.last >= interval,
        text != state.lastText || isLive && !state.isShown
      else {
        return
      }
      state.last = time
      state.lastText = text
      if isLive {
        let columns = TerminalDevice.size(of: descriptor).columns
        // One column short: the last one would make some terminals wrap.
        let line = DisplayWidth.truncate(Sanitizer.line(text), to: max(1, columns - 1))
        FileOutput.print("\r" + style.paint(line, .dim) + "\u{1B}[K", to: descriptor)
        state.isShown = true
      } else {
        FileOutput.print(Sanitizer.line(text) + "\n", to: descriptor)
      }
    }
  }

  /// Takes the line off the screen, if it is there.
  package func clear() {
    state.withLock { state in
      if state.isShown { FileOutput.print("\r\u{1B}[K", to: descriptor) }
      state.isShown = false
      state.lastText = ""
      state.last = isLive ? -Double.infinity : state.last
    }
  }
}

package enum Clock {
  /// Seconds on the monotonic clock.
  package static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The terminal behind a descriptor and its modes. Whatever happens, the settings found at the first
/// change are put back: at `exit`, on fatal signals (a handler installed here), and by
/// `SignalMonitor` on the signals that stop or end the process.
package enum TerminalDevice {
  package enum Mode: Sendable, Equatable {
    /// As it was found.
    case original
    /// For editing: every byte as it comes, no echo, no signals from keys, output untouched.
    case editing
    /// While working: no echo, typed bytes wait unread for the next line, Control-C is a signal.
    case working
  }

  package struct Size: Sendable, Equatable {
    package let columns: Int
    package let rows: Int
    package init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }
  }

  package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// The window's size; 80 by 24 when the terminal does not say.
  package static func size(of descriptor: Int32) -> Size {
    var window = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
      return Size(columns: 80, rows: 24)
    }
    return Size(columns: Int(window.ws_col), rows: max(1, Int(window.ws_row)))
  }

  /// Changes the mode. False when `descriptor` is no terminal.
  @discardableResult
  package static func set(_ mode: Mode, on descriptor: Int32) -> Bool {
    if !Saved.isKept.pointee {
      guard isatty(descriptor) == 1, tcgetattr(descriptor, Saved.settings) == 0 else {
        return false
      }
      Saved.descriptor.pointee = descriptor
      Saved.isKept.pointee = true
      atexit { TerminalDevice.restore() }
      Saved.guardAgainstCrashes()
    }
    var settings = Saved.settings.pointee
    switch mode {
    case .original: break
    case .editing:
      settings.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INLCR | INPCK | ISTRIP | IXON)
      settings.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
      settings.c_cflag |= tcflag_t(CS8)
    case .working:
      settings.c_lflag &= ~tcflag_t(ECHO | ICANON)
    }
    withUnsafeMutablePointer(to: &settings.c_cc) {
      $0.withMemoryRebound(to: cc_t.self, capacity: Int(NCCS)) {
        if mode != .original {
          $0[Int(VMIN)] = 1
          $0[Int(VTIME)] = 0
        }
      }
    }
    Saved.isChanged.pointee = mode != .original
    Saved.isEditing.pointee = mode == .editing
    // Control characters typed while the mode changes stay in the queue.
    return tcsetattr(descriptor, TCSADRAIN, &settings) == 0
  }

  /// Puts the found settings back and turns bracketed paste off. Async-signal-safe: only
  /// `tcsetattr` and `write` on memory allocated beforehand.
  package static func restore() {
    guard Saved.isKept.pointee, Saved.isChanged.pointee else { return }
    Saved.isChanged.pointee = false
    if Saved.isEditing.pointee {
      _ = write(Saved.descriptor.pointee, Saved.farewell, Saved.farewellCount)
      Saved.isEditing.pointee = false
    }
    _ = tcsetattr(Saved.descriptor.pointee, TCSADRAIN, Saved.settings)
  }
}

/// What must be reachable from a signal handler, so it lies in plain memory that is never freed.
private enum Saved {
  nonisolated(unsafe) static let settings = UnsafeMutablePointer<termios>.allocate(capacity: 1)
  nonisolated(unsafe) static let descriptor = allocate(Int32(0))
  nonisolated(unsafe) static let isKept = allocate(false)
  nonisolated(unsafe) static let isChanged = allocate(false)
  nonisolated(unsafe) static let isEditing = allocate(false)
  nonisolated(unsafe) static let farewell: UnsafeMutablePointer<UInt8> = {
    let bytes = Array("\u{1B}[?2004l\r\n".utf8)
    let pointer = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    pointer.initialize(from: bytes, count: bytes.count)
    return pointer
  }()
  static let farewellCount = 10
  nonisolated(unsafe) static let previous = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
  private static let fatalSignals = [SIGABRT, SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGSEGV]

  private static func allocate<T>(_ value: T) -> UnsafeMutablePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
    pointer.initialize(to: value)
    return pointer
  }

  /// Restores the terminal on a crash, then lets the crash happen as it would have.
  static func guardAgainstCrashes() {
    _ = (isEditing.pointee, farewell, previous)
    for signal in fatalSignals {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { signal in
        TerminalDevice.restore()
        _ = changeSignalAction(signal, Saved.previous + Int(signal), nil)
        raise(signal)
      }
      _ = changeSignalAction(signal, &action, previous + Int(signal))
    }
  }
}

/// `sigaction` the function; the type of the same name hides it inside Swift overload resolution.
private func changeSignalAction(
  _ signal: Int32, _ new: UnsafePointer<sigaction>?, _ old: UnsafeMutablePointer<sigaction>?
) -> Int32 {
  sigaction(signal, new, old)
}

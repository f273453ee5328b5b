#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif
import Synchronization

/// Signals as events. The handler only writes a byte into a pipe; a thread of its own reads it and
/// does the rest, so that cancelling takes microseconds however busy the other threads are.
///
/// SIGINT runs the interrupt handler, is remembered for the next one, or ends the process with 130. SIGTERM and
/// SIGHUP restore the terminal and end the process as the signal means. SIGTSTP restores the
/// terminal and stops; SIGCONT puts the mode back. SIGWINCH and SIGCONT are passed to whoever polls
/// `descriptor`. SIGPIPE is ignored: writing to a closed pipe is an error like others.
package final class SignalMonitor: Sendable {
  package enum Event: UInt8, Sendable { case resized = 1, continued = 2 }

  package static let shared = SignalMonitor()

  private struct State {
    var isStarted = false
    var interrupt: (@Sendable () -> Void)?
    var remembersInterrupts = false
    var wasInterrupted = false
    var cleanUp: (@Sendable () -> Void)?
    var mode = TerminalDevice.Mode.original
  }
  private let state = Mutex(State())
  private let signals: (read: Int32, write: Int32)
  private let events: (read: Int32, write: Int32)

  private init() {
    signals = Self.makePipe()
    events = Self.makePipe()
  }

  /// Readable when the window was resized or the process continued; read it with `nextEvent`.
  package var descriptor: Int32 { events.read }

  package func nextEvent() -> Event? {
    var byte: UInt8 = 0
    return read(events.read, &byte, 1) == 1 ? Event(rawValue: byte) : nil
  }

  /// Installs the handlers and the thread, once.
  package func start() {
    let isFirst = state.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    guard isFirst, signals.read >= 0 else { return }
    signalPipe.pointee = signals.write
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH] { install(number) }
    let monitor = Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let made = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<SignalMonitor>.fromOpaque(argument).takeUnretainedValue().run()
        return nil
      }, monitor)
    if made == 0 { pthread_detach(thread) }
  }

  /// What Control-C does from now on; at once, where one is remembered.
  package func onInterrupt(_ body: (@Sendable () -> Void)?) {
    let isLate = state.withLock { state in
      state.interrupt = body
      guard body != nil, state.wasInterrupted else { return false }
      state.wasInterrupted = false
      return true
    }
    if isLate { body?() }
  }

  /// Whether a Control-C that comes while no work has said what it should do, as in the moment between
  /// a line and its work, waits for that work instead of ending the process. Forgets one that waits.
  package func remembersInterrupts(_ isOn: Bool) {
    state.withLock { state in
      state.remembersInterrupts = isOn
      state.wasInterrupted = false
    }
  }

  /// What Control-C does.
  package func interrupt() {
    let (body, isRemembered) = state.withLock { state in
      if state.interrupt == nil, state.remembersInterrupts { state.wasInterrupted = true }
      return (state.interrupt, state.remembersInterrupts)
    }
    if let body { body() } else if !isRemembered { end(by: SIGINT) }
  }

  /// Runs before the process ends or stops by a signal: to take a status line off the screen.
  package func onEnd(_ body: (@Sendable () -> Void)?) {
    state.withLock { $0.cleanUp = body }
  }

  /// Sets the mode of the terminal on standard input, and remembers it for SIGCONT.
  package func setMode(_ mode: TerminalDevice.Mode) {
    state.withLock { $0.mode = mode }
    TerminalDevice.set(mode, on: STDIN_FILENO)
  }

  /// Stops the process as Control-Z does and returns when it goes on, the mode put back.
  package func suspend() {
    stop()
    // The stop may reach this thread a moment late: wait for the continuation, not for the stop.
    var source = pollfd(fd: events.read, events: Int16(POLLIN), revents: 0)
    while poll(&source, 1, 1000) < 0, errno == EINTR {}
    if source.revents & Int16(POLLIN) != 0 { _ = nextEvent() }
  }

  private func run() {
    while true {
      var byte: UInt8 = 0
      let count = read(signals.read, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return }
      handle(Int32(byte))
    }
  }

  private func handle(_ number: Int32) {
    switch number {
    case SIGINT: interrupt()
    case SIGTERM, SIGHUP: end(by: number)
    case SIGTSTP: stop()
    case SIGCONT:
      let mode = state.withLock { $0.mode }
      if mode != .original { TerminalDevice.set(mode, on: STDIN_FILENO) }
      post(.continued)
    case SIGWINCH: post(.resized)
    default: break
    }
  }

  private func end(by number: Int32) {
    state.withLock { $0.cleanUp }?()
    TerminalDevice.restore()
    if number == SIGINT { _exit(130) }
    signal(number, SIG_DFL)
    kill(getpid(), number)
    // Blocked or ignored above us: leave all the same.
    _exit(128 + number)
  }

  private func stop() {
    state.withLock { $0.cleanUp }?()
    TerminalDevice.restore()
    kill(getpid(), SIGSTOP)
  }

  private func post(_ event: Event) {
    var byte = event.rawValue
    _ = write(events.write, &byte, 1)
  }

  private func install(_ number: Int32) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { number in
      let saved = errno
      var byte = UInt8(truncatingIfNeeded: number)
      _ = write(signalPipe.pointee, &byte, 1)
      errno = saved
    }
    action.sa_flags = SA_RESTART
    // A signal that was ignored when we were started (nohup) stays ignored.
    var old = sigaction()
    sigaction(number, nil, &old)
    let wasIgnored = unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1
    if wasIgnored, number == SIGHUP || number == SIGTSTP { return }
    sigaction(number, &action, nil)
  }

  /// Says what to tell the user when a mapped file lost the bytes that are being read (SIGBUS), as a
  /// model does that somebody truncates: the process then restores the terminal and ends with 1.
  package func onLostFile(_ sentence: StaticString) {
    lostFile.pointee = sentence
    signal(SIGBUS) { _ in
      TerminalDevice.restore()
      let sentence = lostFile.pointee
      _ = write(STDERR_FILENO, sentence.utf8Start, sentence.utf8CodeUnitCount)
      _exit(1)
    }
  }

  private static func makePipe() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return (-1, -1) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
  }
}

/// Reachable from the handler of SIGBUS.
nonisolated(unsafe) private let lostFile: UnsafeMutablePointer<StaticString> = {
  let pointer = UnsafeMutablePointer<StaticString>.allocate(capacity: 1)
  pointer.initialize(to: "")
  return pointer
}()

/// The write end, where the handler can reach it without any lock.
nonisolated(unsafe) private let signalPipe: UnsafeMutablePointer<Int32> = {
  let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
  pointer.initialize(to: -1)
  return pointer
}()

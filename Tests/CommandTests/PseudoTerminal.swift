import Foundation
import Glibc

/// A program on a terminal of its own: what is typed and what is shown. The program is the leader of
/// a session whose controlling terminal is the pseudo-terminal, so Control-C is a signal as it is for
/// a user.
final class PseudoTerminal {
  private let master: Int32
  private let process: pid_t
  private(set) var output = ""
  private var bytes: [UInt8] = []

  init?(
    _ path: String, _ arguments: [String], environment: [String: String], columns: Int = 80,
    rows: Int = 24
  ) {
    // grantpt, unlockpt and ptsname by hand: TIOCSPTLCK and TIOCGPTN.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var lock: Int32 = 0
    var number: Int32 = 0
    guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0,
      ioctl(master, 0x8004_5430, &number) == 0
    else { return nil }
    let name = "/dev/pts/\(number)"
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // POSIX_SPAWN_SETSID
    posix_spawnattr_setflags(&attributes, 0x80)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let variables = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
    let words = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in variables + words { free(pointer) } }
    var started = pid_t()
    guard posix_spawn(&started, path, &actions, &attributes, words, variables) == 0 else {
      return nil
    }
    process = started
  }

  deinit {
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, WNOHANG)
    close(master)
  }

  func type(_ text: String) {
    let data = Array(text.utf8)
    _ = write(master, data, data.count)
  }

  func resize(columns: Int, rows: Int) {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  func signal(_ number: Int32) { kill(process, number) }

  /// Reads until `text` has been shown after what an earlier call saw; false after `seconds`.
  func wait(for text: String, seconds: Double = 30) -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
      if let range = output.range(of: text) {
        output = String(output[range.upperBound...])
        return true
      }
      let left = deadline.timeIntervalSinceNow
      if left <= 0 || !read(milliseconds: Int32(min(left, 0.5) * 1000)) && left <= 0 {
        return false
      }
    }
  }

  /// What is shown within a while, taken away from `output`.
  func drain(seconds: Double) -> String {
    let deadline = Date().addingTimeInterval(seconds)
    while deadline.timeIntervalSinceNow > 0 { _ = read(milliseconds: 20) }
    defer { output = "" }
    return output
  }

  /// The exit code, or 128 + the signal; nil when the program does not end in time.
  func exitCode(seconds: Double = 10) -> Int32? {
    let deadline = Date().addingTimeInterval(seconds)
    while deadline.timeIntervalSinceNow > 0 {
      _ = read(milliseconds: 20)
      var status: Int32 = 0
      if waitpid(process, &status, WNOHANG) == process {
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
      }
    }
    return nil
  }

  /// Whether the terminal echoes and gathers lines, as a shell expects it.
  var isCooked: Bool {
    var settings = termios()
    tcgetattr(master, &settings)
    let wanted = tcflag_t(ECHO | ICANON | ISIG)
    return settings.c_lflag & wanted == wanted
  }

  private func read(milliseconds: Int32) -> Bool {
    var source = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard poll(&source, 1, milliseconds) > 0 else { return false }
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(master, &chunk, chunk.count)
    guard count > 0 else {
      usleep(10_000)
      return false
    }
    bytes += chunk.prefix(count)
    // Keep an unfinished character for the next read.
    var end = bytes.count
    while end > 0, bytes.count - end < 4, bytes[end - 1] & 0xC0 == 0x80 { end -= 1 }
    if end > 0, bytes[end - 1] >= 0xC0 { end -= 1 } else { end = bytes.count }
    output += String(decoding: bytes[..<end], as: UTF8.self)
    bytes.removeFirst(end)
    return true
  }
}

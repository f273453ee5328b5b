import Glibc
import Retrieval

/// Runs `IndexProbe`, which is built beside the tests.
struct Probe {
  private static let path: String = {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = max(0, readlink("/proc/self/exe", &buffer, 4096))
    let own = String(
      decoding: buffer[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    return own.lastIndex(of: "/").map { own[...$0] + "IndexProbe" } ?? "IndexProbe"
  }()

  private let child: pid_t
  private let output: Int32

  /// Starts it.
  /// - Parameters:
  ///   - script: shell words before the program's own, which must end in `exec "$0" "$@"`.
  ///   - environment: more variables.
  init?(_ arguments: [String], script: String? = nil, environment: [String: String] = [:]) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    let words =
      script.map { ["/bin/sh", "-c", $0, Self.path] + arguments } ?? [Self.path] + arguments
    let variables =
      ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + environment.map { "\($0.key)=\($0.value)" }
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for word in pointers + settings { free(word) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, words[0], &actions, nil, &pointers, &settings)
    close(ends[1])
    guard status == 0 else {
      close(ends[0])
      return nil
    }
    self.child = child
    output = ends[0]
  }

  /// Kills it the hard way after so many microseconds. Returns whether it still ran.
  func kill(after microseconds: UInt32) -> Bool {
    usleep(microseconds)
    Glibc.kill(child, SIGKILL)
    return wait().status & 0x7f == SIGKILL
  }

  /// What it printed, and its status as `waitpid` gives it.
  @discardableResult
  func wait() -> (text: String, status: Int32) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(output, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    close(output)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return (String(decoding: bytes, as: UTF8.self), status)
  }

  /// Runs it to its end. `code` is its exit code, or -1 when a signal ended it.
  static func run(
    _ arguments: [String], script: String? = nil, environment: [String: String] = [:]
  ) -> (text: String, code: Int32) {
    guard let probe = Probe(arguments, script: script, environment: environment) else {
      return ("not started", -1)
    }
    let (text, status) = probe.wait()
    return (text, status & 0x7f == 0 ? status >> 8 & 0xff : -1)
  }
}

/// Whether the long versions of tests were asked for (`make soak`).
let isSoak = getenv("CARREL_SOAK") != nil

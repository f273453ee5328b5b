// A program run to its end: what it printed and the most memory it took.

import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

enum ChildProcess {
  /// Runs a program (searched in PATH) and waits for it. Its errors are dropped.
  ///
  /// - Returns: its output, and the most bytes it had resident (`ru_maxrss`); nothing and 0 when it
  ///   cannot be started.
  static func run(_ command: [String]) -> (output: String, peak: Int) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return ("", 0) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let arguments = words(command)
    let variables = words(ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
    defer { for word in arguments + variables { free(word) } }
    var child = pid_t()
    let failed = posix_spawnp(&child, command[0], &actions, nil, arguments, variables)
    close(ends[1])
    defer { close(ends[0]) }
    guard failed == 0 else { return ("", 0) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(ends[0], &part, part.count), count > 0 {
      bytes += part[..<count]
    }
    var status: Int32 = 0
    var usage = rusage()
    wait4(child, &status, 0, &usage)
    return (String(decoding: bytes, as: UTF8.self), usage.ru_maxrss * 1024)
  }

  /// C strings, and a null at the end.
  private static func words(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
    words.map { strdup($0) } + [nil]
  }
}

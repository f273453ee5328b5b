import Glibc
import Synchronization

/// Runs a program and takes what it prints, within bounds of time and size.
package enum Subprocess {
  package enum Result {
    case output([UInt8])
    /// It does not take its input. Continues the program's name: "ended with status 3".
    case failed(String)
    /// It could not run, or not to its end, which says nothing of its input. As `failed`.
    case hindered(String)
    case cancelled
  }

  /// What a program may use.
  package struct Limits: Sendable {
    /// Seconds on the clock.
    package var time = 60.0
    /// Bytes taken of what it prints; the rest is cut off by ending it.
    package var output = 64 << 20
    /// Bytes of memory it may write to (RLIMIT_DATA: reserved address space does not count).
    package var memory = 2 << 30

    package init() {}

    package init(time: Double, output: Int, memory: Int = 2 << 30) {
      self.time = time
      self.output = output
      self.memory = memory
    }
  }

  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  package static func find(_ name: String, in folders: [String]) -> String? {
    for folder in folders {
      let path = folder + "/" + name
      var info = stat()
      if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 {
        return path
      }
    }
    return nil
  }

  /// Runs `program` in a process group of its own, without input, its errors thrown away. The group
  /// is killed when time or size run out or the task is cancelled.
  package static func run(
    _ program: String, _ arguments: [String], limits: Limits
  ) -> Result {
    let (child, pipe, problem) = starting.withLock { _ in
      start("/bin/sh", restrained(program, arguments, limits))
    }
    guard let child else { return .hindered("could not be started (\(problem))") }
    defer { close(pipe) }
    let deadline = Clock.seconds() + limits.time
    var output: [UInt8] = []
    var end = collect(pipe, &output, until: deadline, outputLimit: limits.output)
    var status: Int32 = 0
    var used = rusage()
    // It may live on when it has closed its output.
    var pause: UInt32 = 100
    while end == .closed, wait4(child, &status, WNOHANG, &used) == 0 {
      usleep(pause)
      pause = min(pause * 2, 50_000)
      if Task.isCancelled { end = .cancelled } else if Clock.seconds() > deadline { end = .timeout }
    }
    if end != .closed {
      kill(-child, SIGKILL)
      while wait4(child, &status, 0, &used) < 0 && errno == EINTR {}
    }
    switch end {
    case .cancelled: return .cancelled
    case .timeout:
      let sentence = "took longer than \(Int(limits.time)) s"
      // One that worked all the time would again; one that waited need not.
      let seconds =
        Double(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + Double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6
      return seconds > limits.time / 2 ? .failed(sentence) : .hindered(sentence)
    case .full: return .output(output)
    case .closed:
      // 0x7f: the signal that ended it.
      let signal = status & 0x7f
      if status == 0 { return .output(output) }
      // Killed by someone else, mostly for the machine's memory.
      if signal == SIGKILL { return .hindered("was ended by signal \(signal)") }
      if signal != 0 { return .failed("was ended by signal \(signal)") }
      let code = status >> 8 & 0xff
      // The shell's: not executable, or without its libraries (sh(1), EXIT STATUS).
      return code == 126 || code == 127
        ? .hindered("ended with status \(code)") : .failed("ended with status \(code)")
    }
  }

  /// The shell bounds itself and then becomes the program, so that nothing runs unbounded.
  private static func restrained(_ program: String, _ arguments: [String], _ limits: Limits)
    -> [String]
  {
    let script =
      "ulimit -c 0; ulimit -t \(Int(limits.time) + 1); ulimit -d \(limits.memory >> 10); "
      + "exec \"$0\" \"$@\""
    return ["-c", script, program] + arguments
  }

  /// One at a time: a program that is started between the making of a pipe and its marking would keep it
  /// open, and who reads it waiting.
  private static let starting = Mutex(())

  /// Starts a program. Returns it and the end of the pipe that takes what it prints, or why not.
  private static func start(_ program: String, _ arguments: [String]) -> (pid_t?, Int32, String) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return (nil, -1, "no pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (child, problem) = spawn(program, arguments, output: ends[1])
    close(ends[1])
    if child == nil { close(ends[0]) }
    return (child, ends[0], problem)
  }

  private enum End { case closed, timeout, full, cancelled }

  private static func spawn(
    _ program: String, _ arguments: [String], output: Int32
  ) -> (pid_t?, String) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, &actions, &attributes, words, environ)
    return result == 0 ? (child, "") : (nil, String(cString: strerror(result)))
  }

  private static func collect(
    _ descriptor: Int32, _ output: inout [UInt8], until deadline: Double, outputLimit: Int
  ) -> End {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      if Task.isCancelled { return .cancelled }
      let left = deadline - Clock.seconds()
      if left <= 0 { return .timeout }
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, Int32(min(left * 1000, 200)))
      if ready < 0 && errno != EINTR { return .timeout }
      if ready <= 0 { continue }
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return .closed }
      output.append(contentsOf: buffer[..<count])
      if output.count >= outputLimit {
        output.removeLast(output.count - outputLimit)
        return .full
      }
    }
  }
}

/// Time that never jumps.
package enum Clock {
  package static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

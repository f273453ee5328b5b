import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Opens `$VISUAL`, `$EDITOR` or vi on a text.
package enum ExternalEditor {
  /// What was saved, without line breaks at its end; nil when the editor failed.
  package static func edit(_ text: String) -> String? {
    let environment = ProcessInfo.processInfo.environment
    let editor =
      [environment["VISUAL"], environment["EDITOR"], "vi"].compactMap { $0 }
      .first { !$0.isEmpty } ?? "vi"
    var template = Array("\(environment["TMPDIR"] ?? "/tmp")/carrel-XXXXXX.md".utf8CString)
    let descriptor = mkstemps(&template, 3)
    guard descriptor >= 0 else { return nil }
    let path = String(
      decoding: template.dropLast().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    defer { unlink(path) }
    let bytes = Array(text.utf8)
    let isWritten = write(descriptor, bytes, bytes.count) == bytes.count
    close(descriptor)
    guard isWritten else { return nil }
    // The editor may carry arguments (`code --wait`): the shell splits it, the path is quoted.
    guard run(["/bin/sh", "-c", "exec \(editor) \"$1\"", "sh", path]) == 0 else { return nil }
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    var result = String(decoding: data, as: UTF8.self)
    while result.last == "\n" { result.removeLast() }
    return result
  }

  /// Exit status of a program on this terminal; -1 when it could not be started.
  private static func run(_ words: [String]) -> Int32 {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    // A closed pipe ends programs as it always did; only this one wants to be told.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    guard posix_spawn(&process, words[0], nil, &attributes, &arguments, environ) == 0 else {
      return -1
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      if errno != EINTR { return -1 }
    }
    return status == 0 ? 0 : 1
  }
}

import Glibc

/// A folder that goes, with all it holds, when the test is done. It lies below `TMPDIR`.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/carrel-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil, let real = realpath(&template, nil) else {
      fatalError("cannot make a temporary folder in \(parent)")
    }
    path = String(cString: real)
    free(real)
  }

  deinit { Self.remove(path) }

  /// The path of a file in it.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes a file, or a folder with what it holds, whatever may be read or written of it.
  package static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      unlink(path)
      return
    }
    chmod(path, 0o700)
    for name in names(path) { remove("\(path)/\(name)") }
    rmdir(path)
  }

  /// The names in a folder, in no order; none where it cannot be read.
  package static func names(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}

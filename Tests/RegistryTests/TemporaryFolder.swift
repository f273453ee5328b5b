import Glibc
import Storage

/// A folder that goes, with all it holds, when the test is done.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/carrel-registry-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("cannot make a temporary folder") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.removeAll(path) }

  private static func removeAll(_ path: String) {
    guard unlink(path) != 0 else { return }
    for name in (try? Folder.names(in: path)) ?? [] { removeAll("\(path)/\(name)") }
    rmdir(path)
  }

  /// Writes a file, with the folders it lies in.
  func write(_ bytes: [UInt8], to name: String) throws {
    let parts = name.split(separator: "/")
    for count in 1..<max(parts.count, 1) {
      mkdir("\(path)/\(parts[..<count].joined(separator: "/"))", 0o755)
    }
    try AtomicFile.write(bytes, to: file(name))
  }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  /// A symbolic link; `target` is written as given.
  func link(_ name: String, to target: String) throws {
    try write([], to: name)
    unlink(file(name))
    symlink(target, file(name))
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

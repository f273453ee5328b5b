import Glibc
import Storage
import TestSupport

extension TemporaryFolder {
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
}

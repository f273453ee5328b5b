// Advisory locks between processes: one writer of an index, one downloader of a file.

import Glibc

/// A lock on a file of its own, held until this object goes or the process ends.
///
/// The file is created when missing and never removed: removing a lock file that another process has
/// opened would let two hold "the" lock. Two locks in one process exclude each other too.
/// Corresponds to `flock(2)`.
package final class FileLock: Sendable {
  package let path: String
  private let descriptor: Int32

  /// - Parameters:
  ///   - exclusive: false lets other non-exclusive holders in.
  ///   - wait: false fails with ``StorageError/Code/locked`` when another holds it.
  package init(path: String, exclusive: Bool, wait: Bool) throws(StorageError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "lock", path: path) }
    let operation = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
    while flock(descriptor, operation) != 0 {
      let number = errno
      if number == EINTR { continue }
      close(descriptor)
      if number == EWOULDBLOCK {
        throw StorageError(.locked, "another process is using it", path: path)
      }
      throw StorageError(errno: number, while: "lock", path: path)
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }
}

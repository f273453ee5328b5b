// What can go wrong between this package and the file system, as one type.

import Glibc

/// A failure to read, write, map or lock one file.
///
/// `description` is one sentence that names the file and, where it helps, what to do next.
package struct StorageError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// Nothing lies at the path.
    case notFound
    /// The process may not read or write there.
    case permission
    /// Something lies there, but not an ordinary file.
    case notAFile
    /// The file ended before the bytes that were promised.
    case tooShort
    /// Another process holds the lock.
    case locked
    /// The file system is full.
    case noSpace
    /// The caller asked to stop.
    case cancelled
    /// Any other failure, with the system's `errno`.
    case io(Int32)
  }

  package let code: Code
  /// What was being done and what the system said, without the path.
  package let message: String
  package let path: String

  package init(_ code: Code, _ message: String, path: String) {
    self.code = code
    self.message = message
    self.path = path
  }

  /// Translates `errno` after a failed call. `action` is a verb phrase such as "open".
  package init(errno number: Int32, while action: String, path: String) {
    switch number {
    case ENOENT, ENOTDIR:
      self.init(.notFound, "cannot \(action): there is no such file", path: path)
    case EACCES, EPERM, EROFS:
      self.init(
        .permission, "cannot \(action): \(Self.text(number)); check its permissions", path: path)
    case ENOSPC, EDQUOT:
      self.init(.noSpace, "cannot \(action): the disk is full", path: path)
    default:
      self.init(.io(number), "cannot \(action): \(Self.text(number))", path: path)
    }
  }

  package var description: String { "\(path): \(message)" }

  /// The system's words for an error number. glibc's `strerror` returns a constant for known ones.
  private static func text(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
  }
}

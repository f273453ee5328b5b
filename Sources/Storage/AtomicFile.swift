// Replacing a file so that a reader, or a machine that loses power, sees the old one or the new one
// and nothing between.

import Glibc

package enum AtomicFile {
  /// Writes `bytes` to a new file beside `path`, flushes it to disk, and renames it over `path`.
  ///
  /// A failure leaves `path` as it was and removes the temporary file. The folder must exist; it is
  /// flushed too, so that the rename itself survives. Who may read and write `path` stays as it was.
  /// Corresponds to `fsync(2)` and `rename(2)`.
  package static func write(_ bytes: [UInt8], to path: String) throws(StorageError) {
    var old = stat()
    let kept = stat(path, &old) == 0 ? old.st_mode & 0o777 : nil
    let (temporary, descriptor) = try create(beside: path, permissions: kept ?? 0o644)
    do throws(StorageError) {
      do throws(StorageError) {
        // What the process masks out of new files, this one had.
        if let kept { fchmod(descriptor, kept) }
        try writeAll(bytes, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else {
          throw StorageError(errno: errno, while: "flush", path: path)
        }
      } catch {
        close(descriptor)
        throw error
      }
      guard close(descriptor) == 0 else {
        throw StorageError(errno: errno, while: "close", path: path)
      }
      guard rename(temporary, path) == 0 else {
        throw StorageError(errno: errno, while: "replace", path: path)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    flushFolder(of: path)
  }

  /// Opens a file of a new name, `.<name>.<pid>-<n>.tmp`, in the folder of `path`.
  static func create(
    beside path: String, permissions: mode_t = 0o644
  ) throws(StorageError) -> (String, Int32) {
    let folder = self.folder(of: path)
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    guard !name.isEmpty, !path.hasSuffix("/") else {
      throw StorageError(.notAFile, "expected the path of a file", path: path)
    }
    for attempt in 0..<1000 {
      let temporary = "\(folder)/.\(name).\(getpid())-\(attempt).tmp"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
      if descriptor >= 0 { return (temporary, descriptor) }
      guard errno == EEXIST else { throw StorageError(errno: errno, while: "write", path: path) }
    }
    throw StorageError(.io(EEXIST), "cannot write: too many temporary files beside it", path: path)
  }

  private static func writeAll(
    _ bytes: [UInt8], to descriptor: Int32, path: String
  ) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { all in
        let rest = UnsafeRawBufferPointer(rebasing: all[done...])
        return Glibc.write(descriptor, rest.baseAddress, rest.count)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "write", path: path)
      }
      done += count
    }
  }

  /// Best effort: some file systems refuse to flush a folder, and the data itself is already safe.
  private static func flushFolder(of path: String) {
    let descriptor = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

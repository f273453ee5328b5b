// Files that hold nothing but what could be computed again, readable by their owner alone. Losing one
// is no error, so nothing here throws.

import Glibc

package enum CacheFile {
  /// Writes a file piece by piece beside `path` and renames it over `path` when all of it is there. It
  /// is not flushed: a reader must be able to tell a damaged file from a whole one.
  ///
  /// - Parameter body: calls `append` for each piece and gives false to give up, as it should when
  ///   `append` does.
  /// - Returns: false when `path` is as it was.
  package static func write(
    to path: String, _ body: (_ append: (UnsafeRawBufferPointer) -> Bool) -> Bool
  ) -> Bool {
    guard let (temporary, descriptor) = try? AtomicFile.create(beside: path, permissions: 0o600)
    else { return false }
    var isWhole = body { piece in
      var done = 0
      while done < piece.count {
        let rest = UnsafeRawBufferPointer(rebasing: piece[done...])
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
    isWhole = close(descriptor) == 0 && isWhole
    if isWhole, rename(temporary, path) == 0 { return true }
    unlink(temporary)
    return false
  }

  /// Lends a way to read the file at `path` from its beginning. A file of somebody else, a link, a
  /// folder or a pipe is not read.
  ///
  /// - Parameter body: gets the file's size and `read`, which fills a buffer with the next bytes and
  ///   gives false where there are no more.
  package static func read<Result>(
    _ path: String,
    _ body: (_ bytes: Int, _ read: (UnsafeMutableRawBufferPointer) -> Bool) -> Result?
  ) -> Result? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == geteuid()
    else { return nil }
    return body(Int(status.st_size)) { buffer in
      var done = 0
      while done < buffer.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = Glibc.read(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
  }
}

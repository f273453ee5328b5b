// Stretches of a file that is mapped as well, without their pages entering this process's memory.

import Glibc

/// Reads bytes of a file by place. Safe to share: no position is kept. Corresponds to `pread(2)`.
///
/// For few small stretches all over a large file this is better than its mapping: a fault maps a whole
/// neighbourhood of pages, which then count as memory of the process.
package final class FileReader: Sendable {
  private let descriptor: Int32

  /// `nil` unless the very file that was mapped still lies at its path.
  package init?(_ mapped: MappedFile) {
    let descriptor = open(mapped.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0, UInt64(status.st_dev) == mapped.device,
      UInt64(status.st_ino) == mapped.inode
    else { return nil }
  }

  deinit { close(descriptor) }

  /// Has the system read a stretch into its cache, without waiting for it.
  package func prefetch(_ range: Range<Int>) {
    _ = posix_fadvise(
      descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
  }

  /// Fills `buffer` with the bytes from `start` on. False where there are fewer, or on an error.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at start: Int) -> Bool {
    var done = 0
    while done < buffer.count {
      let count = pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(start + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}

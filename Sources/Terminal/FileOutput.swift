#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Unbuffered writing to a descriptor.
package enum FileOutput {
  /// Writes everything, going on after interruptions and full pipes. False when the other end is
  /// gone or the write failed (EPIPE, EIO, ENOSPC).
  @discardableResult
  package static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
      }
      if count >= 0 {
        offset += count
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, 1000)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Writes text, as `writeAll` does.
  @discardableResult
  package static func print(_ text: String, to descriptor: Int32) -> Bool {
    text.isEmpty ? true : writeAll(Array(text.utf8), to: descriptor)
  }
}

// Whole small files: JSON, sidecars, and the kernel's pseudo-files, whose size reads as zero.

import Glibc

package enum SmallFile {
  /// The whole content of the file at `path`; an error when it is larger than `limit` bytes.
  package static func read(_ path: String, limit: Int = 1 << 24) throws(StorageError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "open", path: path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(limit + 1, 1 << 16))
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "read", path: path)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= limit else {
        throw StorageError(.io(EFBIG), "expected at most \(limit) bytes, found more", path: path)
      }
    }
  }
}

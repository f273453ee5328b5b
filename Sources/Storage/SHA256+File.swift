// Digests as people write them (64 lower-case hexadecimal digits), of buffers and of whole files.

import Glibc

extension SHA256 {
  /// The digest of `bytes` in hexadecimal.
  package static func hexDigest(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hex(hash.finalize())
  }

  /// The digest of a file's content in hexadecimal.
  ///
  /// Reads through a 1 MiB buffer rather than a mapping, so that a file that shrinks meanwhile gives
  /// an error and not a signal. `progress` is called with the bytes read so far, after each buffer;
  /// when it returns false the work stops with ``StorageError/Code/cancelled``.
  package static func hexDigest(
    ofFile path: String, progress: ((Int) -> Bool)? = nil
  ) throws(StorageError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "open", path: path) }
    defer { close(descriptor) }
    posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
    let size = 1 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    var done = 0
    while true {
      let count = read(descriptor, buffer.baseAddress, size)
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "read", path: path)
      }
      if count == 0 { break }
      hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      done += count
      if let progress, !progress(done) {
        throw StorageError(.cancelled, "stopped while its SHA-256 was computed", path: path)
      }
    }
    return hex(hash.finalize())
  }

  /// Two lower-case digits for each byte.
  package static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

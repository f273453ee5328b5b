import Glibc

/// A regular file opened for reading, with the path it really has: symbolic links are resolved by
/// the kernel, after opening, so that nobody can exchange a folder in between.
final class OpenFile {
  private let descriptor: Int32
  /// Without links; nil where the kernel does not say.
  let realPath: String?
  /// Bytes.
  let size: Int

  /// nil when there is no such file, it may not be read, or it is no regular file (devices, pipes
  /// and folders could block or lie about their size).
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    size = Int(info.st_size)
    realPath = Self.link("/proc/self/fd/\(descriptor)")
  }

  deinit { close(descriptor) }

  /// The first bytes, at most `limit`; nil on an error of the disk.
  func read(atMost limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: min(1 << 16, max(1, limit)))
    while bytes.count < limit {
      let count = Glibc.read(descriptor, &part, min(part.count, limit - bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += part[..<count]
    }
    return bytes
  }

  /// An existing path without symbolic links; nil when there is nothing.
  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(validatingCString: resolved)
  }

  private static func link(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { raw in
      readlink(path, raw.baseAddress!.assumingMemoryBound(to: CChar.self), raw.count)
    }
    guard count > 0, count < buffer.count else { return nil }
    return String(validating: buffer[..<count], as: UTF8.self)
  }
}

// A file's bytes without a copy: the kernel's page cache, mapped read-only into this process.
// Model weights are read this way, so that two processes share them and the kernel may drop pages
// that are not in use.

import Glibc

/// A whole file mapped read-only; unmapped when the last reference goes.
///
/// An empty file gives an empty buffer. The size is the size when it was opened: a file that
/// another process shortens later raises SIGBUS on access, as with any mapping, so what belongs to
/// this package is only ever replaced by rename (``AtomicFile``), never rewritten in place.
/// Corresponds to `mmap(2)`.
package final class MappedFile: @unchecked Sendable {  // immutable after init
  package let path: String
  /// The file's bytes; valid while this object lives. A temporary dies before its bytes are read:
  /// bind the object to a name, and use `withExtendedLifetime` where nothing else keeps it.
  package let bytes: UnsafeRawBufferPointer
  /// Identity of the file on this machine.
  let device: UInt64
  let inode: UInt64

  package init(path: String) throws(StorageError) {
    // O_NONBLOCK: opening a FIFO by mistake must give an error, not wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "open", path: path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw StorageError(errno: errno, while: "read its size", path: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let found = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a device or pipe"
      throw StorageError(.notAFile, "expected an ordinary file, found \(found)", path: path)
    }
    let size = Int(status.st_size)
    self.path = path
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw StorageError(errno: errno, while: "map \(size) bytes", path: path)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    if let base = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    }
  }

  /// How the pages will be used. Corresponds to the constants of `madvise(2)`.
  package enum Advice: Sendable {
    case normal, willNeed, sequential, random, hugePages, dontNeed

    fileprivate var flag: Int32 {
      switch self {
      case .normal: 0  // MADV_NORMAL
      case .random: 1  // MADV_RANDOM
      case .sequential: 2  // MADV_SEQUENTIAL
      case .willNeed: 3  // MADV_WILLNEED
      case .dontNeed: 4  // MADV_DONTNEED
      case .hugePages: 14  // MADV_HUGEPAGE
      }
    }
  }

  /// Tells the kernel how `range` (default: the whole file) will be used. Only a hint: the range is
  /// clamped to the file and widened to whole pages, and a refusal is ignored.
  package func advise(_ advice: Advice, in range: Range<Int>? = nil) {
    guard let base = bytes.baseAddress else { return }
    let wanted = (range ?? 0..<bytes.count).clamped(to: 0..<bytes.count)
    guard !wanted.isEmpty else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = wanted.lowerBound / page * page
    madvise(
      UnsafeMutableRawPointer(mutating: base + start), wanted.upperBound - start, advice.flag)
  }

  /// Reads `range` (default: the whole file) into memory, a stretch at a time, so that later accesses wait
  /// for nothing. The range is clamped to the file and begins at a whole page.
  ///
  /// - Parameter proceed: told how many bytes are there; false stops.
  /// - Returns: false when it was stopped.
  @discardableResult
  package func readAhead(
    in range: Range<Int>? = nil, _ proceed: (_ done: Int) -> Bool = { _ in true }
  ) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    let stretch = 16 << 20
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let populate: Int32 = 22  // MADV_POPULATE_READ, since Linux 5.14
    var sum: UInt64 = 0
    let wanted = (range ?? 0..<bytes.count).clamped(to: 0..<bytes.count)
    let first = wanted.lowerBound / page * page
    for start in Swift.stride(from: first, to: wanted.upperBound, by: stretch) {
      guard proceed(start - first) else { return false }
      let end = min(wanted.upperBound, start + stretch)
      let address = UnsafeMutableRawPointer(mutating: base + start)
      if madvise(address, end - start, populate) != 0 {
        for place in Swift.stride(from: start, to: end, by: page) { sum &+= UInt64(bytes[place]) }
      }
    }
    // The sum is looked at so that the reads are not left out as useless.
    return sum != .max
  }

  /// Keeps the pages in memory for as long as this object lives, reading them first. Fails with the
  /// limit that is too small where the kernel says no. Corresponds to `mlock(2)`.
  package func lock() throws(StorageError) {
    guard let base = bytes.baseAddress, mlock(base, bytes.count) != 0 else { return }
    let number = errno
    var limit = rlimit()
    let known = getrlimit(__rlimit_resource_t(8), &limit) == 0  // RLIMIT_MEMLOCK
    guard known, number == ENOMEM || number == EPERM || number == EAGAIN else {
      throw StorageError(errno: number, while: "lock \(bytes.count) bytes in memory", path: path)
    }
    throw StorageError(
      .io(number),
      "its \(bytes.count >> 20) MiB cannot be locked in memory: this process may lock "
        + "\(limit.rlim_cur >> 20) MiB (raise `ulimit -l`, or LimitMEMLOCK= of the service)",
      path: path)
  }
}

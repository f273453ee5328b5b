// A file on its way: bytes with holes, and beside it a note of which bytes are real.
//
// The note (`<hash>.incomplete.json`) is replaced by rename, often enough that a killed process
// loses at most a hundredth of a file, and after the bytes it speaks of were written:
//
//   {"version":1,"repository":…,"commit":…,"path":…,"sha256":…,"size":…,
//    "ranges":[[0,1048576],…],      written; in the kernel's hands, so safe from a kill
//    "durable":[[0,524288],…],      on the disk itself, so safe from a power cut
//    "boot":"…","host":"…","pid":…}
//
// After a restart of the machine (another boot id) only `durable` counts. The identity is (repository,
// content hash, size): the same content under a later commit or another name is the same file.

import FoundationEssentials
import Glibc
import Storage
import Synchronization

/// Owns `blobs/<hash>.incomplete`, its note and its lock, from opening until the blob is made or the
/// object goes. Used by one thread; only flushing to disk happens beside it.
final class PartialFile: @unchecked Sendable {
  let file: HubFile
  private let layout: CacheLayout
  private let commit: String
  private let descriptor: Int32
  private let lock: FileLock
  /// What was found on opening: bytes of an earlier run.
  let found: RangeSet<Int>
  private let boot: String
  private let host: String

  /// Written into the note while this object is at work.
  private var owner = Int(getpid())
  private var unsaved = 0
  private var savedAt = -Double.infinity
  private let saveStep: Int
  private var unflushed = 0
  private struct Durable {
    var ranges = RangeSet<Int>()
    /// Counts truncations: a flush begun before one says nothing about the bytes after it.
    var generation = 0
    var isFlushing = false
  }
  private let durable: Mutex<Durable>

  /// Takes the lock and opens the partial file, or makes it.
  ///
  /// Throws ``StorageError/Code/locked`` at once when another process, or another download in this
  /// one, has it. A note that does not fit (other content, ranges beyond the bytes there) is as good
  /// as none: the file starts over.
  init(file: HubFile, layout: CacheLayout, commit: String) throws(StorageError) {
    self.file = file
    self.layout = layout
    self.commit = commit
    lock = try FileLock(path: layout.lock(file), exclusive: true, wait: false)
    let path = layout.incomplete(file)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "open", path: path) }
    boot = Self.line(of: "/proc/sys/kernel/random/boot_id")
    host = Self.line(of: "/proc/sys/kernel/hostname")
    saveStep = min(max(file.size / 200, 32 << 10), 16 << 20)

    let note = PartialNote.read(layout.sidecar(file))
    if let note,
      let owner = note.activeOwner(host: host, saved: FileStatus(path: layout.sidecar(file)))
    {
      close(descriptor)
      throw StorageError(.locked, "\(owner) is fetching it", path: path)
    }
    let onDisk = FileStatus(path: path)?.size ?? 0
    let kept = note?.ranges(of: file, repository: layout.repository, boot: boot, onDisk: onDisk)
    found = kept ?? RangeSet()
    durable = Mutex(
      Durable(ranges: note?.durableRanges(within: found) ?? RangeSet()))
    if found.isEmpty, onDisk > 0, ftruncate(descriptor, 0) != 0 {
      // Closed by `deinit`: everything is set by now.
      throw StorageError(errno: errno, while: "empty", path: path)
    }
  }

  deinit { close(descriptor) }

  /// Leaves the partial file to whoever comes next: saves the note without an owner.
  func release(_ have: RangeSet<Int>, now: Double) throws(StorageError) {
    owner = 0
    try save(have, now: now)
  }

  private static func line(of path: String) -> String {
    guard let bytes = try? SmallFile.read(path, limit: 4096) else { return "" }
    return HTTPHead.trimmed(String(decoding: bytes, as: UTF8.self))
  }

  /// Writes at `offset`, without moving any file position.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = pwrite(descriptor, rest.baseAddress, rest.count, offset + done)
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "write", path: layout.incomplete(file))
      }
      done += count
    }
    unsaved += done
    unflushed += done
  }

  /// Forgets all bytes, first in the note: a note must never promise more than is there.
  func truncate(now: Double) throws(StorageError) {
    durable.withLock {
      $0.ranges = RangeSet()
      $0.generation += 1
    }
    try save(RangeSet(), now: now)
    guard ftruncate(descriptor, 0) == 0 else {
      throw StorageError(errno: errno, while: "empty", path: layout.incomplete(file))
    }
  }

  /// Saves the note when a step's worth of bytes, or a second, has gone by since the last time.
  func saveIfDue(_ have: RangeSet<Int>, now: Double) throws(StorageError) {
    guard unsaved > 0, unsaved >= saveStep || now - savedAt >= 1 else { return }
    try save(have, now: now)
    flushIfDue(have)
  }

  func save(_ have: RangeSet<Int>, now: Double) throws(StorageError) {
    let note = PartialNote(
      version: 1, repository: layout.repository, commit: commit, path: file.path,
      sha256: file.hash.hex, size: file.size, ranges: PartialNote.pairs(have),
      durable: PartialNote.pairs(durable.withLock { $0.ranges }), boot: boot, host: host,
      pid: owner)
    try note.write(to: layout.sidecar(file))
    unsaved = 0
    savedAt = now
  }

  /// Every 256 MiB the bytes are flushed to the disk itself, beside the transfer.
  private func flushIfDue(_ have: RangeSet<Int>) {
    guard unflushed >= 256 << 20 else { return }
    let generation = durable.withLock { state -> Int? in
      if state.isFlushing { return nil }
      state.isFlushing = true
      return state.generation
    }
    guard let generation else { return }
    unflushed = 0
    BackgroundWork.run { [self] in
      let isDone = fdatasync(descriptor) == 0
      durable.withLock { state in
        state.isFlushing = false
        if isDone, state.generation == generation { state.ranges = have }
      }
    }
  }

  var path: String { layout.incomplete(file) }

  /// Waits until the bytes are on the disk itself; may be called from any thread.
  func flush() throws(StorageError) {
    guard fsync(descriptor) == 0 else {
      throw StorageError(errno: errno, while: "flush", path: path)
    }
  }

  /// Makes the verified bytes the blob. After this the object has nothing left to own.
  func commitBlob() throws(StorageError) {
    try flush()
    guard rename(path, layout.blob(file)) == 0 else {
      throw StorageError(errno: errno, while: "rename", path: path)
    }
    unlink(layout.sidecar(file))
    let folder = open(layout.blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}

/// The note beside a partial file.
struct PartialNote: Codable, Equatable {
  var version: Int
  var repository: String
  var commit: String
  var path: String
  /// The content hash's digits; for a small file its 40-digit git id.
  var sha256: String
  var size: Int
  /// `[start, end)` pairs, ascending.
  var ranges: [[Int]]
  var durable: [[Int]]
  var boot: String
  var host: String
  var pid: Int

  static func read(_ path: String) -> PartialNote? {
    guard let bytes = try? SmallFile.read(path, limit: 1 << 20) else { return nil }
    return try? JSONDecoder().decode(PartialNote.self, from: Data(bytes))
  }

  /// Replaces the note at `path`. No flush: it must survive this process, not the machine.
  func write(to path: String) throws(StorageError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else {
      throw StorageError(.io(EINVAL), "cannot put the progress into JSON", path: path)
    }
    let temporary = path + ".tmp"
    let descriptor = open(
      temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "write", path: path) }
    let count = data.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    let number = errno
    close(descriptor)
    guard count == data.count, rename(temporary, path) == 0 else {
      throw StorageError(errno: count == data.count ? errno : number, while: "write", path: path)
    }
  }

  static func pairs(_ ranges: RangeSet<Int>) -> [[Int]] {
    ranges.ranges.map { [$0.lowerBound, $0.upperBound] }
  }

  private static func set(_ pairs: [[Int]], limit: Int) -> RangeSet<Int>? {
    var ranges = RangeSet<Int>()
    for pair in pairs {
      guard pair.count == 2, pair[0] >= 0, pair[0] < pair[1], pair[1] <= limit else { return nil }
      ranges.insert(contentsOf: pair[0]..<pair[1])
    }
    return ranges
  }

  /// The bytes that can be kept, or nil when this note is about something else or is not right.
  func ranges(
    of file: HubFile, repository: String, boot: String, onDisk: Int
  ) -> RangeSet<Int>? {
    guard version == 1, self.repository == repository, sha256 == file.hash.hex,
      size == file.size, onDisk <= file.size
    else { return nil }
    let trusted = self.boot == boot && !boot.isEmpty ? ranges : durable
    return Self.set(trusted, limit: onDisk)
  }

  func durableRanges(within kept: RangeSet<Int>) -> RangeSet<Int> {
    (Self.set(durable, limit: size) ?? RangeSet()).intersection(kept)
  }

  /// Who else is at work on the file, by the note: the lock should have said so, but on some network
  /// file systems locks succeed for everybody. On this machine: a living process that is not this
  /// one. Elsewhere: somebody who saved the note less than half a minute ago.
  func activeOwner(host: String, saved: FileStatus?) -> String? {
    guard pid > 1, pid <= Int(Int32.max) else { return nil }
    guard self.host == host else {
      let age = Int64(time(nil)) - (saved?.modified ?? 0) / 1_000_000_000
      return (0..<30).contains(age) ? "process \(pid) on \(self.host)" : nil
    }
    guard pid != Int(getpid()), kill(pid_t(pid), 0) == 0,
      let command = try? SmallFile.read("/proc/\(pid)/comm", limit: 4096),
      let mine = try? SmallFile.read("/proc/self/comm", limit: 4096), command == mine
    else { return nil }
    return "process \(pid)"
  }
}

import Glibc

/// Says when something below folders changes, by inotify(7).
///
/// Used by one task at a time. What changed is not told: events may be lost or come twice, so they
/// only say where to look again.
package final class FolderWatcher {
  private let descriptor: Int32
  private var folders: [Int32: Target] = [:]
  private var watched: Set<PathKey> = []
  /// What could not be watched: the system has no more watches to give, or a root is not there and neither
  /// is its folder.
  package private(set) var refused = 0

  private struct Target {
    var folder: String
    /// Only entries of these names count; nil for all.
    var names: Set<PathKey>?
  }

  /// Throws when the system has no inotify instance left.
  package init() throws(RetrievalError) {
    descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    if descriptor < 0 {
      throw RetrievalError(
        .io,
        "Folders cannot be watched: \(String(cString: strerror(errno))). Close another program that "
          + "watches files, or raise fs.inotify.max_user_instances.", subject: "inotify")
    }
  }

  deinit { close(descriptor) }

  /// Folders under watch.
  package var count: Int { watched.count }

  /// Begins to go through the folders: what was refused before is tried again.
  package func begin() { refused = 0 }

  /// Watches a folder, not what is below it; nothing where it is watched already.
  package func add(folder path: String) {
    if !watched.contains(PathKey(path)) { add(path, names: nil) }
  }

  /// Watches one file: its folder, because programs replace files rather than write them.
  package func add(file path: String) {
    guard let cut = path.lastIndex(of: "/") else { return }
    let folder = cut == path.startIndex ? "/" : String(path[..<cut])
    if watched.contains(PathKey(folder)) { return }
    add(folder, names: [PathKey(String(path[path.index(after: cut)...]))])
  }

  private func add(_ folder: String, names: Set<PathKey>?) {
    let number = inotify_add_watch(descriptor, folder, Self.mask)
    if number < 0 {
      // A folder that is gone or closed to us is no matter, unless it is all that tells of a root; having no
      // watches left is.
      if names != nil || errno == ENOSPC || errno == ENOMEM { refused += 1 }
      return
    }
    var target = Target(folder: folder, names: names)
    if let names, let known = folders[number] { target.names = known.names?.union(names) }
    // A folder that was moved with one above it is known by its number.
    if let known = folders[number], known.names == nil { watched.remove(PathKey(known.folder)) }
    folders[number] = target
    if target.names == nil { watched.insert(PathKey(folder)) }
  }

  /// Takes what happened since the last call without waiting. Returns whether anything counts.
  package func changed() -> Bool {
    var found = false
    let size = 65_536
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { buffer in
      while true {
        let count = read(descriptor, buffer.baseAddress, size)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        var offset = 0
        let header = MemoryLayout<inotify_event>.size
        while offset + header <= count {
          let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
          let end = offset + header + Int(event.len)
          guard end <= count else { return }
          let name = buffer[(offset + header)..<end].prefix { $0 != 0 }
          if take(event, name: String(decoding: name, as: UTF8.self)) { found = true }
          offset = end
        }
      }
    }
    return found
  }

  private func take(_ event: inotify_event, name: String) -> Bool {
    // The queue was full: something was lost, so everything may have changed.
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
    guard let target = folders[event.wd] else { return false }
    if event.mask & UInt32(IN_IGNORED) != 0 {
      folders[event.wd] = nil
      watched.remove(PathKey(target.folder))
      return true
    }
    // A moved folder keeps its watch, and those of the folders in it, under names that are no longer right.
    if event.mask & UInt32(IN_MOVE_SELF) != 0 {
      for (number, other) in folders where Paths.isAt(other.folder, orBelow: target.folder) {
        inotify_rm_watch(descriptor, number)
      }
    }
    return target.names?.contains(PathKey(name)) ?? true
  }

  private static let mask =
    UInt32(IN_CLOSE_WRITE) | UInt32(IN_MODIFY) | UInt32(IN_ATTRIB) | UInt32(IN_CREATE)
    | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF)
    | UInt32(IN_MOVE_SELF) | UInt32(IN_MASK_ADD)
}

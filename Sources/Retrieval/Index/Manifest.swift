import Storage

/// A path by its bytes. File systems tell "é" from "e" with an accent, `String` does not.
struct PathKey: Hashable, Sendable {
  let path: String

  init(_ path: String) { self.path = path }

  static func == (a: PathKey, b: PathKey) -> Bool { a.path.utf8.elementsEqual(b.path.utf8) }

  func hash(into hasher: inout Hasher) {
    var path = path
    path.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

/// What the manifest knows of a file.
struct ManifestEntry: Sendable {
  /// 0 for a file that was found just now.
  var id: Int64
  var rootID: Int64
  var size: Int
  var modified: Int64
  var format: Int64
  var embedded: Bool
  /// Seen by this run's scan.
  var isPresent = false
}

/// The files that an index has, compared with those that scans find.
struct Manifest {
  enum Found {
    /// Seen before: it lies below two roots.
    case again
    case new
    case known(ManifestEntry)
  }

  private var entries: [PathKey: ManifestEntry] = [:]
  /// Folders and files that could not be looked at, so that nothing is known of what they hold.
  private var unread: Set<PathKey> = []

  init(capacity: Int) { entries.reserveCapacity(capacity) }

  mutating func add(_ path: String, _ entry: ManifestEntry) { entries[PathKey(path)] = entry }

  /// The files below a root, as the disk has them.
  mutating func scan(_ root: String, _ scanner: inout FolderScanner) -> [ScannedFile] {
    let found = scanner.scan(root)
    // A folder that is not there may be on a disk that is away, and come back. A file that was named is gone.
    if found == nil, entries[PathKey(root)] == nil, !Self.isDeleted(root) {
      unread.insert(PathKey(root))
    }
    for path in scanner.unread { unread.insert(PathKey(path)) }
    return found ?? []
  }

  /// Whether what is not there was deleted: the folder it was in is there. A disk that is away takes that along.
  private static func isDeleted(_ root: String) -> Bool {
    guard let cut = root.utf8.lastIndex(of: slash), cut != root.startIndex else { return true }
    return FileStatus(path: String(root[..<cut])) != nil
  }

  /// Marks a file as there.
  mutating func find(_ path: String) -> Found {
    let key = PathKey(path)
    guard let place = entries.index(forKey: key) else {
      entries[key] = ManifestEntry(
        id: 0, rootID: 0, size: -1, modified: 0, format: 0, embedded: false, isPresent: true)
      return .new
    }
    let entry = entries.values[place]
    if entry.isPresent { return .again }
    entries.values[place].isPresent = true
    return .known(entry)
  }

  /// Whether this could not be looked at.
  func isUnread(_ path: String) -> Bool { unread.contains(PathKey(path)) }

  /// The files of some roots that no scan has found, though it looked where they were; by path.
  func gone(from roots: Set<Int64>) -> [(id: Int64, path: String)] {
    entries.filter { !$1.isPresent && roots.contains($1.rootID) && !isHidden($0.path) }
      .map { ($1.id, $0.path) }.sorted { $0.path < $1.path }
  }

  private func isHidden(_ path: String) -> Bool {
    if unread.isEmpty { return false }
    var rest = Substring(path)
    while !unread.contains(PathKey(String(rest))) {
      guard let cut = rest.utf8.lastIndex(of: slash) else { return false }
      rest = rest[..<cut]
    }
    return true
  }
}

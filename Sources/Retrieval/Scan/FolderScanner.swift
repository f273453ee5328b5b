import Glibc
import Storage

/// A file the scanner found, not yet opened.
package struct ScannedFile: Sendable, Equatable {
  package let path: String
  /// Bytes.
  package let size: Int
  /// Modification time in nanoseconds since 1970.
  package let modified: Int64
  /// Named by the user: read whatever its name and size.
  package let isExplicit: Bool

  package init(path: String, size: Int = 0, modified: Int64 = 0, isExplicit: Bool = true) {
    self.path = path
    self.size = size
    self.modified = modified
    self.isExplicit = isExplicit
  }
}

/// Lists the files below folders: ignore files honoured, nothing opened, a fixed order.
///
/// Folders are listed in byte order of names, files before subfolders. Symbolic links are not
/// followed unless asked for; followed ones come after everything real, so that a file keeps its
/// real path, and each folder is entered once (by device and inode), so loops end.
package struct FolderScanner {
  package var options: IndexOptions
  /// Skipped entries by reason.
  package private(set) var skipped: [SkipReason: Int] = [:]
  /// What could not be looked at though it is there: nothing is known of what it holds.
  package private(set) var unread: [String] = []
  /// Called for each skipped entry with its path.
  package var onSkip: ((String, SkipReason) -> Void)?
  /// Called for each folder before it is read.
  package var onFolder: ((String) -> Void)?
  /// Called now and then with the number of files so far; false stops the scan.
  package var onProgress: ((Int) -> Bool)?

  private struct Identity: Hashable {
    let device: UInt
    let inode: UInt
  }

  private var files: [ScannedFile] = []
  private var entered: Set<Identity> = []
  private var links: [(path: [UInt8], rules: IgnoreRules)] = []
  private var stopped = false
  private let indexFolder: [UInt8]

  package init(options: IndexOptions = .init()) {
    self.options = options
    indexFolder = Array((options.indexFolder ?? "").utf8)
  }

  /// Lists a file or all files below a folder.
  /// - Parameter root: absolute; a root that is a symbolic link is followed.
  /// - Returns: nil when there is nothing at `root`.
  package mutating func scan(_ root: String) -> [ScannedFile]? {
    files = []
    entered = []
    links = []
    unread = []
    var info = stat()
    guard stat(root, &info) == 0 else {
      skipUnread(root, errno)
      return nil
    }
    if info.st_mode & S_IFMT == S_IFREG {
      return [ScannedFile(root, info, isExplicit: true)]
    }
    guard info.st_mode & S_IFMT == S_IFDIR else {
      skip(root, .special)
      return []
    }
    let path = Array(root.utf8)
    enter(path, info, rules: rulesAbove(path))
    while let link = links.popLast(), !stopped { follow(link.path, link.rules) }
    return files
  }

  /// Whether the last scan was stopped by `onProgress`.
  package var wasStopped: Bool { stopped }

  private mutating func skip(_ path: String, _ reason: SkipReason) {
    skipped[reason, default: 0] += 1
    onSkip?(path, reason)
  }

  private mutating func skipUnread(_ path: String, _ problem: Int32) {
    if problem != ENOENT { unread.append(path) }
    skip(path, problem == EACCES ? .permission : .unreadable)
  }

  private mutating func enter(_ folder: [UInt8], _ info: stat, rules above: IgnoreRules) {
    // Folders still to read; the last is next, so subfolders are pushed in reverse.
    var pending: [(path: [UInt8], info: stat, rules: IgnoreRules)] = [(folder, info, above)]
    while let next = pending.popLast(), !stopped {
      let identity = Identity(device: UInt(next.info.st_dev), inode: UInt(next.info.st_ino))
      let name = String(decoding: next.path, as: UTF8.self)
      guard entered.insert(identity).inserted else {
        skip(name, .symbolicLink)
        continue
      }
      onFolder?(name)
      guard let directory = opendir(name) else {
        skipUnread(name, errno)
        continue
      }
      defer { closedir(directory) }
      var rules = next.rules
      if options.usesIgnoreFiles { addRules(in: next.path, &rules) }
      var subfolders: [(path: [UInt8], info: stat, rules: IgnoreRules)] = []
      let (names, problem) = Folder.names(directory)
      if problem != 0 { skipUnread(name, problem) }
      for entry in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        consider(entry, in: next.path, directory: directory, rules: rules, &subfolders)
      }
      pending.append(contentsOf: subfolders.reversed())
      if let onProgress, !onProgress(files.count) { stopped = true }
    }
  }

  private mutating func consider(
    _ name: [UInt8], in folder: [UInt8], directory: OpaquePointer, rules: IgnoreRules,
    _ subfolders: inout [(path: [UInt8], info: stat, rules: IgnoreRules)]
  ) {
    let path = (folder == [slash] ? folder : folder + [slash]) + name
    // What the index writes is not to be found by it; notes beside it are.
    if folder.elementsEqual(indexFolder), !name.reversed().starts(with: Array("dm.".utf8)) {
      return
    }
    let isHidden = name.first == UInt8(ascii: ".")
    if isHidden && (!options.includesHidden || name == Array(".git".utf8)) {
      // Ignore files and git's own folder are not worth a count.
      if !Self.ownNames.contains(name) { skip(String(decoding: path, as: UTF8.self), .hidden) }
      return
    }
    guard let text = String(validating: path, as: UTF8.self) else {
      return skip(String(decoding: path, as: UTF8.self), .nameNotText)
    }
    var info = stat()
    let found = name.withUnsafeBufferPointer { bytes in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
        for i in 0..<bytes.count { buffer[i] = CChar(truncatingIfNeeded: bytes[i]) }
        buffer[bytes.count] = 0
        return fstatat(dirfd(directory), buffer.baseAddress!, &info, AT_SYMLINK_NOFOLLOW) == 0
      }
    }
    guard found else { return skipUnread(text, errno) }
    let type = info.st_mode & S_IFMT
    if rules.ignores(path, isFolder: type == S_IFDIR) { return skip(text, .ignored) }
    switch type {
    case S_IFDIR: subfolders.append((path, info, rules))
    case S_IFREG: add(text, info)
    case S_IFLNK where options.followsLinks: links.append((path, rules))
    case S_IFLNK: skip(text, .symbolicLink)
    default: skip(text, .special)
    }
  }

  private mutating func add(_ path: String, _ info: stat) {
    let file = ScannedFile(path, info, isExplicit: false)
    if file.size > options.maximumFileBytes { return skip(path, .huge) }
    files.append(file)
  }

  private mutating func follow(_ path: [UInt8], _ rules: IgnoreRules) {
    let text = String(decoding: path, as: UTF8.self)
    var info = stat()
    guard stat(text, &info) == 0 else { return skipUnread(text, errno) }
    switch info.st_mode & S_IFMT {
    case S_IFDIR: enter(path, info, rules: rules)
    case S_IFREG: add(text, info)
    default: skip(text, .special)
    }
  }

  private static let ownNames: Set<[UInt8]> = [
    Array(".git".utf8), Array(".gitignore".utf8), Array(".carrelignore".utf8),
  ]

  // MARK: Ignore files

  private func addRules(in folder: [UInt8], _ rules: inout IgnoreRules) {
    let name = String(decoding: folder, as: UTF8.self)
    for file in ["/.git/info/exclude", "/.gitignore", "/.carrelignore"] {
      if let bytes = Self.smallFile(name + file) {
        rules.add(
          IgnorePattern.parse(bytes), folder: folder, isOwn: file == "/.carrelignore")
      }
    }
  }

  /// Rules of the folders above `root`, up to the repository it lies in; none outside of one.
  private func rulesAbove(_ root: [UInt8]) -> IgnoreRules {
    var rules = IgnoreRules()
    guard options.usesIgnoreFiles else { return rules }
    var above: [[UInt8]] = []
    var folder = root
    while true {
      let isTop = access(String(decoding: folder, as: UTF8.self) + "/.git", F_OK) == 0
      if isTop { break }
      guard let cut = folder.lastIndex(of: slash), cut > 0 else { return rules }
      folder = Array(folder[..<cut])
      above.append(folder)
    }
    for folder in above.reversed() { addRules(in: folder, &rules) }
    return rules
  }

  /// A file of at most 1 MiB, or nil.
  private static func smallFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
      info.st_size <= 1 << 20
    else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Int(info.st_size)) { buffer, count in
      count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
  }
}

extension ScannedFile {
  init(_ path: String, _ info: stat, isExplicit: Bool) {
    self.path = path
    size = Int(info.st_size)
    modified = Int64(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_mtim.tv_nsec)
    self.isExplicit = isExplicit
  }
}

// Taking a model off the disk: the files Carrel knows to be its own, and nothing else.
//
// In the models folder those are the model's files and its line in `.verified`. In the Hugging Face
// cache a file is a link in snapshots/<commit>/ to a blob that other revisions may link to as well:
// the links of this snapshot go, a blob goes with the last link to it, a snapshot with its last link,
// and a ref with its snapshot. A file that is being fetched again is left alone by its lock.

import Glibc
import Storage

/// What removing a model would do; `remove` does it.
package struct ModelRemoval: Sendable, Equatable {
  /// Files and links that go, in order.
  package private(set) var paths: [String] = []
  /// Bytes of the disk that become free: links have none, nor files that have other names besides.
  package private(set) var bytes = 0
  /// Folders that go if they are empty then, innermost first.
  private var folders: [String] = []
  private var modelFolder = ""
  private var modelsFolder = ""

  /// - Throws: `.notOurs` for a model that lies elsewhere than in the models folder or the cache.
  package init(
    _ model: InstalledModel, modelsFolder: String, cache: HubCache?
  ) throws(RegistryError) {
    self.modelsFolder = modelsFolder
    modelFolder = model.folder
    var home: String?
    if Self.lies(model.folder, in: modelsFolder) {
      home = FilePath.real(modelsFolder)
      addFiles(model)
    } else if let cache, Self.lies(model.folder, in: cache.path) {
      home = FilePath.real(cache.path)
      addSnapshot(model, cache)
    }
    // A linked folder is looked into, and leads to files that somebody else keeps.
    guard let home, paths.allSatisfy({ Self.reallyLies($0, in: home) }) else {
      throw RegistryError(
        .notOurs,
        "it lies in \(FilePath.real(model.folder) ?? model.folder), not in \(modelsFolder) or the "
          + "Hugging Face cache; remove it yourself", subject: model.id)
    }
  }

  /// Whether the entry itself, be it a link, lies below a folder when the folders above it are followed.
  private static func reallyLies(_ path: String, in folder: String) -> Bool {
    FilePath.real(parent(path)).map { lies($0, in: folder) } ?? false
  }

  private static func parent(_ path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  private static func lies(_ path: String, in folder: String) -> Bool {
    path == folder || path.hasPrefix(folder + "/")
  }

  // MARK: The models folder

  private mutating func addFiles(_ model: InstalledModel) {
    for file in model.files { add(file.path) }
    if model.folder != modelsFolder { folders.append(model.folder) }
  }

  private mutating func add(_ path: String) {
    guard !paths.contains(path), let entry = Entry(path) else { return }
    paths.append(path)
    if entry.links == 1 { bytes += entry.bytes }
  }

  // MARK: The cache

  private mutating func addSnapshot(_ model: InstalledModel, _ cache: HubCache) {
    // <cache>/models--owner--name/snapshots/<commit>/…
    let below = model.folder.dropFirst(cache.path.count).split(separator: "/")
    guard below.count >= 3, below[1] == "snapshots" else { return addFiles(model) }
    let repository = "\(cache.path)/\(below[0])"
    let commit = String(below[2])
    let leaving = Set(model.files.map(\.path))
    var kept: Set<String> = []
    var isSnapshotLeft = false
    let snapshots = "\(repository)/snapshots"
    for other in (try? Folder.names(in: snapshots)) ?? [] {
      for link in Self.files(below: "\(snapshots)/\(other)") where !leaving.contains(link) {
        if other == commit { isSnapshotLeft = true }
        if let target = Self.target(of: link) { kept.insert(target) }
      }
    }
    var blobs: [String] = []
    for file in model.files {
      add(file.path)
      guard let blob = Self.target(of: file.path), Self.lies(blob, in: "\(repository)/blobs"),
        !kept.contains(blob), !blobs.contains(blob)
      else { continue }
      blobs.append(blob)
    }
    for blob in blobs { add(blob) }
    var folder = model.folder
    while folder != snapshots, Self.lies(folder, in: snapshots) {
      folders.append(folder)
      folder = Self.parent(folder)
    }
    guard !isSnapshotLeft else { return }
    for ref in Self.files(below: "\(repository)/refs") {
      let text = (try? SmallFile.read(ref, limit: 256)).map { String(decoding: $0, as: UTF8.self) }
      if text.map(HTTPHead.trimmed) == commit { add(ref) }
    }
    folders += [snapshots, "\(repository)/refs", "\(repository)/blobs", repository]
  }

  /// Paths of files and links below a folder, its folders walked.
  private static func files(below folder: String, depth: Int = 0) -> [String] {
    guard depth < 8, let names = try? Folder.names(in: folder) else { return [] }
    return names.flatMap { name in
      let path = "\(folder)/\(name)"
      return Entry(path)?.isFolder == true ? files(below: path, depth: depth + 1) : [path]
    }
  }

  /// Where a link leads, made absolute and without `..`; nil for what is no link.
  private static func target(of path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = readlink(path, &buffer, 4096)
    guard count > 0 else { return nil }
    let text = String(
      decoding: buffer[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    return FilePath.absolute(text.hasPrefix("/") ? text : "\(parent(path))/\(text)")
  }

  /// A name as it stands, links not followed.
  private struct Entry {
    let isFolder: Bool
    let bytes: Int
    let links: Int

    init?(_ path: String) {
      var status = stat()
      guard lstat(path, &status) == 0 else { return nil }
      isFolder = status.st_mode & S_IFMT == S_IFDIR
      bytes = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
      links = Int(status.st_nlink)
    }
  }

  // MARK: Doing it

  /// Removes what was planned. A file that is gone already is no error.
  /// - Returns: bytes that became free.
  package func remove() throws(RegistryError) -> Int {
    var freed = 0
    for path in paths {
      let entry = Entry(path)
      guard unlink(path) == 0 || errno == ENOENT else {
        throw RegistryError(
          .damaged, StorageError(errno: errno, while: "remove it", path: path).message,
          subject: path)
      }
      if let entry, entry.links == 1 { freed += entry.bytes }
    }
    for folder in [modelFolder, modelsFolder] {
      var stamp = VerificationStamp(folder: folder)
      try stamp.forget(paths, below: folder)
    }
    // Only what is empty goes: a folder with anything else in it stays.
    for folder in folders { rmdir(folder) }
    return freed
  }
}

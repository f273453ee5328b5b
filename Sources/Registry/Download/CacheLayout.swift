// The Hugging Face cache on disk, so that what any tool fetched is there for all of them:
//
//   <cache>/CACHEDIR.TAG
//   <cache>/.locks/models--owner--name/<hash>.lock
//   <cache>/models--owner--name/
//     blobs/<hash>                     the bytes, named by SHA-256 (large) or git id (small)
//     blobs/<hash>.incomplete          bytes so far, with holes
//     blobs/<hash>.incomplete.json     which bytes those are (PartialFile)
//     refs/<revision>                  40 digits: the commit a branch or tag stood for
//     snapshots/<commit>/<path>        relative links to blobs
//
// A blob is only ever made by renaming a verified file, and links are made when all files of a plan
// are blobs: what can be seen in snapshots/ is right.

import Glibc
import Storage

package struct CacheLayout: Sendable {
  /// The folder that holds `models--…`.
  package let root: String
  package let repository: String

  package init(root: String, repository: String) {
    self.root = root
    self.repository = repository
  }

  private var folderName: String {
    "models--" + repository.split(separator: "/").joined(separator: "--")
  }
  package var folder: String { "\(root)/\(folderName)" }
  package var blobs: String { "\(folder)/blobs" }
  package func blob(_ file: HubFile) -> String { "\(blobs)/\(file.hash.hex)" }
  package func incomplete(_ file: HubFile) -> String { "\(blob(file)).incomplete" }
  package func sidecar(_ file: HubFile) -> String { "\(blob(file)).incomplete.json" }
  package func snapshot(_ commit: String) -> String { "\(folder)/snapshots/\(commit)" }
  package func ref(_ revision: String) -> String { "\(folder)/refs/\(revision)" }
  package func lock(_ file: HubFile) -> String {
    "\(root)/.locks/\(folderName)/\(file.hash.hex).lock"
  }

  // MARK: reading

  /// True when the blob is there with its full size; blobs are verified before they get their name.
  package func hasBlob(_ file: HubFile) -> Bool {
    guard let status = FileStatus(path: blob(file)) else { return false }
    return status.kind == .file && status.size == file.size
  }

  /// The commit that `revision` stood for when it was last looked up.
  package func commit(for revision: String) -> String? {
    if HubReference.isHex(revision, digits: 40) { return revision }
    guard let bytes = try? SmallFile.read(ref(revision), limit: 4096) else { return nil }
    let text = HTTPHead.trimmed(String(decoding: bytes, as: UTF8.self))
    return HubReference.isHex(text, digits: 40) ? text : nil
  }

  /// What a snapshot holds, as files whose hash is the name of the blob linked to. Links that lead
  /// nowhere, and files that are not links to a blob, are left out.
  package func snapshotFiles(_ commit: String) -> [HubFile] {
    var found: [HubFile] = []
    func walk(_ folder: String, _ prefix: String, depth: Int) {
      guard depth < 8, let names = try? Folder.names(in: folder) else { return }
      for name in names {
        let path = "\(folder)/\(name)"
        guard let status = FileStatus(path: path) else { continue }
        switch status.kind {
        case .folder: walk(path, "\(prefix)\(name)/", depth: depth + 1)
        case .file:
          guard let blob = Self.linkTarget(path)?.split(separator: "/").last.map(String.init) else {
            continue
          }
          let hash = blob.utf8.count == 64 ? ContentHash.sha256(blob) : .gitBlob(blob)
          if let file = HubFile(path: prefix + name, size: status.size, hash: hash) {
            found.append(file)
          }
        case .other: continue
        }
      }
    }
    walk(snapshot(commit), "", depth: 0)
    return found
  }

  private static func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = readlink(path, &buffer, 4096)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }

  // MARK: writing

  /// Makes the folders a download needs, and the tag that tells backup programs to stay away.
  package func prepare() throws(StorageError) {
    for path in [blobs, "\(folder)/refs", "\(folder)/snapshots", "\(root)/.locks/\(folderName)"] {
      try Self.makeFolders(path)
    }
    let tag = "\(root)/CACHEDIR.TAG"
    guard FileStatus(path: tag) == nil else { return }
    let text =
      "Signature: 8a477f597d28d172789f06886806bc55\n"
      + "# Models fetched from a hub. Everything here can be fetched again.\n"
    try AtomicFile.write(Array(text.utf8), to: tag)
  }

  /// Makes `files` visible as the snapshot of `commit`, then lets `revision` point to it. All of
  /// them must be blobs already. Links that are right stay untouched; others are replaced at once.
  package func link(
    _ files: [HubFile], commit: String, revision: String
  ) throws(StorageError) {
    for file in files {
      let path = "\(snapshot(commit))/\(file.path)"
      let depth = file.path.utf8.count { $0 == UInt8(ascii: "/") }
      let target = String(repeating: "../", count: depth + 2) + "blobs/\(file.hash.hex)"
      if Self.linkTarget(path) == target { continue }
      let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      try Self.makeFolders(parent)
      let temporary = "\(parent)/.\(file.hash.hex).\(getpid()).link"
      unlink(temporary)
      guard symlink(target, temporary) == 0 else {
        throw StorageError(errno: errno, while: "link", path: path)
      }
      guard rename(temporary, path) == 0 else {
        let number = errno
        unlink(temporary)
        throw StorageError(errno: number, while: "link", path: path)
      }
    }
    // A cache that cannot be written is fine as long as it is right.
    guard self.commit(for: revision) != commit else { return }
    let path = ref(revision)
    if let slash = path.lastIndex(of: "/") { try Self.makeFolders(String(path[..<slash])) }
    try AtomicFile.write(Array(commit.utf8), to: path)
  }

  static func makeFolders(_ path: String) throws(StorageError) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/\(part)"
      if mkdir(made, 0o755) != 0, errno != EEXIST, FileStatus(path: made)?.kind != .folder {
        throw StorageError(errno: errno, while: "make the folder", path: made)
      }
    }
    guard FileStatus(path: path)?.kind == .folder else {
      throw StorageError(errno: ENOTDIR, while: "make the folder", path: path)
    }
  }

  /// Bytes free for this user on the disk that holds, or would hold, the cache.
  package func freeBytes() -> Int? {
    var path = root
    while true {
      var status = statvfs()
      if statvfs(path, &status) == 0 {
        let (bytes, overflow) = Int(status.f_bavail).multipliedReportingOverflow(
          by: Int(status.f_frsize))
        return overflow ? nil : bytes
      }
      guard let slash = path.lastIndex(of: "/"), path != "/" else { return nil }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
  }
}

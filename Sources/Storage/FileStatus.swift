// What the file system knows of a path, and what a folder holds.

import Glibc

/// Kind, size and times of what lies at a path, following symbolic links.
package struct FileStatus: Sendable, Equatable {
  package enum Kind: Sendable, Equatable { case file, folder, other }

  package let kind: Kind
  /// Size in bytes.
  package let size: Int
  /// Time of the last change of the content, in nanoseconds since 1970.
  package let modified: Int64
  /// Identity of the file on this machine: the same for every link to it.
  package let device: UInt64
  package let inode: UInt64

  /// `nil` when nothing (or a dangling link) lies there or it may not be looked at.
  package init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .file
    case S_IFDIR: kind = .folder
    default: kind = .other
    }
    size = Int(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// Paths as text, and where they lead.
package enum FilePath {
  /// The path from the root, without `.`, `..` and doubled slashes; links are not looked at.
  package static func absolute(_ path: String) -> String {
    var parts: [Substring] = []
    let full = path.hasPrefix("/") ? path : currentFolder + "/" + path
    for part in full.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The same with every link followed; nil where nothing lies there. Corresponds to `realpath(3)`.
  package static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  private static var currentFolder: String {
    guard let folder = getcwd(nil, 0) else { return "" }
    defer { free(folder) }
    return String(cString: folder)
  }
}

package enum Folder {
  /// The names in a folder, sorted, without `.` and `..`; names that are not UTF-8 are left out.
  package static func names(in path: String) throws(StorageError) -> [String] {
    guard let folder = opendir(path) else {
      throw StorageError(errno: errno, while: "list", path: path)
    }
    defer { closedir(folder) }
    let (names, problem) = Self.names(folder)
    if problem != 0 { throw StorageError(errno: problem, while: "list", path: path) }
    return names.compactMap { String(validating: $0, as: UTF8.self) }.sorted()
  }

  /// The names in an open folder, as bytes and in no order, without `.` and `..`.
  /// - Returns: what was read, and the error that ended it early, or 0 (readdir(3)).
  package static func names(_ folder: OpaquePointer) -> (names: [[UInt8]], problem: Int32) {
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else { return (names, errno) }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) {
          Array(
            UnsafeBufferPointer(
              start: $0, count: strlen(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))))
        }
      }
      if name != [0x2e] && name != [0x2e, 0x2e] { names.append(name) }
    }
  }
}

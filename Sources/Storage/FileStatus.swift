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
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// The folders a client may reach: what is indexed, and what the command line allows besides.
///
/// Paths are compared without symbolic links, so neither `..` nor a link leads out.
package struct AllowedFolders: Sendable, Equatable {
  /// Existing folders and files, absolute, without links.
  package let roots: [String]

  /// - Parameter folders: absolute paths; what does not exist allows nothing.
  package init(_ folders: [String]) {
    roots = folders.compactMap(OpenFile.realPath)
  }

  /// Whether a path without links lies in one of them, or is one.
  package func contains(_ realPath: String) -> Bool {
    roots.contains { root in
      realPath == root || realPath.hasPrefix(root == "/" ? "/" : root + "/")
    }
  }

  /// Whether an existing path lies in one of them when its links are followed.
  package func allows(_ path: String) -> Bool {
    guard path.hasPrefix("/"), let real = OpenFile.realPath(path) else { return false }
    return contains(real)
  }
}

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
  package func contains(_ realPath: String) -> Bool { root(containing: realPath) != nil }

  /// The innermost of them that an existing path lies in when its links are followed; nil where none.
  package func root(of path: String) -> String? {
    guard path.hasPrefix("/"), let real = OpenFile.realPath(path) else { return nil }
    return root(containing: real)
  }

  private func root(containing realPath: String) -> String? {
    roots.filter { root in
      realPath == root || realPath.hasPrefix(root == "/" ? "/" : root + "/")
    }.max { $0.utf8.count < $1.utf8.count }
  }
}

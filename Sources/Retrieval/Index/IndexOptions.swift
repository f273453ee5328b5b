/// What a run of indexing may be told.
package struct IndexOptions: Sendable, Equatable {
  /// Larger files are skipped, in bytes, unless named explicitly.
  package var maximumFileBytes = 32 << 20
  /// Read files and folders whose name begins with a dot.
  package var includesHidden = false
  /// Honour .gitignore, .carrelignore and .git/info/exclude.
  package var usesIgnoreFiles = true
  /// Follow symbolic links found below the roots.
  package var followsLinks = false

  package init() {}
}

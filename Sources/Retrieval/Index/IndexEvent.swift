/// What indexing reports while it works. The stream ends after `.finished`, or throws.
package enum IndexEvent: Sendable {
  /// Files found so far; sent while folders are read.
  case scanning(found: Int)
  case fileIndexed(path: String, chunks: Int, embedded: Int, bytes: Int)
  case fileRemoved(path: String)
  case skipped(path: String, reason: SkipReason)
  case progress(IndexProgress)
  /// The files are done; their words are merged so that searches are quick. Pages so far, and how many they
  /// will be, about.
  case merging(done: Int, total: Int)
  case finished(IndexSummary)
}

package struct IndexProgress: Sendable, Equatable {
  package var filesDone = 0
  package var filesTotal = 0
  package var bytesDone = 0
  package var bytesTotal = 0
  package var chunks = 0
  package var embedded = 0
  /// Since the start of the run.
  package var seconds = 0.0

  package init() {}
}

/// What one run did.
package struct IndexSummary: Sendable, Equatable {
  package var added = 0
  package var updated = 0
  package var unchanged = 0
  package var removed = 0
  /// Counted by reason; ignored folders count once.
  package var skipped: [SkipReason: Int] = [:]
  /// Roots that are not there or may not be read, and how many files of each are kept.
  package var kept: [String: Int] = [:]
  package var chunks = 0
  /// Chunks that went through the embedder; the others kept their vectors.
  package var embedded = 0
  /// Bytes of the files read.
  package var bytes = 0
  package var seconds = 0.0

  package init() {}
}

/// What the index holds, and how it compares with the disk.
package struct IndexStatus: Sendable, Equatable {
  package var path: String
  package var roots: [String]
  package var files: Int
  package var chunks: Int
  /// Chunks that have a vector.
  package var embedded: Int
  /// Files changed, gone or new on the disk since they were indexed; nil when not asked for.
  package var stale: Int?
  /// Bytes of the database with its side files.
  package var bytes: Int
  /// Bytes of the indexed files.
  package var sourceBytes: Int
  package var embedder: EmbedderIdentity?
  /// From the last scan of each root.
  package var skipped: [SkipReason: Int]
}

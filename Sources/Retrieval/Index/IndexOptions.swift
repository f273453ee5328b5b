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
  /// The folder the index itself lies in: of what it holds, only Markdown is read.
  package var indexFolder: String?

  /// Tokens of a passage with its headings and what it repeats; never more than the embedder reads.
  /// This and `chunkOverlap` are chosen from the README's table.
  package var chunkTokens = 210
  /// Tokens of a passage repeated at most at the beginning of the next; part of `chunkTokens`.
  package var chunkOverlap = 40

  /// Files written by one transaction, at most; nil for as many as a window has. For measurements.
  package var filesPerTransaction: Int?

  package var wordMerge = WordMerge()

  package init() {}

  package func chunker(for embedder: (any Embedder)?) -> Chunker {
    Chunker(limit: min(chunkTokens, mostTokens(for: embedder)), overlap: chunkOverlap)
  }

  /// Tokens of a text that an embedder reads; two more are the model's own: [CLS] and [SEP].
  func mostTokens(for embedder: (any Embedder)?) -> Int { (embedder?.maximumTokens ?? 256) - 2 }

  /// Files cut with other settings are cut anew.
  func format(for embedder: (any Embedder)?) -> Int64 {
    let chunker = chunker(for: embedder)
    return IndexSchema.format << 32 | Int64(chunker.overlap & 0xffff) << 16
      | Int64(chunker.limit & 0xffff)
  }
}

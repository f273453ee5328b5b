import Retrieval

/// What indexing reports while it works; the stream ends after `finished`, or throws.
public enum IndexingEvent: Sendable {
  /// Files found so far.
  case scanning(found: Int)
  case indexed(path: String, chunks: Int, embedded: Int, bytes: Int)
  case removed(path: String)
  /// A file that was not read, with the reason as `index status` prints it.
  case skipped(path: String, reason: String)
  case progress(IndexingProgress)
  /// The files are done; their words are merged so that searches are quick. Pages so far, and how many they
  /// will be, about.
  case merging(done: Int, total: Int)
  case finished(IndexingSummary)
}

/// How far a run of indexing is. Bytes are of the files to read.
public struct IndexingProgress: Sendable, Equatable {
  public var filesDone = 0
  public var filesTotal = 0
  public var bytesDone = 0
  public var bytesTotal = 0
  public var chunks = 0
  public var embedded = 0
  public var seconds = 0.0
}

/// What one run of indexing did.
public struct IndexingSummary: Sendable, Equatable {
  public var added = 0
  public var updated = 0
  public var unchanged = 0
  public var removed = 0
  /// Files not read, by reason.
  public var skipped: [String: Int] = [:]
  /// Folders that are not there or may not be read, and how many files of each are kept.
  public var kept: [String: Int] = [:]
  public var chunks = 0
  /// Chunks that went through the embedder; the others kept their vectors.
  public var embedded = 0
  public var bytes = 0
  public var seconds = 0.0

  /// A sentence about each folder of `kept`, in the order of the alphabet.
  public var warnings: [String] {
    kept.sorted { $0.key < $1.key }.map { path, files in
      "\(path) is not there or may not be read: what the index has of it is kept "
        + "(\(files == 1 ? "1 file" : "\(files) files")). `carrel index remove \(path)` takes it out."
    }
  }
}

/// What the index holds, and how it compares with the disk.
public struct IndexReport: Sendable, Equatable {
  /// The database file.
  public let path: String
  public let roots: [String]
  public let files: Int
  public let chunks: Int
  /// Chunks that have a vector.
  public let embedded: Int
  /// Files changed, gone or new on the disk since they were indexed; nil when not looked at.
  public let stale: Int?
  public let bytes: Int
  public let sourceBytes: Int
  /// Name of the embedding model; nil when only words are indexed.
  public let embedder: String?
  public let skipped: [String: Int]
}

/// Which sides of the search are asked.
public enum SearchSides: String, Sendable, CaseIterable {
  case hybrid, lexical, semantic
}

/// The passages found for a query.
public struct SearchReport: Sendable {
  public let query: String
  /// The sides really used: hybrid becomes lexical where there is no embedder.
  public let mode: SearchSides
  public let hits: [Hit]
  public let seconds: Double
  /// Where was searched.
  public let scope: SearchScope
  /// Documents that lie there; nil where everything was searched.
  public let filesInScope: Int?
  /// Misspelled words of the query, and what was searched for in their place.
  public internal(set) var corrected: [String: String] = [:]

  /// A sentence about each of them, in the order of the alphabet.
  public var corrections: [String] {
    corrected.sorted { $0.key < $1.key }.map {
      "No document has “\($0.key)”: “\($0.value)” was searched for."
    }
  }

  public struct Hit: Sendable, Equatable {
    /// The passage's number in the index, for `passages(around:)`; a changed file gets new ones.
    public let id: Int
    public let rank: Int
    public let path: String
    public let startLine: Int
    public let endLine: Int
    public let startByte: Int
    public let endByte: Int
    public let score: Double
    /// Place among the hits by words, from 1; nil where that side did not list it.
    public let lexicalRank: Int?
    /// Place among the hits by meaning.
    public let semanticRank: Int?
    public let cosine: Double?
    public let text: String
    /// Headings above the passage, outermost first; "" for none.
    public let headings: String
    /// Its place among the passages of its document, from 0.
    package var ordinal: Int?
  }
}

extension IndexingEvent {
  init(_ event: Retrieval.IndexEvent) {
    switch event {
    case .scanning(let found): self = .scanning(found: found)
    case .fileIndexed(let path, let chunks, let embedded, let bytes):
      self = .indexed(path: path, chunks: chunks, embedded: embedded, bytes: bytes)
    case .fileRemoved(let path): self = .removed(path: path)
    case .skipped(let path, let reason): self = .skipped(path: path, reason: reason.description)
    case .progress(let p):
      self = .progress(
        IndexingProgress(
          filesDone: p.filesDone, filesTotal: p.filesTotal, bytesDone: p.bytesDone,
          bytesTotal: p.bytesTotal, chunks: p.chunks, embedded: p.embedded, seconds: p.seconds))
    case .merging(let done, let total): self = .merging(done: done, total: total)
    case .finished(let s):
      self = .finished(
        IndexingSummary(
          added: s.added, updated: s.updated, unchanged: s.unchanged, removed: s.removed,
          skipped: s.skipped.byWords, kept: s.kept, chunks: s.chunks, embedded: s.embedded,
          bytes: s.bytes, seconds: s.seconds))
    }
  }
}

extension IndexReport {
  init(_ s: Retrieval.IndexStatus) {
    self.init(
      path: s.path, roots: s.roots, files: s.files, chunks: s.chunks, embedded: s.embedded,
      stale: s.stale, bytes: s.bytes, sourceBytes: s.sourceBytes, embedder: s.embedder?.name,
      skipped: s.skipped.byWords)
  }
}

extension SearchReport {
  init(
    query: String, scope: SearchScope, _ result: Retrieval.SearchResult, seconds: Double
  ) {
    self.query = query
    self.scope = scope
    self.filesInScope = result.filteredFiles
    self.corrected = result.corrected
    self.mode = SearchSides(result.mode)
    self.seconds = seconds
    self.hits = result.hits.map {
      Hit(
        id: Int($0.chunkID), rank: $0.rank, path: $0.path, startLine: $0.startLine,
        endLine: $0.endLine,
        startByte: $0.startByte, endByte: $0.endByte, score: $0.score,
        lexicalRank: $0.lexicalRank, semanticRank: $0.semanticRank, cosine: $0.cosine,
        text: $0.text, headings: $0.headings, ordinal: $0.ordinal)
    }
  }
}

extension SearchSides {
  init(_ mode: Retrieval.SearchMode) {
    switch mode {
    case .hybrid: self = .hybrid
    case .lexical: self = .lexical
    case .semantic: self = .semantic
    }
  }

  var mode: Retrieval.SearchMode {
    switch self {
    case .hybrid: .hybrid
    case .lexical: .lexical
    case .semantic: .semantic
    }
  }
}

extension [Retrieval.SkipReason: Int] {
  fileprivate var byWords: [String: Int] {
    reduce(into: [:]) { $0[$1.key.description, default: 0] += $1.value }
  }
}

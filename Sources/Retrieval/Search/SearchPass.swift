import Database

/// One search on one state of the index.
struct SearchPass {
  let connection: Connection
  let vectors: VectorIndex?
  /// The question's vector; nil for a search by words.
  let query: [Float]?
  /// The question's words; nil for a search by meaning.
  let terms: QueryTerms?
  let fusion: Fusion
  /// Candidates from each side.
  let depth: Int

  private var evidence = Fusion.Evidence()

  init(
    connection: Connection, vectors: VectorIndex?, query: [Float]?, terms: QueryTerms?,
    fusion: Fusion, depth: Int
  ) {
    self.connection = connection
    self.vectors = vectors
    self.query = query
    self.terms = terms
    self.fusion = fusion
    self.depth = depth
  }

  /// Candidates of both sides with both true scores, best first.
  mutating func run() throws -> [(Fusion.Candidate, Double)] {
    let lexical = try terms.map { try LexicalSearch(connection, $0) }
    var candidates: [Int64: Fusion.Candidate] = [:]
    let words = try lexical?.top(depth) ?? []
    evidence.lexicalGap =
      (words.first?.score ?? 0) - (words.count < depth ? 0 : words[depth - 1].score)
    for (index, hit) in words.enumerated() {
      var candidate = Fusion.Candidate(chunkID: hit.id, lexicalRank: index + 1, bm25: hit.score)
      if query != nil, let vector = try vectorID(of: hit.id) {
        candidate.cosine = cosine(vector)
      }
      candidates[hit.id] = candidate
    }
    if let vectors, let query {
      let found = try vectors.nearest(depth, query: query)
      evidence.spread = found.spread
      evidence.semanticGap = Double(
        (found.matches.first?.cosine ?? 0) - (found.matches.last?.cosine ?? 0))
      var rank = 0
      var new: [Int64] = []
      for hit in found.matches where rank < depth {
        // Equal passages share a vector, and are listed one after another.
        for id in try chunks(of: hit.id) {
          rank += 1
          if candidates[id] == nil { new.append(id) }
          candidates[id, default: Fusion.Candidate(chunkID: id)].semanticRank = rank
          candidates[id]?.cosine = Double(hit.cosine)
        }
      }
      if let lexical {
        for (id, score) in zip(new, try lexical.scores(of: new)) { candidates[id]?.bm25 = score }
      }
    }
    return order(Array(candidates.values))
  }

  private func order(_ candidates: [Fusion.Candidate]) -> [(Fusion.Candidate, Double)] {
    if query != nil && terms != nil { return fusion.rank(candidates, evidence) }
    let scored = candidates.map { candidate -> (Fusion.Candidate, Double) in
      (candidate, query == nil ? candidate.bm25 : candidate.cosine ?? -1)
    }
    return scored.sorted { a, b in
      let (left, right) = (rankAlone(a.0), rankAlone(b.0))
      return left != right ? left < right : a.0.chunkID < b.0.chunkID
    }
  }

  private func rankAlone(_ candidate: Fusion.Candidate) -> Int {
    (query == nil ? candidate.lexicalRank : candidate.semanticRank) ?? .max
  }

  private func cosine(_ vector: Int64) -> Double? {
    guard let vectors, let query else { return nil }
    return vectors.cosine(of: vector, query: query).map(Double.init)
  }

  private func vectorID(of chunk: Int64) throws -> Int64? {
    let statement = try connection.statement("SELECT embedding_id FROM chunk WHERE id = ?")
      .bind(1, chunk)
    defer { statement.reset() }
    return try statement.step() ? statement.optionalInteger(0) : nil
  }

  /// Passages with a vector, in order; of very many equal ones the first.
  private func chunks(of vector: Int64) throws -> [Int64] {
    let statement = try connection.statement(
      "SELECT id FROM chunk WHERE embedding_id = ? ORDER BY id LIMIT 16"
    ).bind(1, vector)
    defer { statement.reset() }
    var ids: [Int64] = []
    while try statement.step() { ids.append(statement.integer(0)) }
    return ids
  }

  private static func words(of text: String) -> Set<String> {
    let words = QueryTerms.words(of: text)
    return words.isEmpty ? [text] : words
  }

  /// Reads the passages of the best candidates.
  func hits(
    _ ranked: [(Fusion.Candidate, Double)], limit: Int, distinct: Bool
  ) throws -> [SearchHit] {
    let statement = try connection.statement(
      """
      SELECT file.path, start_line, end_line, start_byte, end_byte, body, title, headings, ordinal,
        converted FROM chunk JOIN file ON file.id = chunk.file_id WHERE chunk.id = ?
      """)
    defer { statement.reset() }
    var hits: [SearchHit] = []
    var seen: Set<Set<String>> = []
    for (candidate, score) in ranked where hits.count < limit {
      statement.reset()
      try statement.bind(1, candidate.chunkID)
      guard try statement.step() else { continue }
      let text = statement.text(5)
      // What differs in case, order or punctuation only says the same.
      if distinct, !seen.insert(Self.words(of: text)).inserted { continue }
      hits.append(
        SearchHit(
          rank: hits.count + 1, path: statement.text(0), startLine: Int(statement.integer(1)),
          endLine: Int(statement.integer(2)), startByte: Int(statement.integer(3)),
          endByte: Int(statement.integer(4)), score: score, lexicalRank: candidate.lexicalRank,
          semanticRank: candidate.semanticRank,
          lexicalScore: candidate.bm25 > 0 ? candidate.bm25 : nil, cosine: candidate.cosine,
          text: text, title: statement.text(6), headings: statement.text(7),
          chunkID: candidate.chunkID, ordinal: Int(statement.integer(8)),
          isConverted: statement.integer(9) != 0))
    }
    return hits
  }
}

import Compute
import Database

/// One search on one state of the index.
struct SearchPass {
  let connection: Connection
  let vectors: VectorIndex?
  /// The question's vector; nil for a search by words.
  let query: [Float]?
  /// The FTS5 expression; nil for a search by meaning.
  let match: String?
  let fusion: Fusion
  /// Candidates from each side.
  let depth: Int

  private var spread = CosineSpread()

  init(
    connection: Connection, vectors: VectorIndex?, query: [Float]?, match: String?, fusion: Fusion,
    depth: Int
  ) {
    self.connection = connection
    self.vectors = vectors
    self.query = query
    self.match = match
    self.fusion = fusion
    self.depth = depth
  }

  /// Candidates of both sides with both true scores, best first.
  mutating func run() throws -> [(Fusion.Candidate, Double)] {
    let lexical = try match.map { try LexicalMatches(connection, $0) }
    var candidates: [Int64: Fusion.Candidate] = [:]
    for (index, row) in (lexical?.top(depth) ?? []).enumerated() {
      let id = lexical!.ids[row.row]
      var candidate = Fusion.Candidate(
        chunkID: id, lexicalRank: index + 1, bm25: lexical!.scores[row.row])
      if query != nil, let vector = try vectorID(of: id) {
        candidate.cosine = cosine(vector)
      }
      candidates[id] = candidate
    }
    if let vectors, let query {
      let found = try vectors.nearest(depth, query: query)
      spread = found.spread
      var rank = 0
      for hit in found.matches where rank < depth {
        // Equal passages share a vector, and are listed one after another.
        for id in try chunks(of: hit.id) {
          rank += 1
          var candidate =
            candidates[id] ?? Fusion.Candidate(chunkID: id, bm25: lexical?.score(of: id) ?? 0)
          candidate.semanticRank = rank
          candidate.cosine = Double(hit.cosine)
          candidates[id] = candidate
        }
      }
    }
    return order(Array(candidates.values))
  }

  private func order(_ candidates: [Fusion.Candidate]) -> [(Fusion.Candidate, Double)] {
    if query != nil && match != nil { return fusion.rank(candidates, spread: spread) }
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
    var seen: Set<String> = []
    for (candidate, score) in ranked where hits.count < limit {
      statement.reset()
      try statement.bind(1, candidate.chunkID)
      guard try statement.step() else { continue }
      let text = statement.text(5)
      if distinct, !seen.insert(text).inserted { continue }
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

/// All passages with a word of the question, and their bm25.
///
/// One pass over FTS5's answer keeps every score: the best are found by a heap instead of FTS5's
/// sorter, and passages that only the semantic side proposes find their true bm25 here.
struct LexicalMatches {
  /// Ascending, as FTS5 delivers them.
  private(set) var ids: [Int64] = []
  /// Higher is better.
  private(set) var scores: [Double] = []

  init(_ connection: Connection, _ match: String) throws {
    let statement = try connection.statement(
      "SELECT rowid, bm25(words, \(IndexSchema.weights)) FROM words WHERE words MATCH ?")
    defer { statement.reset() }
    try statement.bind(1, match)
    while try statement.step() {
      ids.append(statement.integer(0))
      scores.append(-statement.double(1))
    }
  }

  /// Best first, ties by lower passage.
  func top(_ limit: Int) -> [ScoredRow] {
    // Single precision would tie what differs: the heap holds rows, the order is made exact after.
    var best = TopRows(capacity: limit)
    for (row, score) in scores.enumerated() {
      best.offer(ScoredRow(row: row, score: Float(score)))
    }
    return best.sorted().sorted { a, b in
      scores[a.row] != scores[b.row] ? scores[a.row] > scores[b.row] : a.row < b.row
    }
  }

  func score(of id: Int64) -> Double? {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? scores[low] : nil
  }
}

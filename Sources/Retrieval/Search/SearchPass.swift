import Database

/// One search on one state of the index.
struct SearchPass {
  let connection: Connection
  let vectors: VectorIndex?
  /// The question's vector; nil for a search by words.
  let query: [Float]?
  /// The question's words; nil for a search by meaning.
  let terms: QueryTerms?
  private var fusion: Fusion
  /// Passages that may be found; nil for all.
  let passing: PassingPassages?
  /// Candidates from each side.
  let depth: Int
  /// Words of the question that this one leans on, which count less.
  let background: QueryTerms?
  private var evidence = Fusion.Evidence()

  init(
    connection: Connection, vectors: VectorIndex?, query: [Float]?, terms: QueryTerms?,
    fusion: Fusion, depth: Int, passing: PassingPassages? = nil, background: QueryTerms? = nil
  ) {
    self.background = background
    self.passing = passing
    self.connection = connection
    self.vectors = vectors
    self.query = query
    self.terms = terms
    self.fusion = fusion
    self.depth = depth
    let words = (terms?.tellingWords ?? 0) + (background?.tellingWords ?? 0)
    self.fusion.weight *= Fusion.emphasis(words: words)
  }

  enum Outcome {
    /// Candidates of both sides with both true scores, best first.
    case ranked([(Fusion.Candidate, Double)])
    /// What misspelled words were meant to be, which is to be searched for in their place, and what was
    /// read of the others.
    case misspelled([String: String], TermReadings)
  }

  /// - Parameters:
  ///   - readings: what was read for another form of the same question.
  ///   - isWord: whether a word is spelled as it was meant, though no document may have it.
  mutating func run(
    after readings: TermReadings? = nil, isWord: (String) -> Bool = { _ in true }
  ) throws -> Outcome {
    let semantic = startNearest()
    let lexical = try terms.map {
      try LeaningSearch(
        connection: connection,
        question: LexicalSearch(connection, $0, passing: passing, after: readings),
        background: background.map { try LexicalSearch(connection, $0, passing: passing) })
    }
    var nearby: Nearest?
    if let lexical {
      var spelling = Spelling(lexical.question.unknown.filter { !isWord($0) })
      if !spelling.isEmpty {
        nearby = try semantic?.result() ?? nearest()
        let ids = try nearby.map { try passages(of: $0.matches).map(\.id) }
        try read(ids ?? lexical.top(Spelling.passages).map(\.id), &spelling)
        let meant = spelling.corrections
        if !meant.isEmpty { return .misspelled(meant, lexical.question.reader.readings) }
      }
    }
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
    if let found = try nearby ?? semantic?.result() ?? nearest() {
      evidence.spread = found.spread
      evidence.semanticGap = Double(
        (found.matches.first?.cosine ?? 0)
          - (found.matches.prefix(depth).last?.cosine ?? 0))
      var new: [Int64] = []
      let near = try passages(of: found.matches).prefix(depth)
      for (index, hit) in near.enumerated() {
        if candidates[hit.id] == nil { new.append(hit.id) }
        candidates[hit.id, default: Fusion.Candidate(chunkID: hit.id)].semanticRank = index + 1
        candidates[hit.id]?.cosine = hit.cosine
      }
      if let lexical {
        for (id, score) in zip(new, try lexical.scores(of: new)) { candidates[id]?.bm25 = score }
        let nearest = near.prefix(Fusion.nearest).map(\.id)
        try complement(lexical.complementing(nearest, fusion), &candidates)
      }
    }
    return .ranked(try order(Array(candidates.values)))
  }

  /// Scores the candidates by words once more, with the weights that complement the semantic side.
  private mutating func complement(
    _ lexical: LeaningSearch, _ candidates: inout [Int64: Fusion.Candidate]
  ) throws {
    let ids = candidates.keys.sorted()
    let scores = try lexical.scores(of: ids)
    for (id, score) in zip(ids, scores) { candidates[id]?.complement = score }
    let best = scores.sorted(by: >)
    evidence.lexicalGap = (best.first ?? 0) - (best.count < depth ? 0 : best[depth - 1])
  }

  /// Reads the first of some passages for the words in them.
  private func read(_ ids: [Int64], _ spelling: inout Spelling) throws {
    let statement = try connection.statement(
      "SELECT title || ' ' || headings || ' ' || body FROM passage WHERE id = ?")
    defer { statement.reset() }
    for id in ids.prefix(Spelling.passages) {
      statement.reset()
      try statement.bind(1, id)
      if try statement.step() { statement.withBlob(0) { spelling.read($0) } }
    }
  }

  /// The best vectors; of those as good as the last one all, so that which are among them does not
  /// depend on when they were indexed.
  private static func nearest(
    _ vectors: VectorIndex, _ query: [Float], _ depth: Int, _ filter: VectorFilter?
  ) throws -> Nearest {
    var limit = depth + 1
    while true {
      let found = try vectors.nearest(limit, query: query, filter: filter)
      guard found.matches.count == limit, limit < depth + mostTies,
        found.matches[depth - 1].cosine == found.matches[limit - 1].cosine
      else { return found }
      limit = min(limit * 4, depth + mostTies)
    }
  }

  private static let mostTies = 1000

  private typealias Nearest = (matches: [VectorMatch], spread: CosineSpread)

  private func filter(_ vectors: VectorIndex) -> VectorFilter? {
    passing.map { vectors.filter(ids: $0.vectors) }
  }

  private func nearest() throws -> Nearest? {
    guard let vectors, let query else { return nil }
    return try Self.nearest(vectors, query, depth, filter(vectors))
  }

  /// In a large index begins with the vectors while the words are read, where more than one thread may
  /// work; else nil.
  private func startNearest() -> Beside<Nearest>? {
    guard let vectors, let query, terms != nil, vectors.isShared else { return nil }
    let depth = depth
    let filter = self.filter(vectors)
    return Beside { try Self.nearest(vectors, query, depth, filter) }
  }

  /// The passages of vectors, equal cosines by path and place. Equal passages share a vector.
  private func passages(of matches: [VectorMatch]) throws -> [(id: Int64, cosine: Double)] {
    var found: [(id: Int64, cosine: Double)] = []
    for match in matches {
      // Beyond the depth only what is as good as its last matters.
      if found.count >= depth, let last = found.last, last.cosine != Double(match.cosine) { break }
      for id in try chunks(of: match.id) { found.append((id, Double(match.cosine))) }
    }
    try PassageOrder(connection: connection).sort(&found, score: \.cosine, chunk: \.id)
    return found
  }

  private func order(_ candidates: [Fusion.Candidate]) throws -> [(Fusion.Candidate, Double)] {
    let isHybrid = query != nil && terms != nil
    var scored = candidates.map { candidate -> (Fusion.Candidate, Double) in
      let alone = Double(rankAlone(candidate))
      return (candidate, isHybrid ? fusion.score(candidate, evidence) : -alone)
    }
    try PassageOrder(connection: connection).sort(&scored, score: \.1, chunk: \.0.chunkID)
    if isHybrid { return scored }
    return scored.map { ($0.0, query == nil ? $0.0.bm25 : $0.0.cosine ?? -1) }
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

  /// Passages with a vector; of very many equal ones the first by path and place.
  private func chunks(of vector: Int64) throws -> [Int64] {
    let statement = try connection.statement(
      """
      SELECT id FROM (
        SELECT chunk.id AS id, path, ordinal FROM chunk JOIN file ON file.id = file_id
        WHERE embedding_id = ? LIMIT ?)
      ORDER BY path, ordinal
      """
    ).bind(1, vector).bind(2, passing == nil ? 1000 : -1)
    defer { statement.reset() }
    var ids: [Int64] = []
    while ids.count < 16, try statement.step() {
      let id = statement.integer(0)
      if passing?.contains(id) ?? true { ids.append(id) }
    }
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

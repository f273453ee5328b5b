import Database

/// The lexical side of a search for a question that may lean on an earlier one: bm25 of its own words
/// and, half as much, of the earlier question's.
struct LeaningSearch {
  let connection: Connection
  let question: LexicalSearch
  /// nil for a question that stands by itself.
  let background: LexicalSearch?

  /// The best passages, best first, ties by path and place: of those that are among the best for either.
  func top(_ limit: Int) throws -> [(id: Int64, score: Double)] {
    let own = try question.top(limit)
    guard let background else { return own }
    let ids = Set((own + (try background.top(limit))).map(\.id)).sorted()
    var scored = zip(ids, try scores(of: ids)).map { (id: $0, score: $1) }
    try PassageOrder(connection: connection).sort(&scored, score: \.score, chunk: \.id)
    return Array(scored.prefix(limit))
  }

  func scores(of ids: [Int64]) throws -> [Double] {
    let own = try question.scores(of: ids)
    guard let background else { return own }
    return zip(own, try background.scores(of: ids)).map {
      $0 + SearchService.backgroundWeight * $1
    }
  }
  /// The same search beside passages that the semantic side found.
  func complementing(_ nearest: [Int64], _ fusion: Fusion) throws -> LeaningSearch {
    LeaningSearch(
      connection: connection, question: try question.complementing(nearest, fusion),
      background: try background?.complementing(nearest, fusion))
  }
}

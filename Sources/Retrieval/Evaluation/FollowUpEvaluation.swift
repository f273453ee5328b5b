import FoundationEssentials
import Storage

/// How well a question that leans on the one before it finds its passage. Lines of JSON: `after`, the
/// question before; `asks`, a question of `SpanQuestions` in full; `as`, how it is asked here.
package enum FollowUpEvaluation {
  package struct Pair: Decodable, Sendable {
    package var after: String
    package var asks: String
    package var `as`: String
  }

  /// What is searched for.
  package enum Query: String, Sendable, CaseIterable {
    /// The short question.
    case alone
    /// Both questions as one text.
    case joined
    /// The short question, the one before it counting half.
    case leaning
    /// The question in full.
    case full
  }

  package static func pairs(_ file: String) throws -> [Pair] {
    try SmallFile.read(file, limit: 1 << 26).split(separator: 10).map {
      try JSONDecoder().decode(Pair.self, from: Data($0))
    }
  }

  /// For each kind of query the share of questions whose answer is among the first, first five and
  /// first ten passages. A passage answers when it shares half of an answer's bytes, or of its own.
  ///
  /// - Parameter leans: what a question leans on, for `leaning`.
  package static func run(
    _ set: SpanQuestions, _ pairs: [Pair], embedder: (any Embedder)?,
    leans: (Pair) -> String?
  ) async throws -> [Query: [Double]] {
    let scratch = try RetrievalEvaluation.makeScratchFolder()
    defer { RetrievalEvaluation.removeScratchFolder(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    for try await _ in index.add(set.documents.keys.sorted(), embedder: embedder) {}
    let search = try SearchService(index: index, embedder: embedder)
    let known = Dictionary(set.questions.map { ($0.text, $0) }) { first, _ in first }
    var found: [Query: [Double]] = [:]
    for pair in pairs {
      guard let question = known[pair.asks] else {
        throw RetrievalError(
          .badEvaluationSet, "The set has no question “\(pair.asks)”.", subject: pair.asks)
      }
      for query in Query.allCases {
        let text =
          switch query {
          case .alone, .leaning: pair.as
          case .joined: pair.after + " " + pair.as
          case .full: pair.asks
          }
        let hits = try await search.find(
          text, limit: 10, after: query == .leaning ? leans(pair) : nil
        ).hits
        let place = hits.firstIndex { answers($0, question) } ?? .max
        let shares = [1, 5, 10].map { place < $0 ? 1 / Double(pairs.count) : 0 }
        found[query] = zip(found[query] ?? [0, 0, 0], shares).map { $0 + $1 }
      }
    }
    return found
  }

  private static func answers(_ hit: SearchHit, _ question: SpanQuestions.Question) -> Bool {
    guard hit.path == question.path else { return false }
    return question.answers.contains { answer in
      let shared = answer.clamped(to: hit.startByte..<hit.endByte).count
      return 2 * shared >= min(answer.count, hit.endByte - hit.startByte)
    }
  }
}

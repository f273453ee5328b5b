import Database
import Retrieval
import TestSupport
import Testing

@Suite("Lexical search")
struct LexicalSearchTests {
  private static let vocabulary = (0..<400).map { "w\($0)x" }

  /// Passages of words that are the rarer the higher their number, as in a language.
  private static func index(_ count: Int, _ folder: TemporaryFolder) async throws -> Connection {
    var random = Seeded(11)
    var documents: [EvaluationSet.Document] = []
    for number in 0..<count {
      let words = (0..<Int.random(in: 5...60, using: &random)).map { _ in
        let place = Double.random(in: 0..<1, using: &random)
        return vocabulary[Int(place * place * place * 400)]
      }
      documents.append(
        .init(
          id: "/d/\(number)", title: number % 7 == 0 ? vocabulary[number % 50] : "",
          text: words.joined(separator: " ")))
    }
    let index = try DocumentIndex.open(folder: folder.path)
    try await index.fill(documents, embedder: nil)
    return try Connection(path: folder.path + "/carrel.sqlite", mode: .readOnly)
  }

  private static func query(_ random: inout Seeded) -> String {
    (0..<Int.random(in: 1...6, using: &random)).map { _ in
      vocabulary.randomElement(using: &random) ?? ""
    }.joined(separator: " ")
  }

  @Test("Without its own terms it is SQLite's bm25, to the last digits")
  func isSQLites() async throws {
    let folder = TemporaryFolder()
    let connection = try await Self.index(1500, folder)
    var random = Seeded(5)
    var model = BM25()
    model.pairWeight = 0
    var limits = LexicalSearch.Limits()
    limits.candidates = 1500
    for _ in 0..<60 {
      let terms = QueryTerms(Self.query(&random))
      let reference = try connection.statement(
        """
        SELECT rowid, -bm25(words, 1.0, 3.0, 1.5, 1.0) FROM words WHERE words MATCH ?
        ORDER BY 2 DESC, 1 LIMIT 20
        """
      ).bind(1, terms.words.map { "\"\($0)\"" }.joined(separator: " OR "))
      let found = try LexicalSearch(connection, terms, limits: limits, model: model).top(20)
      var count = 0
      while try reference.step(), count < found.count {
        #expect(abs(found[count].score - reference.double(1)) < 1e-4 * (1 + reference.double(1)))
        count += 1
      }
      reference.reset()
      #expect(found.count == count)
      #expect(count > 0)
    }
  }

  @Test(
    "With a budget that words overrun, nine in ten of the first passages are the same, their scores near"
  )
  func bounded() async throws {
    let folder = TemporaryFolder()
    let connection = try await Self.index(3000, folder)
    var random = Seeded(6)
    var limits = LexicalSearch.Limits()
    limits.probe = 200
    limits.postings = 700
    var same = 0
    var total = 0
    var far = 0
    for _ in 0..<40 {
      let terms = QueryTerms(Self.query(&random) + " w390x")
      var model = BM25()
      model.pairWeight = 0
      let exact = try LexicalSearch(connection, terms, model: model)
      let bounded = try LexicalSearch(connection, terms, limits: limits, model: model)
      let wanted = try exact.top(10)
      let found = try bounded.top(10)
      same += Set(wanted.map(\.id)).intersection(found.map(\.id)).count
      total += wanted.count
      for (id, score) in found {
        // Common words are counted on a sample: their weight is near, not equal.
        far += abs(try exact.scores(of: [id])[0] - score) < 0.15 * score ? 0 : 1
      }
    }
    #expect(Double(same) > 0.9 * Double(total), "\(same) of \(total)")
    #expect(far * 50 < total, "\(far) of \(total)")
  }

  @Test("Words side by side in the question count more where they are in a passage")
  func pairs() async throws {
    let folder = TemporaryFolder()
    let index = try DocumentIndex.open(folder: folder.path)
    try await index.fill(
      [
        .init(id: "/1", title: "", text: "layer of paint on the boundary of a field"),
        .init(id: "/2", title: "", text: "the paint of a boundary layer on any field"),
        .init(id: "/3", title: "", text: "nothing of that kind"),
        .init(id: "/4", title: "", text: "nor here"),
        .init(id: "/5", title: "", text: "nor there"),
      ], embedder: nil)
    let search = try SearchService(index: index, embedder: nil)
    let hits = try await search.search("boundary layer", limit: 5, mode: .lexical)
    #expect(hits.map(\.path) == ["/2", "/1"])
    #expect(QueryTerms("boundary layer of the boundary layer").pairs.count == 1)
  }

  @Test("User text is never query syntax, whatever it is")
  func hostile() async throws {
    let folder = TemporaryFolder()
    let index = try DocumentIndex.open(folder: folder.path)
    try await index.fill(
      [
        .init(id: "/1", title: "", text: "near or and not body"),
        .init(id: "/2", title: "", text: "x"),
      ],
      embedder: nil)
    let search = try SearchService(index: index, embedder: nil)
    let pieces = [
      "\"", "'", "*", "(", ")", "-", "+", ":", "^", "{", "}", "NEAR", "AND", "OR", "NOT", "body",
      "\0",
      "\u{301}", "é", "日本", "\u{e000}", " ", "words", ";", "--", "🙂", "x",
    ]
    var random = Seeded(9)
    for _ in 0..<400 {
      let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }.joined(separator: Bool.random(using: &random) ? " " : "")
      let first = try await search.search(text, limit: 5, mode: .lexical)
      let again = try await search.search(text, limit: 5, mode: .lexical)
      #expect(first == again)
      #expect(first.count <= 2)
    }
  }
}

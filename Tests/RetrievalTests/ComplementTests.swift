import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Words that complement the semantic side")
struct ComplementTests {
  @Test("What was heard of counts less, in all the weights stay what they were")
  func weights() {
    var random = Seeded(31)
    var fusion = Fusion()
    for _ in 0..<300 {
      fusion.redundancy = Double.random(in: 0...2, using: &random)
      let count = Int.random(in: 0...12, using: &random)
      let weights = (0..<count).map { _ in Double.random(in: 1e-6...12, using: &random) }
      let heard = (0..<count).map { _ in Double(Int.random(in: 0...10, using: &random)) / 10 }
      let result = fusion.complementing(weights, heard: heard)
      #expect(result.count == count)
      let total = weights.reduce(0, +)
      #expect(abs(result.reduce(0, +) - total) < 1e-9 * (1 + total))
      // How much each is worth of what it was: 1 ∕ (1 + redundancy · heard), but for one factor.
      let kept = zip(result, weights).map { $0 / $1 }
      let factors = zip(kept, heard).map { $0 * (1 + fusion.redundancy * $1) }
      for factor in factors { #expect(abs(factor - factors[0]) < 1e-9) }
    }
    // Nothing to tell apart: nothing changes.
    for part in [0.0, 0.3, 1] {
      let same = Fusion().complementing([3, 1, 0.5], heard: [part, part, part])
      #expect(zip(same, [3, 1, 0.5]).allSatisfy { abs($0 - $1) < 1e-12 })
    }
    #expect(Fusion().complementing([0, 0], heard: [1, 0]) == [0, 0])
    #expect(Fusion().complementing([], heard: []).isEmpty)
  }

  private static let count = 80

  /// Passages of words, frequent ones more often, and the numbers of those that have each.
  private static func passages(_ random: inout Seeded) -> [[String]] {
    (0..<count).map { _ in
      (0..<Int.random(in: 3...30, using: &random)).map { _ in
        "w\(min(Int.random(in: 0..<40, using: &random), Int.random(in: 0..<40, using: &random)))x"
      }
    }
  }

  private static func index(
    _ texts: [[String]], _ folder: TemporaryFolder
  ) async throws -> (Connection, [Int64]) {
    let index = try DocumentIndex.open(folder: folder.path)
    try await index.fill(
      texts.enumerated().map {
        .init(id: "/d/\($0 + 100)", title: "", text: $1.joined(separator: " "))
      }, embedder: nil)
    let connection = try Connection(path: folder.path + "/carrel.sqlite", mode: .readOnly)
    let rows = try connection.statement(
      "SELECT chunk.id FROM chunk JOIN file ON file.id = file_id ORDER BY path")
    var ids: [Int64] = []
    while try rows.step() { ids.append(rows.integer(0)) }
    return (connection, ids)
  }

  /// Words that do not stand side by side, of which bm25 is the sum of each one's own.
  private static func question(_ random: inout Seeded) -> [String] {
    Set((0..<5).map { _ in "w\(Int.random(in: 0..<30, using: &random))x" }).sorted()
  }

  @Test("A passage scores each word's own bm25 times the word's weight")
  func scores() async throws {
    var random = Seeded(32)
    let texts = Self.passages(&random)
    let folder = TemporaryFolder()
    let (connection, ids) = try await Self.index(texts, folder)
    #expect(ids.count == Self.count)
    for _ in 0..<40 {
      let words = Self.question(&random).filter { word in texts.contains { $0.contains(word) } }
      let near = (0..<10).map { _ in Int.random(in: 0..<Self.count, using: &random) }
      let alone = try words.map {
        try LexicalSearch(connection, QueryTerms($0)).scores(of: ids)
      }
      let idf = words.map { word in
        let rows = Double(texts.count { $0.contains(word) })
        return max(log((Double(Self.count) - rows + 0.5) / (rows + 0.5)), 1e-6)
      }
      let heard = words.map { word in Double(near.count { texts[$0].contains(word) }) / 10 }
      let weights = Fusion().complementing(idf, heard: heard)
      let search = try LexicalSearch(connection, QueryTerms(words.joined(separator: " the ")))
      let scores = try search.complementing(near.map { ids[$0] }, Fusion()).scores(of: ids)
      for place in ids.indices {
        let wanted = words.indices.reduce(0.0) {
          $0 + alone[$1][place] * weights[$1] / idf[$1]
        }
        #expect(abs(scores[place] - wanted) < 1e-9)
      }
      let unchanged = try search.complementing([], Fusion()).scores(of: ids)
      #expect(unchanged == (try search.scores(of: ids)))
    }
  }

  @Test("A word counts less beside passages that have it, read or too common to be read")
  func heard() async throws {
    var random = Seeded(33)
    let texts = Self.passages(&random)
    let folder = TemporaryFolder()
    let (connection, ids) = try await Self.index(texts, folder)
    var tight = LexicalSearch.Limits()
    tight.probe = 2
    tight.postings = 20
    tight.candidates = 4
    for limits in [LexicalSearch.Limits(), tight] {
      var compared = 0
      for _ in 0..<60 {
        let words = Self.question(&random)
        for word in words {
          let having = texts.indices.filter { place in
            texts[place].contains(word)
              && !words.contains { $0 != word && texts[place].contains($0) }
          }
          let lacking = texts.indices.filter { !words.contains(where: texts[$0].contains) }
          guard let place = having.first, !lacking.isEmpty, words.count > 1 else { continue }
          let search = try LexicalSearch(
            connection, QueryTerms(words.joined(separator: " the ")), limits: limits)
          func score(_ near: [Int]) throws -> Double {
            try search.complementing(near.prefix(10).map { ids[$0] }, Fusion())
              .scores(of: [ids[place]])[0]
          }
          #expect(try score(having) < score(lacking))
          #expect(try score(lacking) == search.scores(of: [ids[place]])[0])
          compared += 1
        }
      }
      #expect(compared > 20)
    }
  }
}

import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Search under a filter")
struct SearchFilterTests {
  @Test(
    "A folder is no prefix of its neighbour's name; types are endings; times count from the same")
  func passes() {
    let file = "/home/a/notes/Deep/plan.TAR.gz"
    func passes(_ filter: SearchFilter) -> Bool { filter.passes(path: file, modified: 100) }
    #expect(passes(SearchFilter()) && SearchFilter().isEmpty)
    for path in ["/", "/home/a", "/home/a/notes/", file] {
      #expect(passes(SearchFilter(paths: [path])), "\(path)")
    }
    for path in ["/home/a/note", "/home/a/notes/Dee", "/home/b", file + "/x", "home"] {
      #expect(!passes(SearchFilter(paths: [path])), "\(path)")
    }
    for type in ["gz", "tar.gz", "GZ"] { #expect(passes(SearchFilter(types: [type])), "\(type)") }
    for type in ["z", "tar", "plan.TAR.g", "md"] {
      #expect(!passes(SearchFilter(types: [type])), "\(type)")
    }
    #expect(passes(SearchFilter(types: ["md", "gz"])))
    #expect(passes(SearchFilter(since: 100)) && !passes(SearchFilter(since: 101)))
    #expect(!passes(SearchFilter(paths: ["/home"], types: ["gz"], since: 101)))
  }

  private static let folders = ["a", "a/b", "ab", "c/d/e"]
  private static let types = ["md", "txt", "rst"]
  private static let vocabulary = (0..<90).map { "w\($0)x" }

  private static func sentence(_ random: inout Seeded, _ count: Int) -> String {
    (0..<count).map { _ in
      let place = Double.random(in: 0..<1, using: &random)
      return vocabulary[Int(place * place * 90)]
    }.joined(separator: " ")
  }

  /// Files of one to six passages in four folders, of three types, each with a time of its own.
  private static func documents(_ count: Int) -> (folder: TemporaryFolder, times: [String: Int64]) {
    let folder = TemporaryFolder()
    var random = Seeded(21)
    var times: [String: Int64] = [:]
    for number in 0..<count {
      var text = ""
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        text += sentence(&random, Int.random(in: 100...170, using: &random)) + "\n\n"
      }
      // Some passages are in several files.
      if number % 10 == 0 { text += vocabulary.prefix(88).joined(separator: " ") + "\n" }
      let path = folder.write(
        "\(folders[number % 4])/f\(number).\(types[number % 3])", text)
      let seconds = 1_000_000 + number * 37 % count
      let time = timespec(tv_sec: seconds, tv_nsec: 0)
      var both = [time, time]
      utimensat(AT_FDCWD, path, &both, 0)
      times[path] = Int64(seconds) * 1_000_000_000
    }
    return (folder, times)
  }

  private static func filter(
    _ random: inout Seeded, _ root: String, _ times: [String: Int64]
  ) -> SearchFilter {
    var filter = SearchFilter()
    if Bool.random(using: &random) {
      filter.paths = [root + "/" + folders.randomElement(using: &random)!]
      if Int.random(in: 0..<4, using: &random) == 0 {
        filter.paths.append(times.keys.sorted().randomElement(using: &random)!)
      }
    }
    if Bool.random(using: &random) { filter.types = [types.randomElement(using: &random)!] }
    if Bool.random(using: &random) {
      filter.since = times.values.sorted().randomElement(using: &random)
    }
    return filter
  }

  @Test("Finds what going through every passage that passes finds, in all three modes")
  func bruteForce() async throws {
    let (folder, times) = Self.documents(120)
    let home = TemporaryFolder()
    let embedder = WordEmbedder()
    let index = try DocumentIndex.open(folder: home.path)
    _ = try await index.add([folder.path], embedder: embedder).summary()
    var service = try SearchService(index: index, embedder: embedder)
    service.dropsDuplicates = false
    let vectors = EmbeddingService(embedder)
    let connection = try Connection(path: home.path + "/carrel.sqlite", mode: .readOnly)
    var random = Seeded(22)
    var compared = 0
    var few = 0
    for _ in 0..<40 {
      let filter = Self.filter(&random, folder.path, times)
      if filter.isEmpty { continue }
      let query = Self.sentence(&random, Int.random(in: 1...8, using: &random))
      func passing(_ hits: [SearchHit]) -> [SearchHit] {
        hits.filter { filter.passes(path: $0.path, modified: times[$0.path] ?? 0) }
      }
      let words = passing(try await service.search(query, limit: 5000, mode: .lexical))
      let alike = passing(try await service.search(query, limit: 5000, mode: .semantic))
      few += alike.count < 100 ? 1 : 0
      let byWords = try await service.search(query, limit: 50, mode: .lexical, filter: filter)
      #expect(byWords.map(\.chunkID) == words.prefix(50).map(\.chunkID))
      let byMeaning = try await service.search(query, limit: 50, mode: .semantic, filter: filter)
      #expect(byMeaning.map(\.chunkID) == alike.prefix(50).map(\.chunkID))
      #expect(byMeaning.map(\.cosine) == alike.prefix(50).map(\.cosine))

      // Both: the best hundred of each side, joined with what the passing passages say as a whole.
      let cosines = Dictionary(uniqueKeysWithValues: alike.map { ($0.chunkID, $0.cosine) })
      let scores = Dictionary(uniqueKeysWithValues: words.map { ($0.chunkID, $0.score) })
      let ids = Set(words.prefix(100).map(\.chunkID) + alike.prefix(100).map(\.chunkID)).sorted()
      let weighed = try LexicalSearch(connection, QueryTerms(query), filter: filter)
        .complementing(alike.prefix(Fusion.nearest).map(\.chunkID), Fusion()).scores(of: ids)
      let candidates = zip(ids, weighed).map { id, complement in
        var candidate = Fusion.Candidate(
          chunkID: id, bm25: scores[id] ?? 0, cosine: cosines[id] ?? nil)
        candidate.complement = complement
        return candidate
      }
      var evidence = Fusion.Evidence()
      var seen: Set<String> = []
      let question = try await vectors.embedQuery(query)
      for hit in alike where seen.insert(hit.headings + "\n" + hit.text).inserted {
        let cosine = Double(hit.cosine ?? 0)
        evidence.spread.count += 1
        evidence.spread.sum += cosine
        evidence.spread.squares += cosine * cosine
      }
      let best = weighed.sorted(by: >)
      evidence.lexicalGap = (best.first ?? 0) - (best.count < 100 ? 0 : best[99])
      // Vectors, not passages: equal ones are listed once.
      var distinct: [Double] = []
      seen = []
      for hit in alike where seen.insert(hit.headings + "\n" + hit.text).inserted {
        distinct.append(hit.cosine ?? 0)
      }
      evidence.semanticGap = (distinct.first ?? 0) - (distinct.prefix(100).last ?? 0)
      var fusion = Fusion()
      fusion.weight *= Fusion.emphasis(words: QueryTerms(query).telling.count)
      let expected = candidates.map { ($0, fusion.score($0, evidence)) }
        .sorted { ($1.1, $0.0.chunkID) < ($0.1, $1.0.chunkID) }.prefix(20)
      let both = try await service.search(query, limit: 20, filter: filter)
      #expect(question.count == 64 && both.count == min(20, alike.count))
      for (hit, (candidate, score)) in zip(both, expected) {
        // The spread is summed over the vectors' byte codes.
        #expect(abs(hit.score - score) < 0.02 * (1 + abs(score)))
        if hit.chunkID == candidate.chunkID { compared += 1 }
      }
    }
    #expect(compared > 400 && few > 3)
    let nowhere = SearchFilter(paths: [folder.path + "/zz"])
    let nothing = try await service.find("w1x w2x", limit: 9, filter: nowhere)
    #expect(nothing.hits.isEmpty && nothing.filteredFiles == 0)
    let md = try await service.find("w1x", limit: 9, filter: SearchFilter(types: ["md"]))
    #expect(md.filteredFiles == 40)
  }

  @Test("Words too common to be read are looked for in every passage that passes")
  func commonWords() async throws {
    let (folder, times) = Self.documents(60)
    let home = TemporaryFolder()
    let index = try DocumentIndex.open(folder: home.path)
    _ = try await index.add([folder.path], embedder: nil).summary()
    let connection = try Connection(path: home.path + "/carrel.sqlite", mode: .readOnly)
    var tight = LexicalSearch.Limits()
    tight.probe = 4
    tight.postings = 40
    tight.candidates = 10
    var random = Seeded(23)
    for _ in 0..<30 {
      let filter = Self.filter(&random, folder.path, times)
      let terms = QueryTerms(Self.sentence(&random, Int.random(in: 1...5, using: &random)))
      let some = try LexicalSearch(connection, terms, filter: filter, limits: tight).top(2000)
      let all = try LexicalSearch(connection, terms, filter: filter).top(2000)
      #expect(Set(some.map(\.id)) == Set(all.map(\.id)))
    }
  }
}

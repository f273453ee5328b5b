import Compute
import Retrieval
import TestSupport
import Testing

@Suite("Top rows")
struct TopRowsTests {
  @Test("Ties go to the lower row; NaN never enters before a number")
  func ties() {
    var best = TopRows(capacity: 3)
    for (row, score) in [Float.nan, 1, 2, 2, 1, 2, 2, .nan].enumerated() {
      best.offer(ScoredRow(row: row, score: score))
    }
    #expect(best.sorted().map(\.row) == [2, 3, 5])
    var none = TopRows(capacity: 0)
    none.offer(ScoredRow(row: 1, score: 1))
    #expect(none.sorted().isEmpty)
  }
}

@Suite("Query terms")
struct QueryTermsTests {
  @Test("Drops stop words unless nothing else is there")
  func stopWords() {
    #expect(QueryTerms("How do I install the Parser?").telling == ["install", "parser"])
    #expect(QueryTerms("to be or not to be").telling == ["to", "be", "or", "not"])
    #expect(QueryTerms(" ?!… ").isEmpty)
  }

  @Test("Is never syntax")
  func quoted() {
    let terms = QueryTerms("a\" OR body:* NEAR(x y) -z AND \0 col^2")
    #expect(terms.telling == ["body", "near", "x", "y", "z", "col", "2"])
    #expect(terms.words == ["a", "or", "body", "near", "x", "y", "z", "and", "col", "2"])
  }
}

@Suite("Fusion")
struct FusionTests {
  @Test("Adds standardised cosine and bm25; a passage without a vector counts as average")
  func score() {
    var evidence = Fusion.Evidence()
    evidence.spread.count = 1_000_000
    evidence.spread.sum = 200_000
    evidence.spread.squares = 1_000_000 * (0.2 * 0.2 + 0.1 * 0.1)
    // Both sides stand out by three deviations.
    evidence.semanticGap = 0.3
    evidence.lexicalGap = 15
    let fusion = Fusion()
    let both = Fusion.Candidate(chunkID: 1, bm25: 5, cosine: 0.5)
    #expect(abs(fusion.score(both, evidence) - 4) < 1e-3)
    let words = Fusion.Candidate(chunkID: 2, bm25: 5)
    #expect(abs(fusion.score(words, evidence) - 1) < 1e-3)
  }

  @Test("Trusts the side whose best passage stands out")
  func trust() {
    let fusion = Fusion()
    var evidence = Fusion.Evidence()
    #expect(fusion.share(evidence) == 0.5)
    evidence.lexicalGap = 10
    #expect(fusion.share(evidence) == 1)
    evidence.semanticGap = 0.2
    #expect(abs(fusion.share(evidence) - 0.5) < 1e-9)
    evidence.lexicalGap = 0
    #expect(fusion.share(evidence) == 0)
  }

  @Test("A question of one word counts four times on the lexical side, one of four words once")
  func shortQuestions() {
    #expect((0...6).map { Fusion.emphasis(words: $0) } == [4, 4, 2, 4.0 / 3, 1, 1, 1])
  }

  @Test("A collection too small to have a spread gets the usual one")
  func smallCollection() {
    #expect(CosineSpread().deviation == 0.1)
    var one = CosineSpread()
    one.count = 1
    one.sum = 0.9
    one.squares = 0.81
    #expect(one.deviation > 0.09)
  }
}

@Suite("Ranking metrics")
struct RankingMetricsTests {
  @Test("Agrees with values computed by hand")
  func byHand() {
    let judgements = ["a": 2.0, "b": 1.0, "c": 0.0, "d": 1.0]
    let metrics = RankingMetrics(ranked: ["c", "a", "x", "b", "a"], judgements: judgements)
    // DCG = 2∕log2(3) + 1∕log2(5); ideal = 2 + 1∕log2(3) + 1∕log2(4).
    #expect(abs(metrics.ndcg10 - (1.2618595 + 0.4306766) / (2 + 0.6309298 + 0.5)) < 1e-6)
    #expect(abs(metrics.recall10 - 2.0 / 3) < 1e-12)
    #expect(metrics.mrr10 == 0.5)
    let deep = RankingMetrics(
      ranked: (0..<10).map { "x\($0)" } + ["a"], judgements: ["a": 1])
    #expect(deep.ndcg10 == 0 && deep.recall10 == 0 && deep.recall100 == 1 && deep.mrr10 == 0)
    #expect(RankingMetrics(ranked: ["a"], judgements: [:]) == RankingMetrics())
  }

  @Test("Runs a small collection in BEIR's layout through the real search")
  func smallCollection() async throws {
    let folder = TemporaryFolder()
    folder.write(
      "corpus.jsonl",
      """
      {"_id": "1", "title": "Apples", "text": "red fruit of the orchard"}
      {"_id": "2", "title": "", "text": "engines burn fuel"}
      {"_id": "3", "title": "Pears", "text": "green fruit"}

      """)
    folder.write(
      "queries.jsonl",
      "{\"id\": 7, \"text\": \"apples orchard\"}\n{\"id\": \"8\", \"text\": \"fuel for engines\"}\n"
    )
    folder.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\n7\t1\t1\n8\t2\t1\n")
    let report = try await RetrievalEvaluation.run(
      folder: folder.path, embedder: WordEmbedder())
    #expect(report.queries == 2 && report.documents == 3)
    for mode in SearchMode.allCases {
      #expect(report.modes[mode] == RankingMetrics(ndcg10: 1, recall10: 1, recall100: 1, mrr10: 1))
    }
  }

  @Test("Judgements are those of the split asked for, else of the one file, else test, dev, train")
  func splits() throws {
    let folder = TemporaryFolder()
    folder.write("corpus.jsonl", #"{"_id": "1", "title": "Apples", "text": null}"#)
    folder.write(
      "queries.jsonl", (1...4).map { "{\"_id\": \"\($0)\", \"text\": \"q\"}\n" }.joined())
    func asked(_ split: String? = nil) throws -> [String] {
      try EvaluationSet(folder: folder.path, split: split).queries.map(\.id)
    }
    for (query, file) in [
      ("4", "qrels/train"), ("3", "qrels/dev"), ("2", "qrels/test"), ("1", "qrels"),
    ] {
      folder.write("\(file).tsv", "\(query)\t1\t1\n")
      #expect(try asked() == [query])
    }
    #expect(try asked("train") == ["4"] && asked("dev") == ["3"])
    let missing = #expect(throws: (any Error).self) { try asked("fold1") }
    #expect("\(missing!)".contains("qrels/fold1.tsv"))
  }

  @Test("Names file and line of a broken collection")
  func broken() async {
    let folder = TemporaryFolder()
    folder.write("corpus.jsonl", "{\"id\": \"1\", \"text\": \"x\"}\nnot json\n")
    folder.write("queries.jsonl", "")
    folder.write("qrels.tsv", "")
    let error = await #expect(throws: RetrievalError.self) {
      try await RetrievalEvaluation.run(folder: folder.path, embedder: nil)
    }
    #expect(error?.description.contains("corpus.jsonl, line 2") == true)
  }
}

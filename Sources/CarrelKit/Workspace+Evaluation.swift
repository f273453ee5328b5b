import Retrieval

/// How well the documents of a test set are found, for each way of searching.
public struct RetrievalScores: Sendable, Equatable {
  /// Means over the queries, 0...1.
  public struct Scores: Sendable, Equatable {
    public let ndcg10: Double
    public let recall10: Double
    public let recall100: Double
    public let mrr10: Double
  }

  public let queries: Int
  public let documents: Int
  public let modes: [SearchSides: Scores]
}

extension Workspace {
  /// Indexes a test set in BEIR layout (`corpus.jsonl`, `queries.jsonl`, and `qrels.tsv` or
  /// `qrels/SPLIT.tsv`) in a scratch folder and searches it in every mode; without an embedding model by
  /// words only.
  ///
  /// - Parameters:
  ///   - split: which of the judgements; by default the one file, else those of the test split, else of
  ///     another.
  ///   - progress: what is being done, and how much of it.
  public func evaluateRetrieval(
    folder: String, split: String? = nil,
    progress: (@Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void)? = nil
  ) async throws -> RetrievalScores {
    let report = try await RetrievalEvaluation.run(
      folder: folder, split: split, embedder: try await host.embedder()
    ) { stage, done, total in
      progress?(stage == .indexing ? "indexing" : "searching", done, total)
    }
    return RetrievalScores(
      queries: report.queries, documents: report.documents,
      modes: report.modes.reduce(into: [:]) { modes, entry in
        modes[SearchSides(entry.key)] = RetrievalScores.Scores(
          ndcg10: entry.value.ndcg10, recall10: entry.value.recall10,
          recall100: entry.value.recall100, mrr10: entry.value.mrr10)
      })
  }

  /// Cuts, indexes and searches documents with known answer spans; without an embedding model by
  /// words only.
  package func evaluateChunks(
    _ set: SpanQuestions, _ cutting: ChunkEvaluation.Cutting
  ) async throws -> ChunkEvaluation.Report {
    try await ChunkEvaluation.run(set, cutting, embedder: try await host.embedder())
  }

  /// Searches documents with known answer spans for questions that lean on others.
  package func evaluateFollowUps(
    _ set: SpanQuestions, _ pairs: [FollowUpEvaluation.Pair]
  ) async throws -> [FollowUpEvaluation.Query: [Double]] {
    try await FollowUpEvaluation.run(set, pairs, embedder: try await host.embedder()) {
      FollowUp.background(of: $0.as, after: [$0.after])
    }
  }
}

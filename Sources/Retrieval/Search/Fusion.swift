/// Joins the two sides of a search by score. Pure.
///
/// score = (cosine − mean) / deviation + weight × bm25, mean and deviation over all vectors.
///
/// Both terms are kept in their own natural unit rather than scaled to the best hit. bm25 is a sum
/// of log-odds, so a question with many rare words that really occur moves it far, and a short one
/// of common words hardly: which side decides follows from the question. The standardised cosine
/// likewise says how unusual a likeness is in this collection, whatever range a model's cosines
/// have. Measured (nDCG@10, one weight for all; see Index/README.md) this beats scaling by the
/// maximum (TM2C2, arXiv 2210.11934) on each of the four sets it was chosen on, and choosing the
/// weight on three of them and scoring the fourth keeps four fifths of the gain.
package struct Fusion: Sendable, Equatable {
  /// Standard deviations of cosine that one unit of bm25 is worth.
  package var weight = 0.2
  /// Candidates taken from each side, at least.
  package var depth = 100

  package init() {}

  /// A passage that at least one side proposed, with both true scores.
  package struct Candidate: Sendable, Equatable {
    package var chunkID: Int64
    package var lexicalRank: Int?
    package var semanticRank: Int?
    /// 0 when no word of the query occurs.
    package var bm25: Double
    /// nil for a passage without a vector.
    package var cosine: Double?

    package init(
      chunkID: Int64, lexicalRank: Int? = nil, semanticRank: Int? = nil, bm25: Double = 0,
      cosine: Double? = nil
    ) {
      self.chunkID = chunkID
      self.lexicalRank = lexicalRank
      self.semanticRank = semanticRank
      self.bm25 = bm25
      self.cosine = cosine
    }
  }

  /// A passage without a vector counts as one with an average cosine.
  package func score(_ candidate: Candidate, spread: CosineSpread) -> Double {
    (candidate.cosine.map { spread.standardized($0) } ?? 0) + weight * candidate.bm25
  }

  /// Best first; ties by lower chunk.
  package func rank(_ candidates: [Candidate], spread: CosineSpread) -> [(Candidate, Double)] {
    candidates.map { ($0, score($0, spread: spread)) }.sorted { a, b in
      a.1 != b.1 ? a.1 > b.1 : a.0.chunkID < b.0.chunkID
    }
  }
}

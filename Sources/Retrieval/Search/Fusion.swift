/// Joins the two sides of a search by score. Pure.
///
/// score = z + 2 · share · weight × bm25, where z = (cosine − mean) / deviation over all vectors, and
/// share = lexical gap ∕ (lexical gap + semantic gap): the part of the lexical side in how far both
/// sides' best passage stands out from the last of their list, in the same unit.
///
/// Both terms are kept in their own natural unit rather than scaled to the best hit. bm25 is a sum
/// of log-odds, so a question with many rare words that really occur moves it far, and a short one
/// of common words hardly. The standardised cosine likewise says how unusual a likeness is in this
/// collection, whatever range a model's cosines have. Which side is trusted more follows from the
/// two lists: one that cannot tell its first passage from its hundredth has little to say. Measured
/// in Index/README.md.
package struct Fusion: Sendable, Equatable {
  /// Standard deviations of cosine that one unit of bm25 is worth when both sides tell as much.
  package var weight = 0.2
  /// Candidates taken from each side, at least.
  package var depth = 100

  package init() {}

  /// The weight for a question of so many telling words: one counts four times, two twice, three a
  /// third more. bm25 adds up over words while a cosine does not, so a question of one word would
  /// hardly be heard on the lexical side, just where it says most: a name, an identifier.
  package static func emphasis(words: Int) -> Double { max(1, 4 / Double(max(1, words))) }

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

  /// What the two lists as wholes say about a question.
  package struct Evidence: Sendable, Equatable {
    /// Of the cosines of all vectors.
    package var spread = CosineSpread()
    /// bm25 of the best passage less that of the last candidate; 0 for a passage without the words.
    package var lexicalGap = 0.0
    /// Cosine of the best passage less that of the last candidate.
    package var semanticGap = 0.0

    package init() {}
  }

  /// The lexical side's part in what both sides tell, 0...1.
  package func share(_ evidence: Evidence) -> Double {
    let lexical = weight * max(0, evidence.lexicalGap)
    let semantic = max(0, evidence.semanticGap) / evidence.spread.deviation
    return lexical + semantic > 0 ? lexical / (lexical + semantic) : 0.5
  }

  /// A passage without a vector counts as one with an average cosine.
  package func score(_ candidate: Candidate, _ evidence: Evidence) -> Double {
    (candidate.cosine.map { evidence.spread.standardized($0) } ?? 0)
      + 2 * share(evidence) * weight * candidate.bm25
  }
}

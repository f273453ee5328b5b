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
/// two lists: one that cannot tell its first passage from its hundredth has little to say.
///
/// The two sides are no independent witnesses: a word that the passages nearest by meaning have was
/// heard by the vector, and bm25 would tell of it a second time. So bm25 counts such words less, and
/// those more that the vector missed (a name, a rare term). Measured in Index/README.md.
package struct Fusion: Sendable, Equatable {
  /// Standard deviations of cosine that one unit of bm25 is worth when both sides tell as much.
  package var weight = 0.2
  /// Candidates taken from each side, at least.
  package var depth = 100
  /// A word that all of the nearest passages have counts 1 ∕ (1 + this) of one that none has.
  package var redundancy = 0.5
  /// How many passages those are: about what is looked at.
  package static let nearest = 10

  package init() {}

  /// The weights of a question's terms beside the semantic side: less for what it has heard of, and the
  /// same in all.
  ///
  /// - Parameter heard: for each term the part of the nearest passages that have it, 0...1.
  package func complementing(_ weights: [Double], heard: [Double]) -> [Double] {
    let less = zip(weights, heard).map { $0 / (1 + redundancy * $1) }
    let (before, after) = (weights.reduce(0, +), less.reduce(0, +))
    return after > 0 ? less.map { $0 * (before / after) } : weights
  }

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
    /// bm25 with the weights that complement the semantic side; nil where that side found nothing.
    package var complement: Double?
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
    /// `complement` of the best passage less that of the last candidate; 0 for one without the words.
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
      + 2 * share(evidence) * weight * (candidate.complement ?? candidate.bm25)
  }
}

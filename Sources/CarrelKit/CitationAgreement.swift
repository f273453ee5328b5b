import Retrieval

/// How near the sentences of an answer are in meaning to what they are held against: a number beside
/// the verdict of `CitationCheck`, and no part of it.
///
/// It is the cosine of two embeddings (Reimers and Gurevych, Sentence-BERT, arXiv 1908.10084), as the
/// search for passages takes it. It tells whether a sentence speaks of the same thing as the passage.
/// Whether it says the same of it, it does not tell: "A inhibits B" and "B inhibits A" are as near to
/// each other as a sentence to its paraphrase, so a false claim in the passage's words is nearer to it
/// than a true one in other words. That holds for pooled vectors, for those of single words (BERTScore,
/// arXiv 1904.09675) and for margins over other sentences; `Fixtures/claims` of CarrelKitTests has the
/// claims, its README the figures.
package struct CitationAgreement {
  /// A sentence of the answer and the sentences of a source that say most of it.
  struct Pair {
    let sentence: String
    let evidence: String
    /// Which citation of the answer it is about; nil where no source bears the sentence out.
    let citation: Int?
    /// Which of the counted sentences it belongs to.
    let claim: Int
  }

  /// The most pairs that are compared: an answer without an end costs no more than this.
  static let limit = 64

  private(set) var pairs: [Pair] = []

  init() {}

  mutating func add(_ pair: Pair) {
    guard pairs.count < Self.limit else { return }
    pairs.append(pair)
  }

  /// Writes the cosines into the citations, and into the check the mean over its sentences, each with
  /// the best of its own. Texts that occur twice are embedded once; the embedder reads the beginning of
  /// longer ones. Leaves everything as it is where the embedder fails or the task is cancelled.
  package func write(
    to citations: inout [Citation], _ check: inout AnswerCheck, using embedder: any Embedder
  ) async {
    guard !pairs.isEmpty else { return }
    let texts = Set(pairs.flatMap { [$0.sentence, $0.evidence] }).sorted()
    let width = embedder.identity.dimension
    guard let vectors = try? await embedder.embed(texts), vectors.count == texts.count * width
    else { return }
    let rows = Dictionary(uniqueKeysWithValues: texts.indices.map { (texts[$0], $0 * width) })
    var best: [Int: Double] = [:]
    for pair in pairs {
      guard let a = rows[pair.sentence], let b = rows[pair.evidence] else { continue }
      let cosine = zip(vectors[a..<a + width], vectors[b..<b + width])
        .reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let value = (min(1, max(-1, cosine)) * 1000).rounded() / 1000
      if let citation = pair.citation { citations[citation].agreement = value }
      best[pair.claim] = max(best[pair.claim] ?? -1, value)
    }
    guard !best.isEmpty else { return }
    let mean = best.values.reduce(0, +) / Double(best.count)
    check.agreement = (mean * 1000).rounded() / 1000
  }
}

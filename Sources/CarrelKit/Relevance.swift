/// Decides whether a hit is worth showing to a model. Pure.
///
/// All-MiniLM puts unrelated texts at cosines around 0 to 0.15 and related ones above 0.3. A hit by
/// words may say what a vector misses (identifiers, error codes), so the first ones pass with less.
enum Relevance {
  static let minimumCosine = 0.2
  static let minimumCosineOfWordHit = 0.1

  static func passes(_ hit: SearchReport.Hit) -> Bool {
    guard let cosine = hit.cosine else { return hit.lexicalRank != nil }
    if cosine >= minimumCosine { return true }
    return (hit.lexicalRank ?? .max) <= 3 && cosine >= minimumCosineOfWordHit
  }
}

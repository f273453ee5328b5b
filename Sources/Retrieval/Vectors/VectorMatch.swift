/// A vector's id and its cosine with the query.
package struct VectorMatch: Sendable, Equatable {
  package var id: Int64
  package var cosine: Float
}

/// How the cosines of all vectors with one query are spread. Says what a cosine is worth.
package struct CosineSpread: Sendable, Equatable {
  package var count = 0
  package var sum = 0.0
  package var squares = 0.0

  package init() {}

  package var mean: Double { count > 0 ? sum / Double(count) : 0 }

  /// Standard deviation, drawn towards 0.1 when there are few vectors to tell it from.
  package var deviation: Double {
    let variance = max(0, count > 0 ? squares / Double(count) - mean * mean : 0)
    let prior = 20.0
    let drawn = (variance * Double(count) + prior * 0.01) / (Double(count) + prior)
    return max(drawn.squareRoot(), 1e-6)
  }

  /// Standard deviations above the mean.
  package func standardized(_ cosine: Double) -> Double { (cosine - mean) / deviation }
}

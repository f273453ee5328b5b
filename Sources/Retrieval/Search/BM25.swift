import Database
import Glibc

/// Okapi BM25 over weighted columns (BM25F in its simple form, as SQLite's `bm25()` computes it;
/// Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009). Pure.
///
/// Two things are added to SQLite's formula. A stop word counts a quarter instead of fully or not at
/// all. Two words that stand next to each other in the question are a term of their own wherever they
/// do in a passage, at a fifth of its weight: the ordered part of the sequential dependence model
/// (Metzler and Croft, SIGIR 2005). Measured in Index/README.md.
package struct BM25: Sendable, Equatable {
  /// Occurrences after which a word counts half.
  package var k1 = 1.2
  /// How much a passage's length is held against it.
  package var b = 0.75
  package var stopWeight = 0.25
  package var pairWeight = 0.2

  /// The index: rows, and words of an average one.
  var size = FullTextSize()

  package init() {}

  /// Inverse document frequency: how telling a term in `found` rows is. Never negative.
  func idf(_ found: Int) -> Double {
    max(log((Double(size.rows) - Double(found) + 0.5) / (Double(found) + 0.5)), 1e-6)
  }

  /// What occurrences add up to: 1 for one in a passage of average length, at most k1 + 1.
  func saturation(_ frequency: Double, length: Double) -> Double {
    frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * length / size.averageLength))
  }
}

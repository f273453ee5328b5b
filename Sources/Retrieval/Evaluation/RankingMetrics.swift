import Glibc

/// How good one ranked list is, measured against judgements. Pure.
///
/// Judgements map documents to grades; a grade above 0 is relevant. Formulas as in trec_eval: linear
/// gain, logarithmic discount, the ideal list taken from all judged documents.
package struct RankingMetrics: Sendable, Equatable {
  package var ndcg10 = 0.0
  package var recall10 = 0.0
  package var recall100 = 0.0
  package var mrr10 = 0.0

  package init(ndcg10: Double = 0, recall10: Double = 0, recall100: Double = 0, mrr10: Double = 0) {
    self.ndcg10 = ndcg10
    self.recall10 = recall10
    self.recall100 = recall100
    self.mrr10 = mrr10
  }

  /// - Parameter ranked: best first; a document listed twice counts where it first stands.
  package init(ranked: [String], judgements: [String: Double]) {
    var seen: Set<String> = []
    let list = ranked.filter { seen.insert($0).inserted }
    ndcg10 = Self.ndcg(list, judgements, depth: 10)
    recall10 = Self.recall(list, judgements, depth: 10)
    recall100 = Self.recall(list, judgements, depth: 100)
    mrr10 = Self.reciprocalRank(list, judgements, depth: 10)
  }

  /// Σ grade ∕ log2(rank + 1) over the list, divided by the same of the best possible list.
  package static func ndcg(
    _ ranked: [String], _ judgements: [String: Double], depth: Int
  ) -> Double {
    func gain(_ grades: [Double]) -> Double {
      grades.prefix(depth).enumerated().reduce(0) { sum, item in
        sum + max(0, item.element) / log2(Double(item.offset + 2))
      }
    }
    let ideal = gain(judgements.values.sorted(by: >))
    return ideal > 0 ? gain(ranked.map { judgements[$0] ?? 0 }) / ideal : 0
  }

  /// The share of relevant documents among the first `depth`.
  package static func recall(
    _ ranked: [String], _ judgements: [String: Double], depth: Int
  ) -> Double {
    let relevant = judgements.values.count { $0 > 0 }
    guard relevant > 0 else { return 0 }
    return Double(ranked.prefix(depth).count { judgements[$0] ?? 0 > 0 }) / Double(relevant)
  }

  /// 1 ∕ rank of the first relevant document, 0 when it is not among the first `depth`.
  package static func reciprocalRank(
    _ ranked: [String], _ judgements: [String: Double], depth: Int
  ) -> Double {
    let first = ranked.prefix(depth).firstIndex { judgements[$0] ?? 0 > 0 }
    return first.map { 1 / Double($0 + 1) } ?? 0
  }

  static func mean(_ all: [RankingMetrics]) -> RankingMetrics {
    func mean(_ key: KeyPath<RankingMetrics, Double>) -> Double {
      all.isEmpty ? 0 : all.reduce(0) { $0 + $1[keyPath: key] } / Double(all.count)
    }
    return RankingMetrics(
      ndcg10: mean(\.ndcg10), recall10: mean(\.recall10), recall100: mean(\.recall100),
      mrr10: mean(\.mrr10))
  }
}

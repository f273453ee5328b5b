import CarrelKit
import Retrieval

/// How well questions like "And in 2021?" find their passage.
///
/// `Benchmarks followups FOLDER PAIRS.jsonl` wants documents and questions as `Benchmarks chunks`
/// does, pairs of them (Tests/CarrelKitTests/Fixtures/quality/follow-ups.jsonl), and an embedding
/// model in `./Models` or `$CARREL_MODELS`.
enum FollowUpBenchmark {
  static func run(_ arguments: [String]) async throws {
    guard arguments.count == 2 else {
      throw BenchmarkError("usage: Benchmarks followups FOLDER PAIRS.jsonl")
    }
    let set = try SpanQuestions(folder: arguments[0])
    let pairs = try FollowUpEvaluation.pairs(arguments[1])
    let found = try await Workspace(.resolve()).evaluateFollowUps(set, pairs)
    print("query,recall@1,recall@5,recall@10")
    for query in FollowUpEvaluation.Query.allCases {
      let shares = (found[query] ?? []).map { "\(Double(Int(($0 * 1000).rounded())) / 1000)" }
      print(([query.rawValue] + shares).joined(separator: ","))
    }
  }
}

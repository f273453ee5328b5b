import CarrelKit
import Retrieval

/// How well documents are cut, beside the splitter that most programs use.
///
/// `Benchmarks chunks FOLDER [structure|recursive:TOKENS[:OVERLAP]…]` wants documents and questions
/// with answer spans, as github.com/brandonstarxel/chunking_evaluation has them, and an embedding
/// model in `./Models` or `$CARREL_MODELS`.
enum ChunkBenchmark {
  private static let usual = [
    "recursive:200", "recursive:200:50", "recursive:400", "recursive:400:100", "structure:210:40",
  ]

  static func run(_ arguments: [String]) async throws {
    guard let folder = arguments.first else {
      throw BenchmarkError(
        "usage: Benchmarks chunks FOLDER [structure|recursive:TOKENS[:OVERLAP]…]")
    }
    let set = try SpanQuestions(folder: folder)
    let workspace = Workspace(.resolve())
    print("cutting,passages,tokens,recall@5,precision@5,iou@5,recall,precision,iou")
    for name in arguments.count > 1 ? Array(arguments.dropFirst()) : usual {
      guard let cutting = cutting(name) else {
        throw BenchmarkError("\(name): expected structure or recursive, a colon and tokens")
      }
      let report = try await workspace.evaluateChunks(set, cutting)
      let rows = [report.topFive, report.budgeted].flatMap {
        [$0.recall, $0.precision, $0.overUnion]
      }
      print(
        "\(name),\(report.passages),\(Int(report.meanTokens.rounded())),"
          + rows.map { "\(Double(Int(($0 * 1000).rounded())) / 1000)" }.joined(separator: ","))
    }
  }

  private static func cutting(_ name: String) -> ChunkEvaluation.Cutting? {
    let parts = name.split(separator: ":")
    guard parts.count >= 2, let tokens = Int(parts[1]) else { return nil }
    let overlap = parts.count > 2 ? Int(parts[2]) ?? 0 : 0
    switch parts[0] {
    case "structure": return .structure(tokens: tokens, overlap: overlap)
    case "recursive": return .recursive(tokens: tokens, overlap: overlap)
    default: return nil
    }
  }
}

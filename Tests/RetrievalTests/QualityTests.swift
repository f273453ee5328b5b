import Glibc
import Testing

import Retrieval

/// Vectors computed before, looked up by text: `<set>/docs.f32` and `<set>/queries.f32`, float32, in
/// the order of `corpus.jsonl` and `queries.jsonl`.
struct StoredEmbedder: Embedder {
  let identity = EmbedderIdentity(
    name: "all-MiniLM-L6-v2", sha256: "stored", dimension: 384, pooling: "mean", prefix: "")
  private let vectors: [String: [Float]]

  init(set: EvaluationSet, allQueries: [String], folder: String) throws {
    var vectors: [String: [Float]] = [:]
    let texts = set.documents.map { $0.title.isEmpty ? $0.text : $0.title + "\n" + $0.text }
    for (name, texts) in [("docs", texts), ("queries", allQueries)] {
      let file = ScannedFile(
        path: "\(folder)/\(name).f32", size: 0, modified: 0, isExplicit: true)
      guard case .bytes(let bytes, _, _) = FileBytes.read(file) else { continue }
      bytes.withUnsafeBytes { raw in
        let floats = raw.bindMemory(to: Float.self)
        for (row, text) in texts.enumerated() {
          vectors[text] = Array(floats[row * 384..<(row + 1) * 384])
        }
      }
    }
    self.vectors = vectors
  }

  func embed(_ texts: [String]) async throws -> [Float] {
    texts.flatMap { vectors[$0] ?? .init(repeating: 0, count: 384) }
  }
}

/// The large collections are not part of the repository: set CARREL_FIXTURES to the folder that has
/// `ir/`, and CARREL_EMBEDDINGS to a folder with vectors, to run these.
@Suite("Quality on test collections")
struct QualityTests {
  static let fixtures = Subprocess.environment("CARREL_FIXTURES")
  static let embeddings = Subprocess.environment("CARREL_EMBEDDINGS")

  /// nDCG@10 to reach: lexical (FTS5 without stop words), semantic (MiniLM, −0.002), hybrid (the
  /// best of the published fusions and of the single sides).
  static let baselines: [String: (Double, Double, Double)] = [
    "cosqa-dev": (0.686, 0.884, 0.886), "cranfield": (0.520, 0.507, 0.566),
    "chroma-rag": (0.766, 0.638, 0.766), "scifact-train": (0.70, 0.658, 0.745),
  ]

  @Test(
    "Reaches the baselines in every mode", .enabled(if: fixtures != nil && embeddings != nil),
    arguments: baselines.keys.sorted())
  func reachesBaselines(name: String) async throws {
    let folder = Self.fixtures! + "/ir/" + name
    var set = try EvaluationSet(folder: folder)
    let judged = set.queries.map(\.text)
    // Stored vectors exist for every query, judged or not.
    set.queries = []
    let all = try EvaluationSet.allQueries(folder: folder)
    #expect(all.count >= judged.count)
    let embedder = try StoredEmbedder(
      set: set, allQueries: all, folder: Self.embeddings! + "/" + name)
    let report = try await RetrievalEvaluation.run(folder: folder, embedder: embedder)
    let wanted = try #require(Self.baselines[name])
    for (mode, floor) in [
      (SearchMode.lexical, wanted.0), (.semantic, wanted.1), (.hybrid, wanted.2),
    ] {
      let metrics = try #require(report.modes[mode])
      print(name, mode, metrics)
      #expect(metrics.ndcg10 >= floor, "\(name) \(mode): \(metrics)")
    }
  }
}

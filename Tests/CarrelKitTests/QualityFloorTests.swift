import CarrelKit
import Foundation
import Testing

/// A sample of the README's tables: the small set beside this file, with the real embedder.
@Suite("Quality on a small set", .serialized)
struct QualityFloorTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/quality").path

  static func withWorkspace(_ body: (Workspace, URL) async throws -> Void) async throws {
    let scratch = FileManager.default.temporaryDirectory
      .appending(path: "carrel-quality-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let settings = WorkspaceSettings(
      models: SessionTests.models, index: scratch.appending(path: "index").path)
    try await body(Workspace(settings), scratch)
  }

  @Test("Finds the right passage at least as often as when this was written")
  func floor() async throws {
    try await Self.withWorkspace { workspace, _ in
      let scores = try await workspace.evaluateRetrieval(folder: Self.folder)
      print("quality floor:", scores)
      let lexical = try #require(scores.modes[.lexical])
      let semantic = try #require(scores.modes[.semantic])
      let hybrid = try #require(scores.modes[.hybrid])
      #expect(lexical.ndcg10 >= Self.floors.lexical)
      #expect(semantic.ndcg10 >= Self.floors.semantic)
      #expect(hybrid.ndcg10 >= Self.floors.hybrid)
      // Fewer passages than fusion looks at: it cannot tell as well which side stands out.
      #expect(hybrid.ndcg10 >= max(lexical.ndcg10, semantic.ndcg10) - 0.02)
    }
  }

  /// Measured when this was written: .8995, .7670 and .8848.
  static let floors = (lexical: 0.895, semantic: 0.762, hybrid: 0.880)

  @Test("Lets questions through that the documents answer, and stops others")
  func threshold() async throws {
    struct Line: Decodable { var text: String }
    func lines(_ name: String) throws -> [String] {
      try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
        .split(separator: "\n").map(String.init)
    }
    try await Self.withWorkspace { workspace, scratch in
      let documents = scratch.appending(path: "documents")
      try FileManager.default.createDirectory(at: documents, withIntermediateDirectories: true)
      let passages = try lines("corpus.jsonl").map {
        try JSONDecoder().decode(Line.self, from: Data($0.utf8)).text
      }
      try Data(passages.joined(separator: "\n\n").utf8)
        .write(to: documents.appending(path: "address.txt"))
      for try await _ in workspace.addToIndex([documents.path]) {}
      func passing(_ questions: [String]) async throws -> Int {
        var count = 0
        for question in questions {
          let report = try await workspace.search(question, limit: 8)
          if !Relevance.passing(report.hits, question: question).isEmpty { count += 1 }
        }
        return count
      }
      let answerable = try lines("queries.jsonl").prefix(40).map {
        try JSONDecoder().decode(Line.self, from: Data($0.utf8)).text
      }
      let unanswerable = try lines("unanswerable.txt")
      let (kept, slipped) = (try await passing(answerable), try await passing(unanswerable))
      print("threshold:", kept, "of", answerable.count, slipped, "of", unanswerable.count)
      #expect(kept >= answerable.count - 2)
      #expect(slipped <= 4)
    }
  }
}

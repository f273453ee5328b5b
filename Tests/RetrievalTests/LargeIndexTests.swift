import Glibc
import Retrieval
import TestSupport
import Testing

/// Enough vectors for several threads.
@Suite("A large index", .serialized)
struct LargeIndexTests {
  let home = TemporaryFolder()
  let questions = ["word17 word2", "word5", "word999 word3 word4", "nothing of it"]

  private func fill(_ count: Int) async throws -> String {
    let folder = home.path + "/index"
    var random = Seeded(4)
    let documents = (0..<count).map { number in
      let words = (0..<6).map { _ in "word\(Int.random(in: 0..<3000, using: &random))" }
      return EvaluationSet.Document(
        id: "/d/\(number)", title: "", text: words.joined(separator: " "))
    }
    try await DocumentIndex.open(folder: folder).fill(documents, embedder: WordEmbedder())
    return folder
  }

  private static var threadCount: Int { TemporaryFolder.names("/proc/self/task").count }

  @Test("Is searched with as many threads as allowed, and the same is found with one and with six")
  func threads() async throws {
    let folder = try await fill(21_000)
    var answers: [[SearchHit]] = []
    var grown: [Int] = []
    for threads in [1, 6, 1] {
      let index = try DocumentIndex.open(folder: folder, readOnly: true, threads: threads)
      let search = try SearchService(index: index, embedder: WordEmbedder())
      let before = Self.threadCount
      var found: [SearchHit] = []
      for question in questions {
        for mode in SearchMode.allCases {
          found += try await search.search(question, limit: 20, mode: mode)
        }
      }
      answers.append(found)
      grown.append(Self.threadCount - before)
    }
    #expect(answers[0].count > 150 && answers[0] == answers[1] && answers[0] == answers[2])
    // The caller is one of the six; other threads of the process may come and go.
    #expect(grown[0] < 3 && grown[1] >= 4 && grown[2] < 3, "\(grown)")
  }
}

import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Older indexes")
struct MigrationTests {
  /// The model that made the fixture, with vectors that nobody can tell apart.
  private struct Stand: Embedder {
    let identity = EmbedderIdentity(
      name: "all-minilm-l6-v2",
      sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", dimension: 384,
      pooling: "mean", prefix: "")
    let counter = WordEmbedder.Counter()
    func embed(_ texts: [String]) async throws -> [Float] {
      counter.add(texts.count)
      return (0..<texts.count).flatMap { _ in
        (0..<384).map { $0 == 0 ? Float(1) : 0 }
      }
    }
  }

  @Test("An index of format 1 opens, is searched, verified, and keeps its vectors")
  func formatOne() async throws {
    let home = TemporaryFolder()
    let folder = home.path + "/index"
    mkdir(folder, 0o755)
    let name = FormatTests.fixtures + "index-format-1/carrel.sqlite"
    guard case .bytes(let bytes, _, _) = FileBytes.read(ScannedFile(path: name)) else {
      return #expect(Bool(false), "no fixture")
    }
    home.write("index/carrel.sqlite", bytes: bytes)
    let index = try DocumentIndex.open(folder: folder)
    let before = try index.status(checkingDisk: false)
    #expect(before.files == 4 && before.chunks == 4 && before.embedded == 4)
    #expect(before.roots == ["/srv/documents"])
    let words = try SearchService(index: index, embedder: nil)
    let hit = try #require(try await words.search("hives in winter", limit: 1).first)
    #expect(hit.path == "/srv/documents/garden.md" && hit.startLine == 1 && hit.endLine == 7)
    #expect(hit.text.hasSuffix("when the honey is taken too late."))
    // Its own documents are not here: add others, and take the old ones out.
    let documents = TemporaryFolder()
    documents.write("new.md", "A new document about beekeeping.")
    let embedder = Stand()
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.added == 1 && embedder.counter.total == 1)
    #expect(try index.verify() == [])
    let search = try SearchService(index: index, embedder: embedder)
    #expect(try await search.search("hives", limit: 8).count == 5)
    #expect(try await search.search("hives", limit: 3, mode: .semantic).count == 3)
    #expect(try index.remove(["/srv/documents"]) == 4)
    #expect(try index.verify() == [])
    #expect(try index.status(checkingDisk: true).files == 1)
  }
}

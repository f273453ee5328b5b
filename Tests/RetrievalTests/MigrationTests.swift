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

  /// The words of all passages of files that do, or do not, have such names.
  private func words(_ path: String, english: Bool) throws -> [String] {
    let connection = try Connection(path: path)
    try connection.execute(
      "CREATE VIRTUAL TABLE temp.v USING fts5vocab('main', 'words', 'instance')")
    let rows = try connection.statement(
      """
      SELECT term, col, offset FROM v JOIN chunk ON chunk.id = doc JOIN file ON file.id = file_id
      WHERE (path LIKE '%garden%') = \(english ? 1 : 0) ORDER BY path, col, offset
      """)
    var found: [String] = []
    while try rows.step() { found.append("\(rows.text(0)) \(rows.text(1)) \(rows.integer(2))") }
    return found
  }

  private func copy(of format: Int, to home: TemporaryFolder) throws -> String {
    mkdir(home.path + "/index", 0o755)
    let name = FormatTests.fixtures + "index-format-\(format)/carrel.sqlite"
    guard case .bytes(let bytes, _, _) = FileBytes.read(ScannedFile(path: name)) else {
      throw RetrievalError(.io, "The fixture \(name) cannot be read.", subject: name)
    }
    home.write("index/carrel.sqlite", bytes: bytes)
    return home.path + "/index"
  }

  @Test(
    "An index of format 2 has the words of scripts without spaces cut anew, and nothing else touched"
  )
  func formatTwo() async throws {
    let home = TemporaryFolder()
    let folder = try copy(of: 2, to: home)
    let path = folder + "/carrel.sqlite"
    let english = try words(path, english: true)
    let clauses = try words(path, english: false)
    #expect(clauses.contains { $0.hasPrefix("这个数据库的索引很快 ") })
    // Who may only read is told why such a word is not found; other words are.
    do {
      let index = try DocumentIndex.open(folder: folder, readOnly: true)
      let old = try SearchService(index: index, embedder: nil)
      #expect(try await old.search("hives", limit: 1).count == 1)
      let error = await #expect(throws: RetrievalError.self) {
        try await old.search("数据库", limit: 1)
      }
      #expect(error?.code == .olderFormat)
    }
    let index = try DocumentIndex.open(folder: folder)
    let search = try SearchService(index: index, embedder: nil)
    #expect(try await search.search("数据库", limit: 3).map(\.path) == ["/srv/documents/database.txt"])
    #expect(try await search.search("データベース", limit: 3).map(\.path) == ["/srv/documents/手引き.md"])
    #expect(try await search.search("hives", limit: 1).count == 1)
    #expect(try index.verify() == [])
    let pairs = try words(path, english: false)
    #expect(try words(path, english: true) == english)
    #expect(pairs.count > clauses.count && pairs.contains { $0.hasPrefix("据库 ") })
    let connection = try Connection(path: path, mode: .readOnly)
    #expect(try connection.integer("PRAGMA user_version") == 3)
    // Those files alone are read again by the next run, the others not.
    #expect(try connection.integer("SELECT count(*) FROM file WHERE format = 0") == 2)
    #expect(try index.remove(["/srv/documents"]) == 3)
    #expect(try index.verify() == [])
    #expect(try connection.integer("SELECT count(*) FROM words_data WHERE id > 10") == 0)
  }

  @Test("An index of format 1 opens, is searched, verified, and keeps its vectors")
  func formatOne() async throws {
    let home = TemporaryFolder()
    let folder = try copy(of: 1, to: home)
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

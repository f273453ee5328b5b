import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Vectors on disk")
struct VectorStoreTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  private var files: [String] {
    TemporaryFolder.names(home.path + "/vectors").map { home.path + "/vectors/" + $0 }
  }

  private func add() async throws -> DocumentIndex {
    let index = try DocumentIndex.open(folder: home.path)
    _ = try await index.add([documents.path], embedder: embedder).summary()
    return index
  }

  private func hits(_ query: String) async throws -> [SearchHit] {
    let index = try DocumentIndex.open(folder: home.path, readOnly: true)
    return try await SearchService(index: index, embedder: embedder).search(
      query, limit: 5, mode: .semantic)
  }

  private func write(_ range: Range<Int>) {
    for number in range {
      documents.write("d\(number).txt", "alpha beta number\(number) and word\(number % 7)\n")
    }
  }

  private func overwrite(_ path: String, at offset: off_t, with bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY)
    pwrite(descriptor, bytes, bytes.count, offset)
    close(descriptor)
  }

  @Test("A lost or cut file is named, and the next refresh makes its vectors anew")
  func lostFiles() async throws {
    write(0..<20)
    let index = try await add()
    write(20..<40)
    _ = try await index.refresh(embedder: embedder).summary()
    let expected = try await hits("number7 word3")
    #expect(files.count == 2)
    for damage in ["unlink", "truncate", "foreign"] {
      let file = try #require(files.first)
      switch damage {
      case "unlink": unlink(file)
      case "truncate": truncate(file, 700)
      default: rename(files[1], files[0])
      }
      let error = await #expect(throws: RetrievalError.self) { try await hits("number7") }
      #expect(error?.code == .damaged)
      #expect(error?.message.contains("carrel index refresh") == true)
      #expect(try !index.verify().isEmpty)
      let summary = try await index.refresh(embedder: embedder).summary()
      #expect(summary.embedded >= 20)
      #expect(try index.verify() == [])
      #expect(try index.status(checkingDisk: false).embedded == 40)
      let again = try await hits("number7 word3")
      #expect(again.map(\.cosine) == expected.map(\.cosine))
    }
  }

  @Test("Changed bytes inside a file are found by verify")
  func damagedContent() async throws {
    write(0..<20)
    let index = try await add()
    #expect(try index.verify() == [])
    let file = try #require(files.first)
    overwrite(file, at: 2000, with: [1, 2, 3, 4, 5])
    let problems = try index.verify()
    #expect(problems.count == 1 && problems[0].contains(file))
  }

  @Test("Files that no transaction named are removed; a half-written one too")
  func orphans() async throws {
    write(0..<5)
    let index = try await add()
    let known = files
    home.write("vectors/99.vectors", "left by a killed run")
    home.write("vectors/2.vectors.tmp", "half")
    _ = try await index.refresh(embedder: embedder).summary()
    #expect(files == known)
    #expect(try index.verify() == [])
  }

  @Test("Many small changes leave few files, removal frees their space, results stay")
  func joining() async throws {
    write(0..<3)
    let index = try await add()
    for step in 1..<30 {
      write(step * 3..<(step + 1) * 3)
      _ = try await index.refresh(embedder: embedder).summary()
      #expect(files.count <= 8)
    }
    #expect(try index.verify() == [])
    #expect(try await hits("number44 alpha").first?.path.hasSuffix("/d44.txt") == true)
    let before = files.reduce(0) { $0 + (size($1)) }
    for number in 0..<80 { unlink(documents.path + "/d\(number).txt") }
    _ = try await index.refresh(embedder: embedder).summary()
    #expect(files.reduce(0) { $0 + (size($1)) } * 3 < before)
    #expect(try index.verify() == [])
    #expect(try await hits("number44 alpha").allSatisfy { !$0.path.hasSuffix("/d44.txt") })
    _ = try index.remove([documents.path])
    #expect(files.isEmpty)
    #expect(try index.verify() == [])
  }

  private func size(_ path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : 0
  }

  @Test("An index of format 1 is searched as it is, and moved by the first run that writes")
  func formatOne() async throws {
    write(0..<30)
    let new = try await add()
    let expected = try await hits("number7 word3")
    try await makeOld(new.databasePath)
    #expect(files.isEmpty)
    let old = try await hits("number7 word3")
    #expect(old == expected)
    #expect(files.isEmpty)
    let index = try DocumentIndex.open(folder: home.path)
    // Opened for writing, but no run yet: the vectors wait in the database.
    #expect(try await hits("number7 word3") == expected)
    #expect(try index.verify() == [])
    let summary = try await index.refresh(embedder: embedder).summary()
    #expect(summary.embedded == 0 && summary.unchanged == 30)
    #expect(files.count == 1)
    #expect(try index.verify() == [])
    #expect(try await hits("number7 word3") == expected)
  }

  /// Turns an index back into one of format 1, vectors and all.
  private func makeOld(_ path: String) async throws {
    let connection = try Connection(path: path)
    var texts: [(Int64, String)] = []
    let rows = try connection.statement("SELECT embedding_id, body FROM chunk")
    while try rows.step() { texts.append((rows.integer(0), rows.text(1))) }
    rows.reset()
    try connection.execute(
      "ALTER TABLE embedding ADD COLUMN vector BLOB NOT NULL DEFAULT x'00'")
    let update = try connection.statement("UPDATE embedding SET vector = ? WHERE id = ?")
    for (id, text) in texts {
      let floats = try await embedder.embed([text])
      try update.bind(1, floats.withUnsafeBytes { Array($0) }).bind(2, id).run()
    }
    try connection.execute(
      """
      DROP TABLE segment; DROP TABLE unmoved; DROP INDEX chunk_file;
      CREATE INDEX chunk_file ON chunk(file_id, ordinal);
      PRAGMA user_version=1;
      """)
    for file in files { unlink(file) }
  }
}

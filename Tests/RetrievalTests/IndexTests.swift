import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Document index")
struct IndexTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  private func index() throws -> DocumentIndex {
    try DocumentIndex.open(folder: home.path + "/index")
  }

  /// A Markdown file of sections long enough to be passages of their own.
  private func guide(_ sections: Int, changed: Int? = nil) -> String {
    (0..<sections).map { section in
      "## Section \(section)\n\n"
        + (0..<60).map { "word\(section)x\($0)" }.joined(separator: " ")
        + (section == changed ? " edited" : "") + "\n\n"
    }.joined()
  }

  @Test("Indexes, finds by words and by meaning, and cites exact lines and bytes")
  func addAndSearch() async throws {
    let text =
      "# Fruit\n\nApples grow on trees in the orchard.\n\n# Engines\n\nPistons burn fuel.\n"
    documents.write("notes/a.md", text)
    documents.write("b.txt", "Nothing of interest here.")
    let index = try index()
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.added == 2 && summary.embedded == summary.chunks)
    let search = try SearchService(index: index, embedder: embedder)
    for mode in SearchMode.allCases {
      let hit = try #require(try await search.search("orchard apples", limit: 3, mode: mode).first)
      #expect(hit.path == documents.path + "/notes/a.md")
      let bytes = Array(Array(text.utf8)[hit.startByte..<hit.endByte])
      #expect(String(decoding: bytes, as: UTF8.self) == hit.text)
      #expect(hit.startLine == 1 && hit.text.contains("orchard"))
      #expect((hit.lexicalRank == 1) == (mode != .semantic))
      #expect((hit.semanticRank == 1) == (mode != .lexical))
    }
    #expect(try index.verify().isEmpty)
    let status = try index.status(checkingDisk: true)
    #expect(status.files == 2 && status.stale == 0 && status.roots == [documents.path])
    #expect(status.embedder == embedder.identity)
  }

  @Test("Skips what did not change, by time and size, then by content")
  func unchanged() async throws {
    let file = documents.write("a.md", guide(6))
    let index = try index()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let before = embedder.counter.total
    #expect(try await index.refresh(embedder: embedder).summary().unchanged == 1)
    // Another time, the same bytes.
    var times = [timespec(tv_sec: 1_000_000, tv_nsec: 5), timespec(tv_sec: 1_000_000, tv_nsec: 5)]
    utimensat(AT_FDCWD, file, &times, 0)
    #expect(try index.status(checkingDisk: true).stale == 1)
    let touched = try await index.refresh(embedder: embedder).summary()
    #expect(touched.unchanged == 1 && touched.updated == 0)
    #expect(try index.status(checkingDisk: true).stale == 0)
    #expect(embedder.counter.total == before)
  }

  @Test("Embeds only passages that changed; a moved file keeps its vectors")
  func changedChunks() async throws {
    documents.write("a.md", guide(20))
    let index = try index()
    let first = try await index.add([documents.path], embedder: embedder).summary()
    #expect(first.embedded >= 20)
    documents.write("a.md", guide(20, changed: 7))
    let second = try await index.refresh(embedder: embedder).summary()
    #expect(second.updated == 1 && second.embedded == 1)
    rename(documents.path + "/a.md", documents.path + "/b.md")
    let third = try await index.refresh(embedder: embedder).summary()
    #expect(third.added == 1 && third.removed == 1 && third.embedded == 0)
    #expect(try index.verify().isEmpty)
  }

  @Test("Deleted files leave, with words and vectors; so do removed roots")
  func deletion() async throws {
    documents.write("a.md", "alpha unique words")
    documents.write("sub/b.md", "beta other words")
    let index = try index()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let search = try SearchService(index: index, embedder: embedder)
    #expect(try await search.search("alpha", limit: 5).count == 2)
    unlink(documents.path + "/a.md")
    #expect(try await index.refresh(embedder: embedder).summary().removed == 1)
    #expect(
      try await search.search("alpha", limit: 5).map(\.path) == [documents.path + "/sub/b.md"])
    #expect(try index.remove([documents.path]) == 1)
    #expect(try await search.search("beta", limit: 5).isEmpty)
    let status = try index.status(checkingDisk: true)
    #expect(status.files == 0 && status.chunks == 0 && status.roots.isEmpty)
    #expect(try index.verify().isEmpty)
    #expect(throws: RetrievalError.self) { try index.remove(["/never/added"]) }
  }

  @Test("Refuses another embedder with the command that helps; rebuild takes it")
  func mismatch() async throws {
    documents.write("a.md", "some words")
    let index = try index()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    var other = WordEmbedder()
    other.identity.sha256 = "11"
    let error = #expect(throws: RetrievalError.self) {
      _ = try SearchService(index: index, embedder: other)
    }
    #expect(error?.code == .embedderMismatch)
    #expect(error?.description.contains("carrel index rebuild") == true)
    await #expect(throws: RetrievalError.self) {
      _ = try await index.refresh(embedder: other).summary()
    }
    #expect(try await index.rebuild(embedder: other).summary().added == 1)
    let search = try SearchService(index: index, embedder: other)
    #expect(try await search.search("words", limit: 1).count == 1)
    #expect(try index.verify().isEmpty)
  }

  @Test("Rebuilding mends a damaged database, as the message says, or says what does")
  func rebuildsDamaged() async throws {
    for number in 0..<40 { documents.write("\(number).md", "word\(number) in some more words") }
    let path = home.path + "/index/carrel.sqlite"
    for damage in ["cut", "overwritten", "wiped"] {
      do { _ = try await index().add([documents.path], embedder: embedder).summary() }
      let file = open(path, O_RDWR)
      var info = stat()
      fstat(file, &info)
      let size = Int(info.st_size)
      // The list of roots is among the first pages.
      let from = damage == "wiped" ? 200 : size / 2
      if damage == "cut" { ftruncate(file, off_t(size / 2 / 4096 * 4096)) }
      if damage != "cut" {
        let noise = [UInt8](repeating: 0xa5, count: size - from)
        pwrite(file, noise, noise.count, off_t(from))
      }
      close(file)
      if damage == "wiped" {
        let error = #expect(throws: RetrievalError.self) {
          try DocumentIndex.replaceIfDamaged(folder: self.home.path + "/index")
        }
        #expect(String(describing: error).contains("again with `carrel index add PATH`"))
        continue
      }
      try DocumentIndex.replaceIfDamaged(folder: home.path + "/index")
      let summary = try await index().rebuild(embedder: embedder).summary()
      #expect(summary.added == 40, "\(damage)")
      let index = try index()
      #expect(try index.verify().isEmpty)
      let search = try SearchService(index: index, embedder: embedder)
      #expect(try await search.search("word7", limit: 1).count == 1)
    }
  }

  @Test("Without an embedder indexes words only; vectors come with the next run")
  func lexicalFirst() async throws {
    documents.write("a.md", guide(3))
    let index = try index()
    #expect(try await index.add([documents.path], embedder: nil).summary().embedded == 0)
    let words = try SearchService(index: index, embedder: nil)
    let found = try await words.find("word1x5", limit: 2)
    #expect(found.mode == .lexical && found.hits.count == 1)
    let second = try await index.refresh(embedder: embedder).summary()
    #expect(second.embedded == second.chunks && second.embedded >= 3)
    let both = try SearchService(index: index, embedder: embedder)
    #expect(try await both.find("word1x5", limit: 2).mode == .hybrid)
    #expect(try await index.refresh(embedder: nil).summary().unchanged == 1)
    #expect(try index.verify().isEmpty)
  }

  @Test("Counts files it cannot read by reason, and reads them once they can be")
  func skipped() async throws {
    documents.write("a.bin", bytes: [1, 0, 2, 0])
    documents.write("empty.txt", " \n")
    documents.write("good.txt", "words")
    let index = try index()
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.skipped == [.binary: 1, .empty: 1] && summary.added == 1)
    let again = try await index.refresh(embedder: embedder).summary()
    #expect(again.unchanged == 3)
    #expect(try index.status(checkingDisk: false).skipped == [.binary: 1, .empty: 1])
    documents.write("a.bin", "now it is text")
    #expect(try await index.refresh(embedder: embedder).summary().updated == 1)
    #expect(try index.verify().isEmpty)
  }

  @Test("Cancelled, it stops within a second, and the next run finishes the work")
  func cancellation() async throws {
    for number in 0..<120 { documents.write("f\(number).md", guide(4)) }
    let index = try index()
    var slow = embedder
    slow.delay = 30_000_000
    let reader = slow
    let folder = documents.path
    let task = Task {
      for try await event in index.add([folder], embedder: reader) {
        if case .fileIndexed = event { return }
      }
    }
    try await task.value
    let start = Clock.seconds()
    // The lock is free once the run has ended.
    while true {
      do {
        _ = try index.remove(["/nothing"])
      } catch let error as RetrievalError {
        if error.code == .notIndexed { break }
      }
      try await Task.sleep(nanoseconds: 10_000_000)
    }
    #expect(Clock.seconds() - start < 2)
    #expect(try index.verify().isEmpty)
    let done = try index.status(checkingDisk: true)
    #expect(done.files > 0)
    _ = try await index.refresh(embedder: embedder).summary()
    let status = try index.status(checkingDisk: true)
    #expect(status.files == 120 && status.stale == 0)
    #expect(try index.verify().isEmpty)
  }

  @Test("An aborted transaction leaves no trace")
  func aborted() async throws {
    documents.write("a.md", "alpha")
    let index = try index()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    do {
      let connection = try Connection(path: index.databasePath)
      try connection.execute("BEGIN; DELETE FROM chunk; DELETE FROM embedding")
    }
    let again = try DocumentIndex.open(folder: index.folder)
    #expect(try again.verify().isEmpty)
    let search = try SearchService(index: again, embedder: embedder)
    #expect(try await search.search("alpha", limit: 1).count == 1)
  }

  @Test("Readers see whole files while a writer works")
  func concurrentReader() async throws {
    for number in 0..<150 { documents.write("f\(number).md", guide(4) + "common\n") }
    let index = try index()
    _ = try index.status(checkingDisk: false)
    let other = try DocumentIndex.open(folder: index.folder, readOnly: true)
    let embedder = embedder
    let folder = documents.path
    let writer = Task { try await index.add([folder], embedder: embedder).summary() }
    var searches = 0
    while true {
      for reader in [index, other] {
        let search = try SearchService(index: reader, embedder: embedder)
        let hits = try await search.search("word1x1 word3x5", limit: 20)
        #expect(hits.allSatisfy { !$0.text.isEmpty })
        searches += 1
      }
      let status = try other.status(checkingDisk: false)
      #expect(status.chunks == status.embedded && status.chunks % 4 == 0)
      if status.files == 150 { break }
    }
    #expect(try await writer.value.added == 150)
    #expect(searches > 0)
    #expect(throws: RetrievalError.self) { _ = try other.remove([folder]) }
  }

  @Test("Two writers do not mix: the second is told")
  func lock() async throws {
    for number in 0..<60 { documents.write("f\(number).md", guide(4)) }
    let index = try index()
    var slow = embedder
    slow.delay = 20_000_000
    var refused: RetrievalError?
    for try await event in index.add([documents.path], embedder: slow) {
      guard case .fileIndexed = event, refused == nil else { continue }
      do {
        _ = try await index.refresh(embedder: embedder).summary()
      } catch {
        refused = error as? RetrievalError
      }
    }
    #expect(refused?.code == .locked)
  }

  @Test("Any question is answered without an error", arguments: 0..<8)
  func hostileQueries(seed: Int) async throws {
    documents.write("a.md", "alpha beta gamma \"quoted\" AND OR NOT NEAR x*y\n")
    let index = try index()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let search = try SearchService(index: index, embedder: embedder)
    var random = Seeded(UInt64(seed) + 11)
    let parts = [
      "\"", "'", "*", "(", ")", "{", "}", ":", "^", "-", "+", " AND ", " OR ", " NOT ", "NEAR(",
      ",",
      "alpha", "body:", "\0", "é", "漢字", "🙂", "\u{202e}", "\u{301}", "%", "\\", ";", "--", "NULL",
      "\n", "ß", "İ", "ﬁ", "١٢", " ",
    ]
    for _ in 0..<500 {
      var query = ""
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        query += parts.randomElement(using: &random)!
      }
      for mode in SearchMode.allCases { _ = try await search.search(query, limit: 3, mode: mode) }
    }
    let long = String(repeating: "alpha beta\u{0} ", count: 20_000)
    #expect(try await search.search(long, limit: 3).count == 1)
    #expect(try await search.find("what is the", limit: 3).terms == ["what", "is", "the"])
    #expect(try await search.find("?!", limit: 3).mode == .semantic)
    #expect(try await search.search("alpha", limit: 0).isEmpty)
  }

  @Test("A passage that occurs twice is listed once")
  func duplicates() async throws {
    documents.write("a.md", "the same words here")
    documents.write("b.md", "the same words here")
    let index = try index()
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.chunks == 2 && summary.embedded == 1)
    let search = try SearchService(index: index, embedder: embedder)
    #expect(try await search.search("same words", limit: 5).count == 1)
  }

  @Test("An embedder that breaks its contract is named")
  func badEmbedder() async throws {
    struct Bad: Embedder {
      let identity = EmbedderIdentity(
        name: "bad", sha256: "0", dimension: 4, pooling: "mean", prefix: "")
      let answer: [Float]
      func embed(_ texts: [String]) async throws -> [Float] { answer }
    }
    documents.write("a.md", "some words")
    let index = try index()
    for answer in [[Float](), [1, 2], [1, .nan, 0, 0]] {
      let error = await #expect(throws: RetrievalError.self) {
        try await index.add([documents.path], embedder: Bad(answer: answer)).summary()
      }
      #expect(error?.code == .badEmbedding)
    }
    #expect(try index.verify().isEmpty)
  }

  @Test("A missing path and a missing index are named")
  func missing() async throws {
    let index = try index()
    await #expect(throws: RetrievalError.self) {
      try await index.add(["/no/such/path"], embedder: nil).summary()
    }
    let error = #expect(throws: RetrievalError.self) {
      _ = try DocumentIndex.open(folder: home.path + "/none", readOnly: true)
    }
    #expect(error?.code == .noIndex)
  }
}

import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Roots that overlap, vanish and come back")
struct RootTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  private func index() throws -> DocumentIndex {
    try DocumentIndex.open(folder: home.path + "/index")
  }

  @Test("A changed file below two roots is read once")
  func twoRoots() async throws {
    documents.write("docs/sub/a.md", "alpha words")
    let index = try index()
    let roots = [documents.path + "/docs", documents.path + "/docs/sub"]
    #expect(try await index.add(roots, embedder: embedder).summary().added == 1)
    #expect(try await index.refresh(embedder: embedder).summary().unchanged == 1)
    documents.write("docs/sub/a.md", "other and longer words")
    let summary = try await index.refresh(embedder: embedder).summary()
    #expect(summary.updated == 1 && summary.added == 0 && summary.skipped.isEmpty, "\(summary)")
    unlink(documents.path + "/docs/sub/a.md")
    #expect(try await index.refresh(embedder: embedder).summary().removed == 1)
    #expect(try index.verify().isEmpty)
  }

  @Test("Paths are removed together or, when one is not in the index, not at all")
  func removeTogether() async throws {
    documents.write("docs/a.md", "alpha")
    documents.write("docs/sub/b.md", "beta")
    let index = try index()
    let docs = documents.path + "/docs"
    _ = try await index.add([docs], embedder: nil).summary()
    #expect(throws: RetrievalError.self) { try index.remove([docs, "/never/added"]) }
    #expect(try index.status(checkingDisk: false).files == 2)
    #expect(try index.remove([docs, docs + "/sub"]) == 2)
    #expect(try index.status(checkingDisk: false).roots.isEmpty)
    #expect(try index.verify().isEmpty)
  }

  @Test("Two names that look alike are two files")
  func normalisation() async throws {
    let names = ["caf\u{e9}.md", "cafe\u{301}.md"]
    for (number, name) in names.enumerated() { documents.write(name, "words of file\(number)") }
    let index = try index()
    #expect(try await index.add([documents.path], embedder: nil).summary().added == 2)
    #expect(try index.status(checkingDisk: true).stale == 0)
    #expect(try await index.refresh(embedder: nil).summary().unchanged == 2)
    documents.write(names[1], "words that changed")
    #expect(try index.status(checkingDisk: true).stale == 1)
    #expect(try await index.refresh(embedder: nil).summary().updated == 1)
    unlink(documents.path + "/" + names[0])
    #expect(try await index.refresh(embedder: nil).summary().removed == 1)
    #expect(try index.status(checkingDisk: true).files == 1)
  }

  @Test(
    "A folder on a disk that is away keeps its files, and every refresh says so; removing it frees them"
  )
  func missingRoot() async throws {
    let disk = documents.path + "/disk"
    let root = disk + "/docs"
    documents.write("disk/docs/a.md", "alpha words")
    documents.write("disk/docs/sub/b.md", "beta words")
    let single = documents.write("single.md", "gamma words")
    let index = try index()
    _ = try await index.add([root, single], embedder: embedder).summary()
    let before = embedder.counter.total
    rename(disk, documents.path + "/away")
    for _ in 0..<2 {
      let summary = try await index.refresh(embedder: embedder).summary()
      #expect(summary.kept == [root: 2] && summary.removed == 0)
      #expect(summary.skipped == [.unreadable: 1])
      #expect(try index.status(checkingDisk: true).stale == 0)
    }
    rename(documents.path + "/away", disk)
    let back = try await index.refresh(embedder: embedder).summary()
    #expect(back.unchanged == 3 && back.kept.isEmpty && embedder.counter.total == before)
    // A file that was named is no disk.
    unlink(single)
    #expect(try await index.refresh(embedder: embedder).summary().removed == 1)
    rename(disk, documents.path + "/away")
    #expect(try index.remove([root]) == 2)
    let status = try index.status(checkingDisk: true)
    #expect(status.files == 0 && status.chunks == 0 && status.roots == [single])
    #expect(try index.verify().isEmpty)
  }

  @Test("A folder that was deleted leaves the index with its files")
  func deletedRoot() async throws {
    let root = documents.path + "/docs"
    documents.write("docs/a.md", "alpha words")
    documents.write("docs/sub/b.md", "beta words")
    let index = try index()
    _ = try await index.add([root], embedder: embedder).summary()
    rename(root, documents.path + "/elsewhere")
    let summary = try await index.refresh(embedder: embedder).summary()
    #expect(summary.removed == 2 && summary.kept.isEmpty, "\(summary)")
    let status = try index.status(checkingDisk: true)
    #expect(status.files == 0 && status.chunks == 0)
    #expect(try index.verify().isEmpty)
  }

  @Test("A folder that may not be read keeps its files")
  func closedFolder() async throws {
    // To who is root nothing is closed.
    let user = geteuid()
    if user == 0 {
      for folder in [documents.path, home.path] { chown(folder, 65534, 65534) }
      seteuid(65534)
    }
    defer { seteuid(user) }
    documents.write("a.md", "alpha words")
    documents.write("sub/deep/b.md", "beta words")
    let index = try index()
    _ = try await index.add([documents.path], embedder: nil).summary()
    chmod(documents.path + "/sub", 0)
    let summary = try await index.refresh(embedder: nil).summary()
    chmod(documents.path + "/sub", 0o755)
    #expect(summary.removed == 0 && summary.skipped == [.permission: 1], "\(summary)")
    #expect(try index.status(checkingDisk: false).files == 2)
    chmod(documents.path, 0)
    let closed = try await index.refresh(embedder: nil).summary()
    chmod(documents.path, 0o755)
    #expect(closed.removed == 0 && closed.kept == [documents.path: 2], "\(closed)")
    #expect(try await index.refresh(embedder: nil).summary().unchanged == 2)
  }

  @Test("A converter's failure is tried again by the next run")
  func converterMended() async throws {
    let path = Subprocess.environment("PATH") ?? ""
    let tools = TemporaryFolder()
    setenv("PATH", tools.path + ":" + path, 1)
    defer { setenv("PATH", path, 1) }
    func install(_ script: String) {
      chmod(tools.write("pdftotext", "#!/bin/sh\n" + script), 0o755)
    }
    documents.write("a.pdf", "%PDF")
    let index = try index()
    install("exit 127")
    let reason = SkipReason.notConverted("pdftotext ended with status 127")
    let first = try await index.add([documents.path], embedder: nil).summary()
    #expect(first.skipped == [reason: 1])
    #expect(try index.status(checkingDisk: false).skipped == [reason: 1])
    install("echo text")
    #expect(try await index.refresh(embedder: nil).summary().added == 1)
    // What is known of a file outlives a converter that fails.
    documents.write("a.pdf", "%PDF-2")
    install("exit 127")
    #expect(try await index.refresh(embedder: nil).summary().skipped == [reason: 1])
    #expect(try index.status(checkingDisk: true).files == 1)
    install("exit 1")
    _ = try await index.refresh(embedder: nil).summary()
    #expect(try await index.refresh(embedder: nil).summary().unchanged == 1)
    #expect(try index.verify().isEmpty)
  }

  @Test("Verifying beside a run that adds finds no damage")
  func verifyBeside() async throws {
    let index = try index()
    documents.write("first.md", "first words")
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let (folder, embedder) = (documents, embedder)
    let writer = Task {
      for number in 0..<60 {
        folder.write("f\(number).md", "# Part \(number)\n\nwords \(number) of file \(number)\n")
        _ = try await index.refresh(embedder: embedder).summary()
      }
    }
    var problems: [String] = []
    while try index.status(checkingDisk: false).files < 61 {
      problems += try index.verify()
    }
    try await writer.value
    #expect(problems.isEmpty, "\(problems)")
  }
}

import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Hostile folders")
struct HostileFolderTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  @Test("Odd names, pipes, sockets, devices, loops and deep folders end in counts, not in hangs")
  func oddities() async throws {
    documents.write("good.md", "good words")
    documents.write("line\nbreak \u{1b}[31m.md", "newline words")
    documents.write(" .txt", "space words")
    mkfifo(documents.path + "/pipe.md", 0o644)
    symlink(documents.path, documents.path + "/loop")
    symlink("/dev/zero", documents.path + "/zero.md")
    // Bytes that are no UTF-8: there is no way to say such a path in text.
    var invalid = Array((documents.path + "/bad").utf8CString.dropLast()) + [-1, -2]
    invalid += Array(".md".utf8CString)
    close(open(invalid, O_WRONLY | O_CREAT, 0o644))
    // Deeper than a path may be long.
    var made = 0
    let start = open(documents.path, O_RDONLY | O_DIRECTORY)
    var folder = start
    let part = String(repeating: "d", count: 200)
    while made < 40, mkdirat(folder, part, 0o755) == 0 {
      let next = openat(folder, part, O_RDONLY | O_DIRECTORY)
      if folder != start { close(folder) }
      guard next >= 0 else { break }
      folder = next
      made += 1
    }
    close(folder)
    let index = try DocumentIndex.open(folder: home.path + "/index")
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.added == 3, "\(summary)")
    #expect(summary.skipped[.special] == 1 && summary.skipped[.symbolicLink] == 2)
    #expect(summary.skipped[.nameNotText] == 1 && summary.skipped[.unreadable] == 1)
    #expect(try index.status(checkingDisk: true).stale == 0)
    #expect(try index.status(checkingDisk: false).skipped == summary.skipped)
    #expect(try index.verify().isEmpty)
    // The test's own way of deleting goes by path: take the deep ones away from below.
    var levels = made
    while levels > 0 {
      var place = open(documents.path, O_RDONLY | O_DIRECTORY)
      for _ in 1..<levels {
        let next = openat(place, part, O_RDONLY | O_DIRECTORY)
        close(place)
        place = next
      }
      unlinkat(place, part, AT_REMOVEDIR)
      close(place)
      levels -= 1
    }
    unlink(invalid)
  }

  @Test("A line without end is cut into passages, in time and memory of its length")
  func longLine() async throws {
    let megabytes = isSoak ? 100 : 8
    var line = Array("word ".utf8)
    while line.count < megabytes << 20 { line += line }
    documents.write("long.txt", bytes: Array(line[..<(megabytes << 20)]))
    documents.write("solid.txt", bytes: .init(repeating: 120, count: 3 << 20))
    var options = IndexOptions()
    options.maximumFileBytes = 1 << 30
    let index = try DocumentIndex.open(folder: home.path + "/index")
    let start = Clock.seconds()
    let summary = try await index.add([documents.path], embedder: nil, options: options).summary()
    #expect(summary.added == 2 && summary.chunks > megabytes * 500)
    #expect(Clock.seconds() - start < Double(megabytes) * 3)
    #expect(try index.verify().isEmpty)
  }

  @Test("Of a binary file that was named only the beginning is read, of one too large nothing")
  func sparse() {
    func read(_ name: String, _ bytes: Int) -> SkipReason? {
      let path = documents.write(name, "")
      truncate(path, bytes)
      guard case .failed(let reason) = FileBytes.read(ScannedFile(path: path)) else { return nil }
      return reason
    }
    #expect(read("disk.img", 900 << 20) == .binary)
    #expect(read("disk.pdf", 8 << 40) == .huge)
    #expect(read("disk.txt", 8 << 40) == .huge)
    // UTF-16 has as many NUL bytes as letters.
    let wide: [UInt8] = String(repeating: "wide words\n", count: 100_000).utf8.flatMap { [$0, 0] }
    for mark: [UInt8] in [[], [0xff, 0xfe]] {
      let path = documents.write("wide.txt", bytes: mark + wide)
      guard case .bytes(let bytes, _, _) = FileBytes.read(ScannedFile(path: path)) else {
        Issue.record("UTF-16 is text")
        continue
      }
      #expect(bytes.count == mark.count + wide.count)
    }
  }

  @Test("What is packed counts for reading ahead as what it may become")
  func weights() {
    func weight(_ name: String, _ size: Int) -> Int {
      ReadAhead.weight(ScannedFile(path: "/x/" + name, size: size))
    }
    #expect(weight("a.md", 1000) == 1000)
    #expect(weight("a.log.gz", 1000) == 200_000)
    #expect(weight("a.log.gz", 8 << 40) == 64 << 20)
    #expect(weight("a.pdf", 1000) == 4 << 20 && weight("a.docx", 9 << 20) == 9 << 20)
  }

  @Test("A file that grows while it is read is left for later; what was known of it stays")
  func changing() async throws {
    documents.write("log.txt", String(repeating: "first words\n", count: 4000))
    let index = try DocumentIndex.open(folder: home.path + "/index")
    _ = try await index.add([documents.path], embedder: nil).summary()
    // Reading finds another size at the end than at the beginning, each time.
    let path = documents.path + "/log.txt"
    let writer = Task.detached {
      let descriptor = open(path, O_WRONLY | O_APPEND)
      defer { close(descriptor) }
      while !Task.isCancelled { _ = write(descriptor, "more\n", 5) }
    }
    var seen = 0
    for _ in 0..<200 where seen == 0 {
      if case .failed(let reason) = FileBytes.read(ScannedFile(path: path)) {
        #expect(reason == .changedWhileRead)
        seen += 1
      }
    }
    _ = try await index.refresh(embedder: nil).summary()
    #expect(try index.status(checkingDisk: false).files == 1)
    writer.cancel()
    await writer.value
    _ = try await index.refresh(embedder: nil).summary()
    #expect(try index.status(checkingDisk: true).stale == 0)
    #expect(try index.verify().isEmpty)
  }

  @Test("Deleting a file, a folder or a root gives its space back to the disk")
  func space() async throws {
    var random = Seeded(21)
    func fill(_ folder: String, _ files: Int) {
      for number in 0..<files {
        let text = (0..<4000).map { _ in
          "w" + String(Int.random(in: 0..<40_000, using: &random))
        }.joined(separator: " ")
        documents.write("\(folder)/f\(number).txt", text)
      }
    }
    func bytes() -> Int {
      TemporaryFolder.names(home.path + "/index").reduce(0) { sum, name in
        var info = stat()
        stat(home.path + "/index/" + name, &info)
        return sum + Int(info.st_blocks) * 512
      }
    }
    fill("keep", 4)
    let index = try DocumentIndex.open(folder: home.path + "/index")
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let small = bytes()
    fill("go", 60)
    documents.write("other/x.txt", "other root")
    _ = try await index.refresh(embedder: embedder).summary()
    let large = bytes()
    #expect(large > small * 3)
    TemporaryFolder.remove(documents.path + "/go")
    _ = try await index.refresh(embedder: embedder).summary()
    let after = bytes()
    #expect(after < small * 2, "\(small) \(large) \(after)")
    _ = try index.remove([documents.path])
    #expect(bytes() < small, "\(bytes())")
    #expect(try index.verify().isEmpty)
  }

  @Test("The index does not read itself, and refuses to be told to")
  func itself() async throws {
    documents.write("a.md", "words")
    let index = try DocumentIndex.open(folder: documents.path + "/Index")
    documents.write("Index/README.md", "What this folder holds.")
    let error = await #expect(throws: RetrievalError.self) {
      try await index.add([documents.path + "/Index"], embedder: nil).summary()
    }
    #expect(error?.message.hasSuffix("is the index itself, which cannot be indexed.") == true)
    #expect(try await index.add([documents.path], embedder: nil).summary().added == 2)
    let again = try await index.refresh(embedder: nil).summary()
    #expect(again.unchanged == 2 && again.added + again.updated + again.removed == 0)
    #expect(try index.status(checkingDisk: true).stale == 0)
  }

  @Test("A hundred thousand unchanged files are looked through in a moment", .enabled(if: isSoak))
  func manyFiles() async throws {
    for folder in 0..<400 {
      for file in 0..<250 {
        documents.write("d\(folder)/f\(file).md", "words of \(folder) \(file)")
      }
    }
    let index = try DocumentIndex.open(folder: home.path + "/index")
    _ = try await index.add([documents.path], embedder: nil).summary()
    var times: [Double] = []
    for _ in 0..<5 {
      let summary = try await index.refresh(embedder: nil).summary()
      #expect(summary.unchanged == 100_000)
      times.append(summary.seconds)
    }
    print("rescan of 100,000 files: \(times)")
    #expect(times.min()! < 1.5)
  }
}

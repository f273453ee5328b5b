import Database
import Glibc
import Retrieval
import TestSupport
import Testing

/// An index survives being killed, starved and crowded, and ends as one that was left alone.
@Suite("Index after accidents", .serialized)
struct CrashTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  private var folder: String { home.path + "/index" }

  private func text(_ random: inout Seeded) -> String {
    let words = [
      "orchard", "apple", "engine", "piston", "tide", "moon", "gate", "memory", "token", "index",
      "winter", "honey", "bee", "stroke", "harbour", "lantern", "mirror", "quartz", "ribbon",
      "salt",
    ]
    return (0..<Int.random(in: 1...6, using: &random)).map { section in
      "## \(words.randomElement(using: &random)!) \(section)\n\n"
        + (0..<Int.random(in: 20...90, using: &random)).map { _ in
          words.randomElement(using: &random)! + String(Int.random(in: 0..<9, using: &random))
        }.joined(separator: " ")
    }.joined(separator: "\n\n") + "\n"
  }

  private func change(_ random: inout Seeded, files: Int) {
    for _ in 0..<files {
      let name =
        "d\(Int.random(in: 0..<4, using: &random))/f\(Int.random(in: 0..<20, using: &random))"
      switch Int.random(in: 0..<5, using: &random) {
      case 0: unlink(documents.path + "/\(name).md")
      case 1: rename(documents.path + "/\(name).md", documents.path + "/\(name)-moved.md")
      default: documents.write(name + ".md", text(&random))
      }
    }
  }

  /// What some questions find with every side of the search: every passage they reach, in order, with
  /// its score to the last bit.
  private func answers(_ folder: String) async throws -> [String] {
    let search = try SearchService(
      index: DocumentIndex.open(folder: folder, readOnly: true), embedder: embedder)
    var all: [String] = []
    for question in ["apple3 orchard1", "memory gate", "bee2 honey2 winter", "token4", "salt0"] {
      for mode in SearchMode.allCases {
        for hit in try await search.search(question, limit: 5000, mode: mode) {
          all.append(
            "\(question) \(mode) \(hit.rank) \(hit.score) \(hit.path) \(hit.startByte) \(hit.text)")
        }
      }
    }
    return all
  }

  /// Continues, and compares with an index that nothing happened to.
  private func compare(_ label: String) async throws {
    let index = try DocumentIndex.open(folder: folder)
    _ = try await index.add([documents.path], embedder: embedder).summary()
    #expect(try index.verify() == [], "\(label)")
    let calm = TemporaryFolder()
    let other = try DocumentIndex.open(folder: calm.path + "/index")
    _ = try await other.add([documents.path], embedder: embedder).summary()
    let expected = try await answers(other.folder)
    let found = try await answers(folder)
    #expect(found.count == expected.count, "\(label)")
    if let (mine, its) = zip(found, expected).first(where: { $0 != $1 }) {
      Issue.record("\(label): \(mine.prefix(120)) in place of \(its.prefix(120))")
    }
    let (mine, its) = (
      try index.status(checkingDisk: true), try other.status(checkingDisk: true)
    )
    #expect(mine.files == its.files && mine.chunks == its.chunks && mine.stale == 0)
    #expect(mine.embedded == its.embedded && mine.skipped == its.skipped)
  }

  @Test("Killed at any moment of any change it opens, verifies, and ends as if undisturbed")
  func killed() async throws {
    var random = Seeded(isSoak ? UInt64(getpid()) : 7)
    change(&random, files: 60)
    _ = try await DocumentIndex.open(folder: folder)
      .add([documents.path], embedder: embedder).summary()
    var killed = 0
    var kills: [String: Int] = [:]
    let wanted = isSoak ? 300 : 9
    var round = -1
    // How long a run takes here and now, so that the moments are spread over all of it.
    var typical: [String: Double] = [:]
    while killed < wanted, round < wanted * 3 {
      round += 1
      change(&random, files: Int.random(in: 4...24, using: &random))
      let operations = ["add", "refresh", "remove", "rebuild", "compact"]
      let name = operations[round % operations.count]
      let arguments: [String]
      switch name {
      case "add": arguments = [folder, "add", documents.path]
      case "remove":
        let path = documents.path + "/d\(Int.random(in: 0..<4, using: &random))"
        arguments = [folder, "remove", path]
      case "compact":
        // As many small files of vectors as are joined by the next change.
        try await scatter(&random)
        arguments = [folder, "refresh"]
      default: arguments = [folder, name]
      }
      let environment = [
        "PROBE_DELAY": Bool.random(using: &random) ? "2000" : "0", "PROBE_MERGE": "1",
      ]
      let longest = typical[name, default: 0.12]
      let moment = Double.random(in: 0.002...longest, using: &random)
      let start = Clock.seconds()
      let probe = try #require(Probe(arguments, environment: environment))
      if probe.kill(after: UInt32(moment * 1e6)) {
        killed += 1
        kills[name, default: 0] += 1
      } else {
        typical[name] = max(0.02, min(longest, Clock.seconds() - start))
      }
      if round % 7 == 3 { typical[name] = longest * 1.3 }
      let index = try DocumentIndex.open(folder: folder)
      #expect(try index.verify() == [], "round \(round): \(name) killed after \(moment) s")
      if isSoak || round % 5 == 4 { try await compare("round \(round): \(name)") }
    }
    try await compare("the end")
    #expect(killed == wanted)
    if isSoak {
      print("killed \(killed) in \(round + 1) rounds: \(kills.sorted { $0.key < $1.key })")
    }
  }

  /// Changes one file after the other until one more file of vectors makes as many as are joined.
  private func scatter(_ random: inout Seeded) async throws {
    let index = try DocumentIndex.open(folder: folder)
    for number in 0..<8 {
      let files = TemporaryFolder.names(folder + "/vectors").filter { $0.hasSuffix(".vectors") }
      if files.count == 7 { break }
      documents.write("d0/scattered-\(number).md", text(&random))
      _ = try await index.add([documents.path], embedder: embedder).summary()
    }
    change(&random, files: 4)
  }

  @Test("Three processes that add at once: one does, the others say so, nothing is lost")
  func crowded() async throws {
    var random = Seeded(3)
    change(&random, files: 80)
    _ = try DocumentIndex.open(folder: folder)
    let probes = (0..<3).compactMap { _ in
      Probe([folder, "add", documents.path], environment: ["PROBE_DELAY": "20000"])
    }
    let search = Probe.run([folder, "search", "apple"])
    #expect(search.code == 0)
    let ends = probes.map { $0.wait() }
    #expect(ends.count == 3 && ends.contains { $0.status == 0 })
    for end in ends where end.status != 0 {
      #expect(end.text.contains("Another process is changing the index"), "\(end.text)")
    }
    try await compare("after three")
  }

  @Test("A file that may not grow any more: one sentence, whole files, and then it goes on")
  func starved() async throws {
    var random = Seeded(5)
    change(&random, files: 80)
    for blocks in [150, 400, 900] {
      // In units of 512 bytes; the signal is ignored, so that writing fails as on a full disk.
      let end = Probe.run(
        [folder, "add", documents.path],
        script: "trap '' XFSZ; ulimit -f \(blocks); exec \"$0\" \"$@\"")
      #expect(end.code == 0 || end.text.hasPrefix("failed: "), "\(blocks): \(end)")
      #expect(end.text.split(separator: "\n").count == 1, "\(end.text)")
      #expect(try DocumentIndex.open(folder: folder).verify() == [], "\(blocks)")
    }
    try await compare("after starving")
  }

  @Test("A file that the database refuses is left out alone; those written with it stay")
  func refused() async throws {
    for number in 0..<40 { documents.write("f\(number).md", "apple number \(number)") }
    let index = try DocumentIndex.open(folder: folder)
    let connection = try Connection(path: index.databasePath)
    try connection.execute(
      """
      CREATE TRIGGER refuse BEFORE INSERT ON chunk WHEN NEW.body LIKE '%number 17%'
      BEGIN SELECT RAISE(ABORT, 'refused'); END
      """)
    let summary = try await index.add([documents.path], embedder: embedder).summary()
    #expect(summary.added == 39 && summary.skipped == [.notStored: 1], "\(summary)")
    #expect(try index.verify() == [])
    #expect(try index.status(checkingDisk: false).files == 39)
    try connection.execute("DROP TRIGGER refuse")
    #expect(try await index.refresh(embedder: embedder).summary().added == 1)
    try await compare("after it was refused")
  }

  @Test("A full disk is named, and nothing is lost")
  func fullDisk() async throws {
    var random = Seeded(6)
    change(&random, files: 80)
    mkdir(folder, 0o755)
    // A file system of its own, where this user may make one.
    let script = """
      mount -t tmpfs -o size=400k none "$1" 2>/dev/null || exit 99
      "$0" "$@"
      mount -o remount,size=64m none "$1"
      "$0" "$1" refresh && "$0" "$1" search apple3
      """
    let end = Probe.run(
      [folder, "add", documents.path],
      script: "exec unshare -rm /bin/sh -c '\(script)' \"$0\" \"$@\" 2>/dev/null")
    // Where no file system may be made there is no disk to fill; `starved` tries what can be tried.
    if end.code == 99 || end.text.isEmpty { return }
    let lines = end.text.split(separator: "\n")
    #expect(lines.first?.contains("is full") == true, "\(end)")
    #expect(lines.dropFirst().first?.hasPrefix("added") == true, "\(end)")
    #expect(lines.count > 2 && end.code == 0, "\(end)")
  }

  @Test("Without the right to write: searching works, changing is refused in one sentence")
  func readOnly() async throws {
    var random = Seeded(8)
    change(&random, files: 30)
    _ = try await DocumentIndex.open(folder: folder)
      .add([documents.path], embedder: embedder).summary()
    // Nobody must come as far as here.
    for path in [home.path, documents.path] { chmod(path, 0o755) }
    chmod(folder, 0o555)
    defer { chmod(folder, 0o755) }
    setRights(0o444, folders: 0o555)
    let environment = ["PROBE_DROP": "1"]
    let found = Probe.run([folder, "search", "apple3"], environment: environment)
    #expect(found.code == 0 && found.text.contains(documents.path), "\(found)")
    for words in [["refresh"], ["add", documents.path], ["remove", documents.path], ["rebuild"]] {
      let end = Probe.run([folder] + words, environment: environment)
      #expect(end.code == 1 && end.text.split(separator: "\n").count == 1, "\(words): \(end)")
      #expect(
        end.text.contains("read-only") || end.text.contains("ermission")
          || end.text.contains("cannot be opened"), "\(words): \(end)")
    }
    setRights(0o644, folders: 0o755)
    chmod(folder, 0o755)
    try await compare("after it was read-only")
  }

  /// Of everything in the index's folder.
  private func setRights(_ files: mode_t, folders: mode_t) {
    for name in TemporaryFolder.names(folder) {
      chmod(folder + "/" + name, name == "vectors" ? folders : files)
    }
  }

  @Test("What may not be read is left out and counted, not the rest with it")
  func permissions() async throws {
    documents.write("open.md", "open words")
    chmod(documents.write("closed.md", "closed words"), 0)
    documents.write("shut/inside.md", "inside words")
    chmod(documents.path + "/shut", 0)
    for path in [home.path, documents.path] { chmod(path, 0o777) }
    let end = Probe.run([folder, "add", documents.path], environment: ["PROBE_DROP": "1"])
    #expect(end.text == "added 1 updated 0 removed 0 unchanged 0 skipped 2\n")
    let status = try DocumentIndex.open(folder: folder).status(checkingDisk: false)
    #expect(status.skipped == [.permission: 2])
    chmod(documents.path + "/shut", 0o755)
  }
}

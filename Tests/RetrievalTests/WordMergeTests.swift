import Database
import Glibc
import Retrieval
import Storage
import TestSupport
import Testing

/// The words of a large index become one segment, and nobody notices but by the clock.
@Suite("Merging words", .serialized)
struct WordMergeTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  private var folder: String { home.path + "/index" }

  private func options(from least: Int, pages: Int = 1) -> IndexOptions {
    var options = IndexOptions()
    (options.wordMerge.least, options.wordMerge.pages) = (least, pages)
    return options
  }

  /// Writes files of words drawn from many, a passage or two each.
  private func write(_ name: String, files: Int, words: Int = 150, seed: UInt64 = 1) {
    var random = Seeded(seed)
    for number in 0..<files {
      let text = (0..<words).map { _ in "w\(Int.random(in: 0..<9000, using: &random))" }
      documents.write("\(name)/\(number).md", text.joined(separator: " "))
    }
  }

  /// Adds the documents. Returns what was told of merging.
  private func add(_ options: IndexOptions) async throws -> [(done: Int, total: Int)] {
    let index = try DocumentIndex.open(folder: folder)
    var told: [(done: Int, total: Int)] = []
    for try await event in index.add([documents.path], embedder: nil, options: options) {
      if case .merging(let done, let total) = event { told.append((done, total)) }
    }
    return told
  }

  /// An index in several segments, never merged.
  private func scattered() async throws {
    for round in 0..<7 {
      write("r\(round)", files: 24, words: 400, seed: UInt64(round + 1))
      #expect(try await add(options(from: .max)).isEmpty)
    }
    #expect(try segments() > 5)
  }

  private func segments() throws -> Int {
    let connection = try Connection(path: folder + "/carrel.sqlite", mode: .readOnly)
    return Int(try connection.integer("SELECT count(DISTINCT segid) FROM words_idx") ?? 0)
  }

  private func passages() throws -> Int {
    try DocumentIndex.open(folder: folder).status(checkingDisk: false).chunks
  }

  /// Whether everything that is there was merged.
  private func isNoted() throws -> Bool {
    let connection = try Connection(path: folder + "/carrel.sqlite", mode: .readOnly)
    return try connection.text("SELECT value FROM meta WHERE key = 'merged'")
      == connection.text("SELECT seq FROM sqlite_sequence WHERE name = 'chunk'")
  }

  private func answers(_ search: SearchService) async throws -> [String] {
    var all: [String] = []
    for question in ["w17 w4711", "w5", "w8 w9 w10 w8999 w1234", "w3*", "\"w1 w2\""] {
      for hit in try await search.search(question, limit: 500) {
        all.append("\(question) \(hit.rank) \(hit.score) \(hit.path) \(hit.startByte)")
      }
    }
    return all
  }

  private func answers() async throws -> [String] {
    try await answers(
      SearchService(index: DocumentIndex.open(folder: folder, readOnly: true), embedder: nil))
  }

  /// How many segments are merged: usually, and at once.
  private func thresholds() throws -> [Int64] {
    let connection = try Connection(path: folder + "/carrel.sqlite", mode: .readOnly)
    return try ["automerge", "crisismerge"].map {
      try connection.integer("SELECT v FROM words_config WHERE k = '\($0)'") ?? 16
    }
  }

  @Test(
    "A large run without an embedder gathers words, and merges them as before once it has ended")
  func gathers() async throws {
    write("small", files: 3)
    _ = try await add(options(from: .max))
    #expect(try thresholds() == [8, 16])
    for isStopped in [false, true] {
      write("large", files: 40, words: 80_000, seed: isStopped ? 2 : 1)
      let index = try DocumentIndex.open(folder: folder)
      var seen: Set<[Int64]> = []
      for try await event in index.add(
        [documents.path], embedder: nil, options: options(from: .max))
      {
        seen.insert(try thresholds())
        guard case .progress(let progress) = event, isStopped else { continue }
        if progress.filesDone > 3 { break }
      }
      #expect(seen.contains([64, 128]))
      let end = Clock.seconds() + 60
      while try thresholds() != [8, 16], Clock.seconds() < end {
        try await Task.sleep(nanoseconds: 1_000_000)
      }
      #expect(try thresholds() == [8, 16])
    }
    #expect(try DocumentIndex.open(folder: folder).verify().isEmpty)
  }

  @Test("Is due in a large index when over a quarter is new, in any when over a quarter went")
  func policy() {
    var merge = WordMerge()
    merge.least = 1000
    func isDue(_ removed: Int, _ entered: Int, _ passages: Int) -> Bool {
      merge.isDue(removed: removed, entered: entered) { passages }
    }
    #expect(isDue(0, 1000, 1000) && isDue(0, 251, 1000) && isDue(0, 5000, 1000))
    #expect(!isDue(0, 250, 1000) && !isDue(0, 999, 999) && !isDue(0, 2500, 10_000))
    #expect(isDue(0, 2501, 10_000))
    #expect(isDue(26, 0, 74) && !isDue(25, 0, 75) && isDue(2, 0, 4) && !isDue(0, 0, 0))
    // Passages are counted only where it matters.
    for entered in [0, 250] {
      #expect(
        !merge.isDue(removed: 0, entered: entered) {
          Issue.record("counted"); return 0
        })
    }
    merge.least = .max
    #expect(!isDue(0, .max, .max - 1) && isDue(2, 0, 4))
  }

  @Test(
    "Costs less than four passages written for each entered, however an index grows",
    arguments: 0..<6)
  func cost(seed: Int) {
    var random = Seeded(UInt64(seed + 1))
    var merge = WordMerge()
    merge.least = 1000
    var (passages, entered, all, written, most) = (0, 0, 0, 0, 0)
    for _ in 0..<3000 {
      let part = Int.random(in: 1...[3, 50, 4000][seed % 3], using: &random)
      // Every other time what is new takes the place of what was there.
      if seed < 3 || passages < 20_000 { passages += part }
      (entered, all) = (entered + part, all + part)
      if merge.isDue(removed: 0, entered: entered, passages: { passages }) {
        (written, entered) = (written + passages, 0)
      }
      if passages >= merge.least { most = max(most, entered * 4 - passages) }
    }
    #expect(written < all * 4)
    #expect(written > 0 && most <= 0)
  }

  @Test("A run merges what is due, says how far it is, and leaves the rest; the same is found")
  func due() async throws {
    write("a", files: 30)
    #expect(try await add(options(from: .max)).isEmpty)
    let first = try passages()
    write("b", files: 10, seed: 2)
    #expect(try await add(options(from: first * 2)).isEmpty)
    #expect(try segments() == 2 && !isNoted())
    write("c", files: 30, seed: 3)
    let told = try await add(options(from: first * 2))
    #expect(try segments() == 1 && isNoted())
    let total = try #require(told.last).total
    // Words that several segments had are one then, so that it ends before `total` in so small an index.
    #expect(told.count > 2 && told.first?.done == 0 && told.last?.done ?? 0 <= total)
    #expect(zip(told, told.dropFirst()).allSatisfy { $0.done <= $1.done && $1.total == total })
    // One less than a quarter of all is not enough, two more are.
    let merged = try passages()
    write("d", files: merged / 3 - 1, words: 20, seed: 4)
    #expect(try await add(options(from: first)).isEmpty)
    #expect(try passages() == merged + merged / 3 - 1 && segments() == 2 && !isNoted())
    let before = try await answers()
    #expect(before.count > 15)
    write("e", files: 2, words: 20, seed: 5)
    #expect(try await !add(options(from: first)).isEmpty)
    #expect(try segments() == 1 && isNoted())
    TemporaryFolder.remove(documents.path + "/e")
    #expect(try await add(options(from: first)).isEmpty)
    #expect(try await answers() == before)
    #expect(try DocumentIndex.open(folder: folder).verify().isEmpty)
  }

  @Test("Stopped while it merges, it ends at once; a run that finds nothing new goes on with it")
  func cancelled() async throws {
    try await scattered()
    var before = try await answers()
    let index = try DocumentIndex.open(folder: folder)
    var left = 0
    for _ in 0..<20 where left == 0 {
      // Where the machine was too slow to stop it in time there is something new to merge.
      if try isNoted() {
        write("more", files: 60, words: 400, seed: UInt64.random(in: 1...9999))
        _ = try await add(options(from: .max))
        before = try await answers()
      }
      for try await event in index.refresh(embedder: nil, options: options(from: 1)) {
        if case .merging = event { break }
      }
      let start = Clock.seconds()
      // The lock is free once the run has ended.
      while Clock.seconds() < start + 60,
        (try? FileLock(path: folder + "/index.lock", exclusive: true, wait: false)) == nil
      { try await Task.sleep(nanoseconds: 1_000_000) }
      #expect(Clock.seconds() - start < 1)
      #expect(try index.verify().isEmpty)
      #expect(try await answers() == before)
      if try !isNoted() { left += 1 }
    }
    #expect(left == 1)
    #expect(try await !add(options(from: 1)).isEmpty)
    #expect(try segments() == 1 && isNoted())
    #expect(try await add(options(from: 1)).isEmpty)
    #expect(try await answers() == before)
    #expect(try index.verify().isEmpty)
  }

  @Test("Killed while it merges, it verifies, finds the same, and goes on")
  func killed() async throws {
    try await scattered()
    let before = try await answers()
    var random = Seeded(11)
    var (killed, within) = (0, 0)
    let scattered = try segments()
    for _ in 0..<(isSoak ? 200 : 12) where try !isNoted() {
      let probe = try #require(Probe([folder, "refresh"], environment: ["PROBE_MERGE": "1"]))
      if probe.kill(after: UInt32.random(in: 4000...60_000, using: &random)) { killed += 1 }
      let index = try DocumentIndex.open(folder: folder)
      #expect(try index.verify().isEmpty)
      #expect(try await answers() == before)
      // What was merged so far is a segment of its own.
      if try segments() > scattered { within += 1 }
    }
    #expect(killed > 0 && (within > 0 || !isSoak))
    let end = Probe.run([folder, "refresh"], environment: ["PROBE_MERGE": "1"])
    #expect(end.code == 0, "\(end)")
    #expect(try segments() == 1 && isNoted())
    #expect(try await answers() == before)
    #expect(try DocumentIndex.open(folder: folder).verify().isEmpty)
  }

  @Test("Searches find the same while it merges")
  func searched() async throws {
    try await scattered()
    let before = try await answers()
    let search = try SearchService(
      index: DocumentIndex.open(folder: folder, readOnly: true), embedder: nil)
    let merging = Task { try await add(options(from: 1)) }
    var during = 0
    // A merge that fails is never noted: its error follows below.
    let end = Clock.seconds() + 60
    while try !isNoted(), Clock.seconds() < end {
      #expect(try await answers(search) == before)
      #expect(try await answers() == before)
      during += 1
    }
    #expect(try await !merging.value.isEmpty)
    #expect(during > 0)
    #expect(try await answers(search) == before)
    #expect(try segments() == 1)
  }
}

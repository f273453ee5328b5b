import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Watching folders", .serialized)
struct WatchTests {
  let documents = TemporaryFolder()
  let home = TemporaryFolder()
  let embedder = WordEmbedder()

  /// Collects what a watch did, in words.
  private actor Log {
    private(set) var rounds: [IndexSummary] = []
    private(set) var waits = 0
    func take(_ event: WatchEvent) {
      switch event {
      case .indexing(.finished(let summary)): rounds.append(summary)
      case .waiting: waits += 1
      default: break
      }
    }
    var indexed: Int { rounds.reduce(0) { $0 + $1.added + $1.updated } }
    var removed: Int { rounds.reduce(0) { $0 + $1.removed } }
  }

  private func eventually(_ what: String, _ check: () async throws -> Bool) async throws {
    let start = Clock.seconds()
    while Clock.seconds() - start < 8 {
      if try await check() { return }
      try await Task.sleep(nanoseconds: 30_000_000)
    }
    Issue.record("never happened: \(what)")
  }

  @Test("Finds changed, new, moved and deleted files, new folders and their contents, then ends")
  func watches() async throws {
    documents.write("a.md", "alpha")
    let single = documents.write("outside/one.md", "single")
    documents.write("outside/two.md", "not indexed")
    let index = try DocumentIndex.open(folder: documents.path + "/sub/Index")
    _ = try await index.add([single], embedder: embedder).summary()
    _ = try index.remove([single])
    _ = try await index.add([documents.path + "/sub", single], embedder: embedder).summary()
    documents.write("sub/first.md", "written before the watch began")
    let log = Log()
    var timing = WatchTiming()
    timing.quiet = 0.05
    timing.look = 0.02
    let watch = index.watch(embedder: embedder, timing: timing)
    let task = Task { for try await event in watch { await log.take(event) } }
    try await eventually("the first file") { await log.indexed == 1 }
    documents.write("sub/new/deep/b.md", "beta")
    try await eventually("a file in new folders") { await log.indexed == 2 }
    // The new folders must be under watch by now, or be looked at again.
    documents.write("sub/new/deep/c.md", "gamma")
    try await eventually("a second file there") { await log.indexed == 3 }
    documents.write("sub/new/deep/b.md", "beta changed")
    try await eventually("a change") { await log.indexed == 4 }
    rename(documents.path + "/sub/new", documents.path + "/sub/moved")
    try await eventually("a moved folder") { await log.removed == 2 }
    documents.write("sub/moved/deep/d.md", "delta")
    try await eventually("a file in the moved folder") {
      try index.status(checkingDisk: false).files == 5
    }
    unlink(documents.path + "/sub/first.md")
    documents.write("outside/one.md", "single changed")
    try await eventually("a deletion and the single file") {
      try index.status(checkingDisk: true).stale == 0
        && index.status(checkingDisk: false).files == 4
    }
    // Nothing changes: nothing is done, though the index lies in a watched folder.
    try await Task.sleep(nanoseconds: 300_000_000)
    let before = await log.waits
    try await Task.sleep(nanoseconds: 500_000_000)
    #expect(await log.waits - before <= 1)
    let start = Clock.seconds()
    task.cancel()
    _ = try? await task.value
    #expect(Clock.seconds() - start < 1)
    #expect(try index.verify().isEmpty)
  }

  @Test(
    "Hears again of a root that was gone and came back, and of folders moved away and made anew")
  func rootComesBack() async throws {
    let root = documents.path + "/disk"
    documents.write("disk/sub/a.md", "alpha")
    let index = try DocumentIndex.open(folder: home.path + "/index")
    _ = try await index.add([root], embedder: nil).summary()
    let log = Log()
    var timing = WatchTiming()
    timing.quiet = 0.05
    timing.look = 0.02
    let watch = index.watch(embedder: nil, timing: timing)
    let task = Task { for try await event in watch { await log.take(event) } }
    defer { task.cancel() }
    try await eventually("waiting") { await log.waits > 0 }
    rename(root, documents.path + "/away")
    try await eventually("its absence") { await log.rounds.last?.removed == 1 }
    try await Task.sleep(nanoseconds: 300_000_000)
    documents.write("disk/sub/b.md", "beta")
    try await eventually("the new one") { await log.indexed == 1 }
    try await Task.sleep(nanoseconds: 300_000_000)
    documents.write("disk/sub/c.md", "gamma")
    try await eventually("a file in it") { await log.indexed == 2 }
    #expect(try index.status(checkingDisk: true).stale == 0)
  }

  @Test("A flood of events loses nothing")
  func flood() async throws {
    mkdir(documents.path + "/many", 0o755)
    let index = try DocumentIndex.open(folder: home.path + "/index")
    _ = try await index.add([documents.path], embedder: nil).summary()
    let log = Log()
    let watch = index.watch(embedder: nil)
    let task = Task { for try await event in watch { await log.take(event) } }
    try await eventually("waiting") { await log.waits > 0 }
    // More than fs.inotify.max_queued_events has room for (16,384), in soak.
    for number in 0..<(isSoak ? 12_000 : 600) {
      documents.write("many/f\(number % 400).txt", "words \(number)")
    }
    try await eventually("all of them") { try index.status(checkingDisk: true).stale == 0 }
    #expect(try index.status(checkingDisk: false).files == 400)
    task.cancel()
  }
}

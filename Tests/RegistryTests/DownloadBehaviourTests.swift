import Foundation
import Glibc
import Registry
import Storage
import Testing

/// Whole downloads from the fake hub, each for one promise.
@Suite(.serialized) struct DownloadBehaviourTests {
  private func start(_ kind: String, seed: Int, size: Int? = nil) throws -> (
    hub: HubCase, cache: TemporaryCache, downloader: Downloader
  ) {
    let hub = try FakeHub.shared.get().newCase(seed: seed, kind: kind, size: size)
    let cache = TemporaryCache()
    return (hub, cache, Downloader(settings: try hub.settings(cache: cache)))
  }

  private func sent(_ hub: HubCase) throws -> Int {
    try FakeHub.shared.get().stats(hub).sent.values.reduce(0, +)
  }

  private func lockPath(of file: HubFile, _ hub: HubCase, _ cache: TemporaryCache) -> String {
    let folder = "models--" + hub.repository.replacingOccurrences(of: "/", with: "--")
    return "\(cache.path)/.locks/\(folder)/\(file.hash.hex).lock"
  }

  /// Runs to the end and gives what happened.
  private func events(
    _ stream: AsyncThrowingStream<DownloadEvent, any Error>
  ) async throws -> [DownloadEvent] {
    var events: [DownloadEvent] = []
    for try await event in stream { events.append(event) }
    return events
  }

  private func isOneOf(_ error: any Error, _ code: HubError.Code) -> Bool {
    (error as? HubError)?.code == code
  }

  @Test("Writes the standard cache: blobs by hash, relative links, a ref, locks and the tag")
  func layout() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 4)
    defer { cache.remove() }
    let plan = try await downloader.plan(try HubReference(hub.repository))
    #expect(plan.commit == hub.commit)
    #expect(plan.totalBytes == hub.wantedBytes)
    #expect(plan.bytesToFetch == hub.wantedBytes)
    #expect(try sent(hub) == 0, "a plan fetches nothing")
    _ = try await events(downloader.run(plan))
    let folder = cache.path + "/models--" + hub.repository.replacingOccurrences(of: "/", with: "--")
    for file in hub.wantedFiles {
      let link = "\(plan.snapshot)/\(file.path)"
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
      let up = String(repeating: "../", count: file.path.split(separator: "/").count + 1)
      let name = try #require(plan.files.first { $0.path == file.path }).hash.hex
      #expect(target == "\(up)blobs/\(name)")
      if file.large { #expect(name == file.sha256) }
      #expect(
        FileManager.default.fileExists(
          atPath: cache.path
            + "/.locks/\(URL(fileURLWithPath: folder).lastPathComponent)/\(name).lock"))
    }
    #expect(try String(contentsOfFile: folder + "/refs/main", encoding: .utf8) == hub.commit)
    let tag = try String(contentsOfFile: cache.path + "/CACHEDIR.TAG", encoding: .utf8)
    #expect(tag.hasPrefix("Signature: 8a477f597d28d172789f06886806bc55"))
    let blobs = try FileManager.default.contentsOfDirectory(atPath: folder + "/blobs")
    #expect(!blobs.contains { $0.contains("incomplete") }, "left behind: \(blobs)")
  }

  @Test("What is cached is complete at once, without a byte from the delivery network")
  func cacheHit() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 5)
    defer { cache.remove() }
    let reference = try HubReference(hub.repository)
    _ = try await events(downloader.fetch(reference))
    let before = try sent(hub)
    let plan = try await downloader.plan(reference)
    #expect(plan.isComplete)
    let again = try await events(downloader.run(plan))
    #expect(try sent(hub) == before)
    guard case .progress(let progress) = again.first, case .finished = again.last else {
      Issue.record("expected progress, then the end: \(again)")
      return
    }
    #expect(progress.bytes == progress.total && progress.secondsLeft == 0)
    #expect(again.count == 2)
  }

  @Test("Offline uses the cache without any network, or says what forbids it")
  func offline() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 6)
    defer { cache.remove() }
    let reference = try HubReference(hub.repository)
    var environment = hub.environment(cache: cache)
    environment["HF_HUB_OFFLINE"] = "YES"
    let offline = Downloader(settings: try HubSettings(environment: environment))
    let server = try FakeHub.shared.get()
    do {
      _ = try await offline.plan(reference)
      Issue.record("expected an error")
    } catch {
      #expect(isOneOf(error, .offline))
      #expect("\(error)".contains("HF_HUB_OFFLINE=YES"))
    }
    let unfetched = try await downloader.plan(reference)
    let before = try server.stats(hub).requests
    do {
      _ = try await events(offline.run(unfetched))
      Issue.record("expected an error")
    } catch {
      #expect(isOneOf(error, .offline))
    }
    #expect(try server.stats(hub).requests == before)
    _ = try await events(downloader.run(unfetched))
    let after = try server.stats(hub).requests
    let plan = try await offline.plan(reference)
    #expect(plan.isComplete && plan.notice?.contains("HF_HUB_OFFLINE=YES") == true)
    #expect(Set(plan.files.map(\.path)) == Set(hub.wanted))
    _ = try await events(offline.run(plan))
    #expect(try server.stats(hub).requests == after)
  }

  @Test("A Hub that cannot be reached is answered for by the cache; a refusal is not")
  func outage() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 8)
    defer { cache.remove() }
    let reference = try HubReference(hub.repository)
    _ = try await events(downloader.fetch(reference))
    var settings = try hub.settings(cache: cache)
    settings.endpoint = try #require(HubURL("http://127.0.0.1:1"))
    let plan = try await Downloader(settings: settings).plan(reference)
    #expect(plan.isComplete)
    #expect(plan.notice?.contains("cannot be reached") == true)
    settings.endpoint = try #require(HubURL(hub.endpoint + "/nowhere"))
    await #expect(throws: HubError.self) {
      try await Downloader(settings: settings).plan(reference)
    }
  }

  @Test("Refuses before the first byte when the disk cannot hold the files and a margin")
  func diskSpace() async throws {
    let (hub, cache, _) = try start("clean", seed: 9)
    defer { cache.remove() }
    var settings = try hub.settings(cache: cache)
    settings.diskMargin = Int.max / 2
    do {
      _ = try await Downloader(settings: settings).plan(try HubReference(hub.repository))
      Issue.record("expected an error")
    } catch {
      #expect(isOneOf(error, .diskSpace))
      #expect("\(error)".contains("HF_HUB_CACHE"))
    }
    #expect(try sent(hub) == 0)
  }

  @Test("Cancelling takes less than a second, leaves nothing visible, and the next run goes on")
  func cancel() async throws {
    let (hub, cache, downloader) = try start("kill", seed: 11, size: 8_000_000)
    defer { cache.remove() }
    let reference = try HubReference(hub.repository)
    let plan = try await downloader.plan(reference)
    let file = try #require(plan.files.max { $0.size < $1.size })
    let lock = lockPath(of: file, hub, cache)
    let task = Task { try await events(downloader.run(plan)) }
    while try sent(hub) < 3_000_000 { try await Task.sleep(for: .milliseconds(5)) }
    let clock = ContinuousClock()
    let time = try await clock.measure {
      task.cancel()
      _ = try? await task.value
      // The work itself has stopped when the lock is free again.
      while (try? FileLock(path: lock, exclusive: true, wait: false)) == nil {
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    #expect(time < .seconds(1))
    #expect(cache.visible(of: hub.repository).isEmpty)
    let second = try await downloader.plan(reference)
    #expect(second.bytesOnDisk > 2_000_000)
    let rest = try await events(downloader.run(second))
    guard case .finished(let snapshot) = rest.last else {
      Issue.record("expected the end")
      return
    }
    #expect(hub.problem(with: snapshot) == nil)
    #expect(try sent(hub) - hub.wantedBytes < hub.wantedBytes / 20)
  }

  @Test("Pausing stops the bytes; resuming brings the rest")
  func pause() async throws {
    let (hub, cache, downloader) = try start("kill", seed: 12, size: 8_000_000)
    defer { cache.remove() }
    let control = DownloadControl()
    let plan = try await downloader.plan(try HubReference(hub.repository))
    let task = Task { try await events(downloader.run(plan, control: control)) }
    while try sent(hub) < 2_000_000 { try await Task.sleep(for: .milliseconds(5)) }
    control.pause()
    try await Task.sleep(for: .milliseconds(500))
    let paused = try sent(hub)
    try await Task.sleep(for: .milliseconds(300))
    #expect(try sent(hub) == paused)
    #expect(paused < hub.wantedBytes)
    control.resume()
    let all = try await task.value
    #expect(all.contains { if case .paused = $0 { true } else { false } })
    guard case .finished(let snapshot) = all.last else {
      Issue.record("expected the end")
      return
    }
    #expect(hub.problem(with: snapshot) == nil)
    #expect(try sent(hub) - hub.wantedBytes < hub.wantedBytes / 20)
  }

  @Test("Two processes that want the same file fetch it once")
  func twoProcesses() async throws {
    let (hub, cache, downloader) = try start("kill", seed: 13, size: 4_000_000)
    defer { cache.remove() }
    let first = try ProbeProcess(hub, cache: cache)
    while try sent(hub) < 500_000 { try await Task.sleep(for: .milliseconds(3)) }
    let mine = try await events(downloader.fetch(try HubReference(hub.repository)))
    guard case .finished(let snapshot) = mine.last else {
      Issue.record("expected the end")
      return
    }
    #expect(hub.problem(with: snapshot) == nil)
    #expect(first.output().hasPrefix("ready "))
    #expect(try sent(hub) == hub.wantedBytes)
  }

  @Test("Says that another holds a file, and goes on when it is free")
  func waiting() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 14)
    defer { cache.remove() }
    let plan = try await downloader.plan(try HubReference(hub.repository))
    let file = try #require(plan.files.max { $0.size < $1.size })
    let path = lockPath(of: file, hub, cache)
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    var lock: FileLock? = try FileLock(path: path, exclusive: true, wait: false)
    var waited: [String] = []
    var snapshot: String?
    for try await event in downloader.run(plan) {
      switch event {
      case .waiting(let path, _):
        waited.append(path)
        lock = nil
      case .finished(let path): snapshot = path
      default: continue
      }
    }
    #expect(lock == nil)
    #expect(waited == [file.path])
    #expect(hub.problem(with: try #require(snapshot)) == nil)
  }

  @Test("A partial file whose note is about something else, or lies, is started over")
  func badNotes() async throws {
    let good =
      #"{"version":1,"repository":"R","commit":"C","path":"P","sha256":"H","size":S,"ranges":[[0,S]],"durable":[[0,S]],"boot":"B","host":"h","pid":0}"#
    let bad = [
      good.replacingOccurrences(of: "\"R\"", with: "\"other/repo\""),
      good.replacingOccurrences(of: "\"size\":S", with: "\"size\":1"),
      good.replacingOccurrences(of: "[[0,S]]", with: "[[0,99999999999]]"),
      good.replacingOccurrences(of: "[[0,S]]", with: "[[-5,3],[1]]"),
      "{", "[]", "\u{0}",
    ]
    for (index, text) in bad.enumerated() {
      let (hub, cache, downloader) = try start("clean", seed: 20 + index)
      defer { cache.remove() }
      let reference = try HubReference(hub.repository)
      let plan = try await downloader.plan(reference)
      let file = try #require(plan.files.max { $0.size < $1.size })
      let blobs = URL(fileURLWithPath: plan.snapshot).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("blobs").path
      try FileManager.default.createDirectory(
        atPath: blobs, withIntermediateDirectories: true)
      let partial = "\(blobs)/\(file.hash.hex).incomplete"
      try Data(repeating: 7, count: file.size).write(to: URL(fileURLWithPath: partial))
      let note = text.replacingOccurrences(of: "\"R\"", with: "\"\(hub.repository)\"")
        .replacingOccurrences(of: "\"H\"", with: "\"\(file.hash.hex)\"")
        .replacingOccurrences(of: "S", with: "\(file.size)")
      try Data(note.utf8).write(to: URL(fileURLWithPath: partial + ".json"))
      let all = try await events(downloader.fetch(reference))
      guard case .finished(let snapshot) = all.last else {
        Issue.record("expected the end")
        continue
      }
      #expect(hub.problem(with: snapshot) == nil)
      #expect(try sent(hub) == hub.wantedBytes, "note \(index)")
    }
  }

  @Test("After a power cut only what was on the disk itself is kept")
  func powerCut() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 31, size: 2_000_000)
    defer { cache.remove() }
    let reference = try HubReference(hub.repository)
    let plan = try await downloader.plan(reference)
    let file = try #require(plan.files.max { $0.size < $1.size })
    let blobs = URL(fileURLWithPath: plan.snapshot).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("blobs").path
    try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
    _ = try await events(downloader.run(plan))
    // As a machine that lost power would show it: half durable, the rest zeros.
    let blob = "\(blobs)/\(file.hash.hex)"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: blob))
    let half = file.size / 2
    bytes.replaceSubrange(half..., with: Data(count: file.size - half))
    try bytes.write(to: URL(fileURLWithPath: blob + ".incomplete"))
    try FileManager.default.removeItem(atPath: blob)
    let note =
      #"{"version":1,"repository":"\#(hub.repository)","commit":"","path":"","sha256":"\#(file.hash.hex)","size":\#(file.size),"ranges":[[0,\#(file.size)]],"durable":[[0,\#(half)]],"boot":"another boot","host":"another host","pid":0}"#
    try Data(note.utf8).write(to: URL(fileURLWithPath: blob + ".incomplete.json"))
    let before = try sent(hub)
    let all = try await events(downloader.fetch(reference))
    guard case .finished(let snapshot) = all.last else {
      Issue.record("expected the end")
      return
    }
    #expect(hub.problem(with: snapshot) == nil)
    #expect(try sent(hub) - before == file.size - half)
  }

  @Test("Verifying again finds a blob that has rotted")
  func verify() async throws {
    let (hub, cache, downloader) = try start("clean", seed: 32)
    defer { cache.remove() }
    let plan = try await downloader.plan(try HubReference(hub.repository))
    _ = try await events(downloader.run(plan))
    #expect(try downloader.verify(plan).isEmpty)
    let file = try #require(plan.files.max { $0.size < $1.size })
    let path = "\(plan.snapshot)/\(file.path)"
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.seek(toOffset: UInt64(file.size / 2))
    let byte = try #require(try handle.read(upToCount: 1)?.first)
    try handle.seek(toOffset: UInt64(file.size / 2))
    try handle.write(contentsOf: Data([byte ^ 1]))
    try handle.close()
    let problems = try downloader.verify(plan)
    #expect(problems.map(\.code) == [.corrupted])
    #expect(problems.first?.subject == file.path)
  }

  @Test("Goes through the proxy the environment names")
  func proxy() async throws {
    let server = try FakeHub.shared.get()
    let (hub, cache, _) = try start("clean", seed: 33)
    defer { cache.remove() }
    let port = try #require(HubURL(hub.endpoint)?.port)
    let probe = try ProbeProcess(
      hub, cache: cache, environment: ["http_proxy": "http://127.0.0.1:\(port)"])
    #expect(probe.output().hasPrefix("ready "))
    #expect(try server.stats(hub).proxied > 0)
  }
}

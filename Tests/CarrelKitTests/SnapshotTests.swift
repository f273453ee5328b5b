import CarrelKit
import Compute
import Conversation
import Foundation
import Inference
import Testing
import Tokenization

/// What models have read, kept between processes.
@Suite("Snapshots", .serialized)
struct SnapshotTests {
  private static func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.path)
  }

  private static func session(_ model: DecoderModel) throws -> DecodingSession {
    // The exact kernels are slow: reading a file wins by far.
    try DecodingSession(
      model: model, engine: Engine(pool: WorkerPool(threads: 2), kernels: .exact), context: 512)
  }

  @Test("The fixed beginning of prompts is read once, and comes from the disk ever after")
  func prefix() async throws {
    try await Self.withFolder { folder in
      let model = try DecoderModel.open(path: HostileTextTests.starterPath())
      let store = SnapshotStore(folder: folder + "/deep/timelines")
      let fixed = (0..<100).map { TokenID($0 * 7 + 3) }
      var asked = 0
      func read(_ question: [TokenID], _ store: SnapshotStore?) throws
        -> (DecodingSession.SyncResult, [UInt32])
      {
        let timeline = Timeline(try Self.session(model), store: store, session: nil)
        var last = (0, 0)
        let result = try timeline.sync(to: fixed + question) {
          asked += 1
          return fixed.count
        } progress: { done, total in
          #expect(done >= last.0 && done <= total)
          last = (done, total)
          return true
        }
        #expect(last.0 == last.1)
        timeline.writePrefix()
        return (result, timeline.decoding.logits.map(\.bitPattern))
      }
      let question: [TokenID] = [900, 901, 902]
      let plain = try read(question, nil)
      #expect(asked == 0)
      let first = try read(question, store)
      #expect(first.0 == .init(reused: 0, evaluated: 103, cancelled: false))
      #expect(store.usage.files == 1 && store.usage.bytes > 100 * 23_000)
      let second = try read(question, store)
      #expect(second.0 == .init(reused: 100, evaluated: 3, cancelled: false))
      #expect(first.1 == plain.1 && second.1 == plain.1)
      // A damaged file is written anew.
      let name = try #require(
        try FileManager.default.contentsOfDirectory(atPath: store.folder).first)
      try Data("CARRELKV, but not really".utf8).write(to: URL(filePath: store.folder + "/" + name))
      #expect(try read(question, store).0.reused == 0)
      #expect(try read(question, store).0.reused == 100)
      // And it goes with its model.
      store.remove(model: "/somewhere/else.gguf")
      #expect(store.usage.files == 1)
      store.remove(model: model.path)
      #expect(store.usage.files == 0)
    }
  }

  @Test("A resumed conversation goes on from the disk, and answers as it would have")
  func resuming() async throws {
    try await SessionTests.withWorkspace { workspace, documents in
      var settings = workspace.settings
      settings.exactKernels = true
      settings.maximumTokens = 12
      settings.cache = documents.deletingLastPathComponent().path + "/cache"
      let store = SnapshotStore(folder: settings.cache! + "/timelines")
      let first = Workspace(settings)
      let session = try await first.makeSession(id: "talk")
      let answer = try await SessionTests.ask(session, "How tall is the lighthouse?").answer
      await session.leave()
      #expect(store.usage.files == 1)
      let status = try await first.status()
      #expect(status.snapshots?.files == 1 && status.snapshots?.bytes == store.usage.bytes)

      let resumed = try await Workspace(settings).resumeSession("talk")
      let again = try await SessionTests.ask(resumed, "And when was it built?").answer
      let straight = try await SessionTests.ask(session, "And when was it built?").answer
      #expect(again.text == straight.text)
      #expect(again.stats.promptTokens == straight.stats.promptTokens)
      // All but the words of the new turn.
      #expect(again.stats.cachedTokens >= answer.stats.promptTokens)
      #expect(again.stats.cachedTokens == straight.stats.cachedTokens)
      // What it writes once its answer has ended is written then, however slow the machine is.
      await session.leave()

      // What was taken back is not left lying about, nor what was removed.
      await resumed.leave()
      #expect(store.usage.files == 1)
      _ = await resumed.undo()
      #expect(store.usage.files == 0)
      await resumed.leave()
      #expect(store.usage.files == 0, "what is held is of a turn taken back")
      // A file that was removed is written again.
      await session.leave()
      #expect(store.usage.files == 1)
      try await first.removeSession("talk")
      #expect(store.usage.files == 0)
      await session.leave()
      #expect(store.usage.files == 0, "a turn that ends late does not bring it back")
    }
  }

  @Test("A conversation whose model was unloaded meanwhile goes on from the disk")
  func unloaded() async throws {
    try await SessionTests.withWorkspace { workspace, documents in
      var settings = workspace.settings
      settings.exactKernels = true
      settings.maximumTokens = 8
      settings.cache = documents.deletingLastPathComponent().path + "/cache"
      let host = Workspace(settings)
      let session = try await host.makeSession(id: "talk")
      let first = try await SessionTests.ask(session, "How tall is the lighthouse?").answer
      #expect(await !host.unload().isEmpty)
      #expect(await session.timeline.isEmpty)
      let second = try await SessionTests.ask(session, "And when was it built?").answer
      #expect(second.stats.cachedTokens >= first.stats.promptTokens)
      // Nothing is written once the folder is gone.
      await session.leave()
    }
  }

  @Test("Every prompt for gpt-oss begins with the same tokens, enough of them to be kept")
  func harmonyPrefix() throws {
    let tokenizer = try DecoderModel.open(path: HostileTextTests.microPath()).tokenizer
    let format = try HarmonyFormat(tokenizer: tokenizer, options: ChatOptions())
    let system = Message(.system, PromptBuilder.Style.cited.system)
    let fixed = GenerationSession.shared([system], format)
    #expect(fixed.count >= SnapshotRule.leastPrefix)
    for question in ["", "a", "b", "What is a carrel?", "<|end|>"] {
      let prompt = format.render([system, Message(.user, question)])
      #expect(prompt.starts(with: fixed.dropLast()))
      let later = [
        system, Message(.user, "one"), Message(.assistant, "two"), Message(.user, question),
      ]
      #expect(format.render(later).starts(with: fixed.dropLast()))
    }
  }

  @Test("A conversation nobody keeps, or one without snapshots, leaves nothing on disk")
  func nothingKept() async throws {
    try await SessionTests.withWorkspace { workspace, documents in
      var settings = workspace.settings
      settings.exactKernels = true
      settings.maximumTokens = 2
      let cache = documents.deletingLastPathComponent().path + "/cache"
      settings.cache = cache
      let session = try await Workspace(settings).makeSession()
      _ = try await SessionTests.ask(session, "How tall is the lighthouse?")
      await session.leave()
      settings.cache = nil
      let kept = try await Workspace(settings).makeSession(id: "talk")
      _ = try await SessionTests.ask(kept, "How tall is the lighthouse?")
      await kept.leave()
      #expect(!FileManager.default.fileExists(atPath: cache))
    }
  }

  @Test(
    "The folder stays within its limit: what was used last stays, and other files are not touched")
  func limit() async throws {
    try await Self.withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let store = SnapshotStore(folder: folder)
      for (age, name) in ["a.kv", "b.kv", "c.kv", "mine.txt", ".d.kv.1-0.tmp"].enumerated() {
        let path = folder + "/" + name
        try Data(count: 1000).write(to: URL(filePath: path))
        try FileManager.default.setAttributes(
          [.modificationDate: Date.now.addingTimeInterval(-7200 * Double(age))], ofItemAtPath: path)
      }
      #expect(store.usage.files == 4)
      store.tidy(limit: 2500)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["a.kv", "b.kv", "mine.txt"])
      store.tidy(limit: 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["mine.txt"])
    }
  }

  @Test("Only what is read faster from a file than by the model is kept")
  func rule() {
    // One sentence of instructions for a small model; long ones for a large one.
    #expect(!SnapshotRule.paysPrefix(seconds: 0.009, bytes: 1_500_000))
    #expect(SnapshotRule.paysPrefix(seconds: 1, bytes: 9_000_000))
    #expect(!SnapshotRule.paysPrefix(seconds: 0.1, bytes: 50_000_000), "the disk may be slow")
    func pays(_ new: Int, of tokens: Int, rate: Double, bytes: Int, isLeft: Bool) -> Bool {
      SnapshotRule.paysSession(
        new: new, of: tokens, secondsPerToken: 1 / rate, bytes: bytes, isLeft: isLeft)
    }
    #expect(!pays(400, of: 400, rate: 2600, bytes: 10_000_000, isLeft: false))
    #expect(pays(400, of: 400, rate: 2600, bytes: 10_000_000, isLeft: true))
    #expect(!pays(20, of: 400, rate: 2600, bytes: 10_000_000, isLeft: true))
    #expect(pays(200, of: 3000, rate: 175, bytes: 80_000_000, isLeft: false))
    #expect(!pays(100_000, of: 100_000, rate: 2600, bytes: SnapshotStore.limit, isLeft: true))
  }
}

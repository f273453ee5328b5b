import CarrelKit
import Foundation
import Synchronization
import Testing

/// Loading, letting go and falling back, with the smallest real model.
@Suite("Loading models", .serialized)
struct LoadingTests {
  private static let small = "smollm2-135m-instruct-q4_1"
  private static let vectors = "all-minilm-l6-v2"

  /// A workspace whose models folder holds links to the models named.
  private func withModels(
    _ names: [String], _ body: (Workspace, URL) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-loading-\(UUID().uuidString)")
    let models = folder.appending(path: "models")
    try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in names {
      let target = SessionTests.models + "/" + name
      try #require(FileManager.default.fileExists(atPath: target), "`make models` fetches \(name)")
      try FileManager.default.createSymbolicLink(
        atPath: models.appending(path: name).path, withDestinationPath: target)
    }
    var settings = WorkspaceSettings(
      models: models.path, index: folder.appending(path: "index").path)
    settings.context = 1024
    settings.maximumTokens = 8
    settings.temperature = 0
    try await body(Workspace(settings), models)
  }

  /// A file with the header of the small model, in which one weight has another name: the gate
  /// takes it for a model, the network does not.
  private func writeBroken(_ folder: URL) throws {
    let source = SessionTests.models + "/\(Self.small)/SmolLM2-135M-Instruct.Q4_1.gguf"
    var data = try Data(contentsOf: URL(filePath: source), options: .mappedIfSafe)
    let name = try #require(data.range(of: Data("blk.0.attn_q.weight".utf8)))
    data.replaceSubrange(name, with: Data("blk.0.attn_z.weight".utf8))
    let place = folder.appending(path: "zz-broken")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try data.write(to: place.appending(path: "broken.gguf"))
    // Known as the best there is.
    let entry = """
      {"version": 1, "models": [{"id": "zz-broken", "aliases": [], "name": "Broken", \
      "role": "generate", "rank": 890, "architecture": "llama", \
      "parameters": {"total": 134515008, "active": 134515008}, "quantization": "Q4_1", \
      "context": 8192, "licence": "none", "chat": "chatml", "verified": false, \
      "source": {"kind": "hub", "repository": "nobody/broken", "revision": "main"}, \
      "files": [{"name": "broken.gguf"}]}]}
      """
    try Data(entry.utf8).write(to: folder.appending(path: "catalog.json"))
  }

  @Test("A best model that cannot be loaded gives way to the next one that fits, and that is said")
  func fallsBack() async throws {
    try await withModels([Self.small]) { workspace, models in
      try writeBroken(models)
      let events = workspace.modelEvents()
      let session = try await workspace.makeSession()
      let (answer, _, _) = try await SessionTests.ask(
        session, "What is a carrel?", AskOptions(withoutRetrieval: true))
      #expect(answer.model == Self.small)
      let notice = answer.notices.joined(separator: "\n")
      #expect(notice.contains("zz-broken") && notice.contains("attn_q"), "\(notice)")
      #expect(notice.contains("answers instead"), "\(notice)")
      var failure: String?
      for await event in events {
        if case .failed(let sentence) = event.to { failure = sentence }
        if event.to == .ready, event.id == Self.small { break }
      }
      let sentence = try #require(failure)
      #expect(sentence.contains("It needs") && sentence.contains("there were"), "\(sentence)")
      #expect(sentence.contains("reserve"), "the limit's source and arithmetic: \(sentence)")
      let states = await workspace.modelStates()
      #expect(states.first { $0.id == "zz-broken" }?.state.name == "failed")
      #expect(states.first { $0.id == Self.small }?.state == .ready)
    }
  }

  @Test(
    "A model asked for by name that cannot be loaded is an error with the numbers, no substitute")
  func namedFails() async throws {
    try await withModels([Self.small]) { workspace, models in
      try writeBroken(models)
      let error = await #expect(throws: CarrelError.self) {
        try await workspace.load("zz-broken")
      }
      #expect(error?.code == .failed)
      #expect(error?.message.contains("It needs") == true, "\(error?.message ?? "")")
    }
  }

  @Test("A chat model of an unknown kind answers with a notice, and its listing says so")
  func unknownTemplate() async throws {
    try await withModels([]) { workspace, models in
      let source = SessionTests.models + "/\(Self.small)/SmolLM2-135M-Instruct.Q4_1.gguf"
      var data = try Data(contentsOf: URL(filePath: source), options: .mappedIfSafe)
      let template = try #require(data.range(of: Data("tokenizer.chat_template".utf8)))
      var rest = template.upperBound..<data.count
      while let name = data.range(of: Data("<|im_start|>".utf8), in: rest) {
        data.replaceSubrange(name, with: Data("<|another1|>".utf8))
        rest = name.upperBound..<min(data.count, template.upperBound + 4096)
      }
      try data.write(to: models.appending(path: "other.gguf"))
      let session = try await workspace.makeSession()
      let answer = try await SessionTests.ask(
        session, "Say hello.", AskOptions(withoutRetrieval: true)
      ).answer
      #expect(answer.notices.contains { $0.contains("chat template") }, "\(answer.notices)")
      let listed = try workspace.models()
      #expect(listed.first { $0.id == "other" }?.chat == "unknown", "\(listed.map(\.id))")
    }
    try await withModels([Self.small]) { workspace, _ in
      let listed = try workspace.models()
      #expect(listed.first { $0.id == Self.small }?.chat == "chatml")
    }
  }

  @Test("A session outlives its model: unloaded after an answer, loaded again by the next question")
  func sessionOutlivesModel() async throws {
    try await withModels([Self.small]) { workspace, _ in
      let session = try await workspace.makeSession()
      let options = AskOptions(withoutRetrieval: true)
      let first = try await SessionTests.ask(session, "Say hello.", options).answer
      let charged = await workspace.modelStates().first { $0.id == Self.small }
      #expect(charged?.state == .ready && (charged?.bytes ?? 0) > 90 << 20 && charged?.uses == 0)
      #expect(await workspace.unload() == [Self.small])
      #expect(await session.timeline.isEmpty, "network and timeline are let go of")
      let gone = await workspace.modelStates().first { $0.id == Self.small }
      #expect(gone?.state == .installed && gone?.bytes == 0)
      await session.reset()
      let second = try await SessionTests.ask(session, "Say hello.", options).answer
      #expect(second.text == first.text, "the same question gets the same answer")
      #expect(await workspace.unload("nobody").isEmpty)
    }
  }

  @Test("The embedding model is in use while it works, and idle only since it was used last")
  func encoder() async throws {
    try await withModels([Self.vectors]) { workspace, models in
      var settings = workspace.settings
      settings.keepAlive = 1
      let workspace = Workspace(settings)
      let loads = Mutex(0)
      let events = workspace.modelEvents()
      let listener = Task {
        for await event in events where event.to == .loading { loads.withLock { $0 += 1 } }
      }
      defer { listener.cancel() }
      @Sendable func uses() async -> Int? {
        await workspace.modelStates().first { $0.id == Self.vectors }?.uses
      }
      let documents = models.deletingLastPathComponent().appending(path: "documents")
      try FileManager.default.createDirectory(at: documents, withIntermediateDirectories: true)
      let text = String(
        repeating: "The ferry waits for the tide at the north pier.\n\n", count: 400)
      try Data(text.utf8).write(to: documents.appending(path: "ferry.md"))
      var seen: [Int?] = []
      for try await event in workspace.addToIndex([documents.path]) {
        if case .progress = event { seen.append(await uses()) }
      }
      #expect(seen.contains(1), "\(seen)")
      #expect(await uses() == 0)
      for _ in 0..<5 {
        try await Task.sleep(for: .milliseconds(400))
        _ = try await workspace.search("ferry", limit: 1)
      }
      #expect(loads.withLock { $0 } == 1, "used every 0.4 s, it stays for a second after each")
      while await uses() == 0,
        await workspace.modelStates().first(where: { $0.id == Self.vectors })?
          .state == .ready
      {
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  @Test("Warming up loads the model that would answer, and every page of it is there afterwards")
  func warmUp() async throws {
    try await withModels([Self.small]) { workspace, _ in
      await workspace.warmUp()
      let status = await workspace.modelStates().first { $0.id == Self.small }
      #expect(status?.state == .ready)
      #expect(ResidentMemory.now() > 90 << 20)
    }
  }

  @Test("Removing a model frees what it says and takes its files and its memory")
  func removes() async throws {
    try await withModels([]) { workspace, models in
      let place = models.appending(path: "mine")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let source = SessionTests.models + "/\(Self.small)/SmolLM2-135M-Instruct.Q4_1.gguf"
      let file = place.appending(path: "mine.gguf").path
      try FileManager.default.copyItem(atPath: source, toPath: file)
      try await workspace.load("mine")
      let plan = try workspace.removalPlan("mine")
      #expect(plan.files == [file])
      #expect(try await workspace.removeModel("mine") == plan.bytes)
      #expect(!FileManager.default.fileExists(atPath: place.path))
      #expect(await workspace.modelStates().isEmpty)
      let error = #expect(throws: CarrelError.self) { try workspace.removalPlan("mine") }
      #expect(error?.code == .notInstalled)
    }
  }
}

extension AskOptions {
  init(withoutRetrieval: Bool) {
    self.init()
    retrieval = .off
  }
}

import AgentProtocols
import CarrelKit
import Foundation
import Synchronization

/// A workspace without models: one document, answers of counted words.
final class FakeDesk: AgentDesk {
  /// How the model behaves.
  struct Manner: Sendable {
    var words = 5
    var milliseconds = 0
    /// Goes on for so long after it was told to stop, as a model that reads a prompt does.
    var deafness = 0
    var fails = false
    var hasIndex = true
    var thinks = false
    /// The store of conversations cannot be written to.
    var keepsForEver = false
  }

  let manner: Manner
  let roots: [String]
  let opened = Mutex<[(model: String?, id: String?)]>([])
  /// Where was searched, by searches and by questions.
  let scopes = Mutex<[SearchScope]>([])
  /// Steps of models, told by whoever writes to it.
  let steps = AsyncStream.makeStream(of: ModelEvent.self)
  /// Conversations that are kept, and how many answers were running when one was removed.
  let kept = Mutex<[String]>([])
  let runningAtRemoval = Mutex<[Int]>([])
  let running = Atomic<Int>(0)
  let mostRunning = Atomic<Int>(0)

  init(_ manner: Manner = Manner(), roots: [String] = []) {
    self.manner = manner
    self.roots = roots
  }

  struct Conversation: AgentConversation {
    let desk: FakeDesk
    let modelID: String
    let context = 1000

    func ask(
      _ question: String, options: AskOptions, stop: StopFlag
    ) -> AsyncThrowingStream<GenerationEvent, any Error> {
      let manner = desk.manner
      let modelID = modelID
      desk.scopes.withLock { $0.append(options.scope) }
      return AsyncThrowingStream { continuation in
        let thread = Thread {
          let now = desk.running.add(1, ordering: .relaxed).newValue
          desk.mostRunning.max(now, ordering: .relaxed)
          let route = Route(choosing: modelID, because: "it is the only one")
          continuation.yield(.routed(route))
          if options.retrieval != .off {
            continuation.yield(.retrieving(query: question))
            continuation.yield(.retrieved([FakeDesk.source]))
          }
          if manner.fails {
            desk.running.subtract(1, ordering: .relaxed)
            return continuation.finish(throwing: CarrelError(.failed, "The model is ill."))
          }
          if manner.thinks { continuation.yield(.thinking("Hm.", tokens: 1)) }
          var text = ""
          for word in 0..<manner.words {
            if stop.isRaised { break }
            if manner.milliseconds > 0 { usleep(UInt32(manner.milliseconds) * 1000) }
            text += "\(word) "
            continuation.yield(.text("\(word) "))
          }
          if stop.isRaised, manner.deafness > 0 {
            let end = Date.now.addingTimeInterval(Double(manner.deafness) / 1000)
            while end > .now {
              usleep(10_000)
              continuation.yield(.text("late "))
            }
          }
          let reason: AnswerStop = stop.isRaised ? .cancelled : .endOfTurn
          continuation.yield(
            .done(Answer(saying: text, model: "fake", route: route, stop: reason)))
          // Before whoever waits for the end goes on.
          desk.running.subtract(1, ordering: .relaxed)
          continuation.finish()
        }
        thread.start()
      }
    }
  }

  static let source = Source(
    n: 1, path: "/docs/a.md", startLine: 3, endLine: 5, startByte: 10, endByte: 20, text: "text")

  func openConversation(model: String?, id: String?, folder: String?) async throws
    -> any AgentConversation
  {
    opened.withLock { $0.append((model, id)) }
    if let id { kept.withLock { $0.append(id) } }
    return Conversation(desk: self, modelID: model ?? "fake")
  }

  func reopenConversation(_ id: String, model: String?) async throws -> any AgentConversation {
    try await openConversation(model: model, id: id, folder: nil)
  }

  func search(_ query: String, limit: Int, sides: SearchSides, scope: SearchScope) async throws
    -> SearchReport
  {
    scopes.withLock { $0.append(scope) }
    return SearchReport(
      query: query, sides: sides, hits: [], seconds: 0, scope: scope,
      filesInScope: scope == .all ? nil : 3)
  }

  func passages(around id: Int, before: Int, after: Int) async throws -> [IndexedPassage] { [] }
  func indexedFiles(after path: String?, limit: Int) async throws -> [IndexedFile] { [] }
  func isIndexed(file path: String) async throws -> Bool { false }

  func indexReport(checkingDisk: Bool) async throws -> IndexReport {
    guard manner.hasIndex else { throw CarrelError(.failed, "There is no index.") }
    return IndexReport(path: "/index", roots: roots, files: 1, chunks: 1, stale: 0, bytes: 1)
  }

  /// Indexes for ever, until it is stopped.
  func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        var progress = IndexingProgress.zero
        progress.filesTotal = 1_000_000
        while !Task.isCancelled {
          progress.filesDone += 1
          continuation.yield(.progress(progress))
          try? await Task.sleep(for: .milliseconds(5))
        }
        continuation.finish(throwing: CancellationError())
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  func models() throws -> [ModelListing] {
    ["small", "large"].map { ModelListing(id: $0, role: "generate", path: "/m/\($0).gguf") }
  }
  func modelStates() async -> [ModelStatus] { [] }
  func modelEvents() -> AsyncStream<ModelEvent> { steps.stream }
  func status() async throws -> WorkspaceStatus {
    throw CarrelError(.failed, "There is no status.")
  }
  func why() throws -> GateReport { throw CarrelError(.doesNotFit, "Nothing fits.") }
  func load(_ id: String) async throws { throw CarrelError(.notInstalled, "\(id) is not there.") }
  func unload(_ id: String?) async -> [String] { [] }
  func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        while !Task.isCancelled {
          continuation.yield(.progress(bytes: 1, total: 2, rate: nil, secondsLeft: nil))
          try? await Task.sleep(for: .milliseconds(5))
        }
        continuation.finish()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
  func newConversationID() -> String { "s" + UUID().uuidString.prefix(8) }
  func sessions() async throws -> [SessionSummary] {
    kept.withLock { $0.map { SessionSummary(id: $0, folder: "/tmp") } }
  }
  func transcript(_ id: String) async throws -> SessionTranscript {
    throw CarrelError(.failed, "There is no session \(id).")
  }
  func removeSession(_ id: String) async throws -> String {
    guard !manner.keepsForEver else { throw CarrelError(.failed, "The database is locked.") }
    runningAtRemoval.withLock { $0.append(running.load(ordering: .relaxed)) }
    kept.withLock { $0.removeAll { $0 == id } }
    return id
  }
}

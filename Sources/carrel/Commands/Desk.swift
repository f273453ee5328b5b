import CarrelKit

/// What the commands need of a workspace. `Workspace` is the real one; tests use a small one without
/// models, so that parsing, printing and the REPL are tested by themselves.
package protocol Desk: Sendable {
  func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error>
  func refreshIndex() -> AsyncThrowingStream<IndexingEvent, any Error>
  func rebuildIndex() -> AsyncThrowingStream<IndexingEvent, any Error>
  func watchIndex() -> AsyncThrowingStream<WatchingEvent, any Error>
  /// Reads again what changed, when that is little.
  func freshenIndex(most: Int) async throws -> Freshness
  func removeFromIndex(_ paths: [String]) async throws -> Int
  func indexReport(checkingDisk: Bool) async throws -> IndexReport
  func verifyIndex() async throws -> [String]
  func search(_ query: String, limit: Int, sides: SearchSides, scope: SearchScope) async throws
    -> SearchReport
  func embed(_ texts: [String]) async throws -> [[Float]]
  func models() throws -> [ModelListing]
  func why() throws -> GateReport
  /// The newest routing decisions, the newest last.
  func recentRoutes(_ count: Int) -> [RouteRecord]
  func verifyModel(_ name: String, progress: ((_ done: Int, _ total: Int) -> Bool)?) throws
    -> [(file: String, sha256: String, wasExpected: Bool)]
  func removalPlan(_ id: String) throws -> (files: [String], bytes: Int)
  func removeModel(_ id: String) async throws -> Int
  func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error>
  func status() async throws -> WorkspaceStatus
  func benchmark(_ kind: BenchmarkKind, runs: Int, folder: String?) async throws -> [BenchmarkRow]
  func measureMemory(
    _ name: String?, tokens: Int?, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
  ) async throws -> MemoryMeasurement
  func evaluateRetrieval(
    folder: String, split: String?,
    progress: (@Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void)?
  ) async throws -> RetrievalScores
  /// A conversation; kept under `id`, or not at all.
  func openConversation(model: String?, keptAs id: String?) async throws -> any Conversing
  func resumeConversation(_ id: String, model: String?) async throws -> any Conversing
  func sessions() async throws -> [SessionSummary]
  func transcript(_ id: String) async throws -> SessionTranscript
  func exportSession(_ id: String, as format: SessionFormat) async throws -> String
  func removeSession(_ id: String) async throws -> String
  func unload(_ id: String?) async -> [String]
  func modelStates() async -> [ModelStatus]
  func fetchable() throws -> [FetchableModel]
  func previewIndexing(_ folder: String, seconds: Double) async throws -> IndexPreview
}

extension Desk {
  package func watchIndex() -> AsyncThrowingStream<WatchingEvent, any Error> {
    AsyncThrowingStream { $0.finish() }
  }
  package func freshenIndex(most: Int) async throws -> Freshness { .current }
  package func recentRoutes(_ count: Int) -> [RouteRecord] { [] }
}

/// One conversation with a model. `GenerationSession` is the real one.
package protocol Conversing: Sendable {
  var modelID: String { get }
  /// Tokens the context window holds.
  var context: Int { get }
  func ask(_ question: String, options: AskOptions, stop: StopFlag)
    -> AsyncThrowingStream<GenerationEvent, any Error>
  /// What it is kept under; nil while it is not.
  var keptID: String? { get async }
  /// Begins to keep it, or stops; from the next question on.
  func setKept(_ isKept: Bool) async throws
  /// Reads ahead what the next prompt begins with.
  func warm(stop: StopFlag) async throws
  /// Forgets everything said; what is kept stays kept.
  func reset() async
  /// Forgets the last question and answer; gives the question.
  func undo() async -> String?
  /// Nothing will be asked soon: what makes going on fast is put on disk.
  func leave() async
}

extension Conversing {
  package func leave() async {}
}

extension GenerationSession: Conversing {
  package var keptID: String? { id }
}

extension Workspace: Desk {
  package func openConversation(
    model: String?, keptAs id: String?
  ) async throws -> any Conversing {
    guard let id else { return try await makeSession(model: model) }
    return try await makeSession(model: model, id: id)
  }

  package func resumeConversation(_ id: String, model: String?) async throws -> any Conversing {
    try await resumeSession(id, model: model)
  }
}

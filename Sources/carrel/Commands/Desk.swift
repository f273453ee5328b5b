import CarrelKit

/// What the commands need of a workspace. `Workspace` is the real one; tests use a small one without
/// models, so that parsing, printing and the REPL are tested by themselves.
package protocol Desk: Sendable {
  func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error>
  func refreshIndex() -> AsyncThrowingStream<IndexingEvent, any Error>
  func rebuildIndex() -> AsyncThrowingStream<IndexingEvent, any Error>
  func removeFromIndex(_ paths: [String]) async throws -> Int
  func indexReport(checkingDisk: Bool) async throws -> IndexReport
  func verifyIndex() async throws -> [String]
  func search(_ query: String, limit: Int, sides: SearchSides) async throws -> SearchReport
  func embed(_ texts: [String]) async throws -> [[Float]]
  func models() throws -> [ModelListing]
  func why() throws -> GateReport
  func verifyModel(_ name: String, progress: ((_ done: Int, _ total: Int) -> Bool)?) throws
    -> [(file: String, sha256: String, wasExpected: Bool)]
  func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error>
  func status() async throws -> WorkspaceStatus
  func benchmark(_ kind: BenchmarkKind, runs: Int, folder: String?) async throws -> [BenchmarkRow]
  func evaluateRetrieval(
    folder: String, progress: (@Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void)?
  ) async throws -> RetrievalScores
  func openConversation(model: String?) async throws -> any Conversing
}

/// One conversation with a model. `GenerationSession` is the real one.
package protocol Conversing: Sendable {
  var modelID: String { get }
  /// Tokens the context window holds.
  var context: Int { get }
  func ask(_ question: String, options: AskOptions, stop: StopFlag)
    -> AsyncThrowingStream<GenerationEvent, any Error>
  /// Forgets everything said.
  func reset() async
  /// Forgets the last question and answer; gives the question.
  func undo() async -> String?
}

extension GenerationSession: Conversing {}

extension Workspace: Desk {
  package func openConversation(model: String?) async throws -> any Conversing {
    try await makeSession(model: model)
  }
}

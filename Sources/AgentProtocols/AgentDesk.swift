import CarrelKit

/// What the protocols need of a workspace. `Workspace` is the real one; tests use a small one
/// without models.
package protocol AgentDesk: Sendable {
  // Documents
  func search(_ query: String, limit: Int, sides: SearchSides, scope: SearchScope) async throws
    -> SearchReport
  func passages(around id: Int, before: Int, after: Int) async throws -> [IndexedPassage]
  func indexedFiles(after path: String?, limit: Int) async throws -> [IndexedFile]
  func isIndexed(file path: String) async throws -> Bool
  func indexReport(checkingDisk: Bool) async throws -> IndexReport
  func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error>

  // Models
  func models() throws -> [ModelListing]
  func modelStates() async -> [ModelStatus]
  func modelEvents() -> AsyncStream<ModelEvent>
  func status() async throws -> WorkspaceStatus
  func why() throws -> GateReport
  func load(_ id: String) async throws
  func unload(_ id: String?) async -> [String]
  func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error>

  // Conversations
  func newConversationID() -> String
  /// A new conversation; kept under `id` where that is not nil.
  func openConversation(model: String?, id: String?, folder: String?) async throws
    -> any AgentConversation
  /// A kept conversation with what was said in it.
  func reopenConversation(_ id: String, model: String?) async throws -> any AgentConversation
  /// Kept conversations, the latest first.
  func sessions() async throws -> [SessionSummary]
  func transcript(_ id: String) async throws -> SessionTranscript
  func removeSession(_ id: String) async throws -> String
}

/// One conversation with a model. `GenerationSession` is the real one.
package protocol AgentConversation: Sendable {
  var modelID: String { get }
  /// Tokens the context window holds.
  var context: Int { get }
  func ask(_ question: String, options: AskOptions, stop: StopFlag)
    -> AsyncThrowingStream<GenerationEvent, any Error>
}

extension GenerationSession: AgentConversation {}

extension Workspace: AgentDesk {
  package func newConversationID() -> String { Workspace.newSessionID() }

  package func openConversation(model: String?, id: String?, folder: String?) async throws
    -> any AgentConversation
  {
    try await makeSession(model: model, id: id, folder: folder)
  }

  package func reopenConversation(_ id: String, model: String?) async throws
    -> any AgentConversation
  {
    try await resumeSession(id, model: model)
  }
}

extension RPCError {
  /// An error of a use case, with its exit code as data.
  init(useCase error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case let error as CarrelError:
      let code: Code =
        switch error.code {
        case .usage: .invalidParameters
        case .notInstalled: .notFound
        default: .internalError
        }
      self.init(code, error.message, data: ["exitCode": .integer(Int(error.code.rawValue))])
    default: self.init(.internalError, String(describing: error))
    }
  }
}

import FoundationEssentials
import Glibc
import Synchronization

/// Kept conversations: begun, listed, resumed, exported and removed. Nothing leaves the machine.
extension Workspace {
  /// An id no other session has: a letter and seven of `a-z0-9`, easy to type and never a number.
  /// Commands take any beginning of it that is unambiguous.
  public static func newSessionID() -> String {
    let letters = Array("abcdefghijkmnpqrstuvwxyz")
    let all = letters + Array("23456789")
    return String((0..<8).map { ($0 == 0 ? letters : all).randomElement() ?? "x" })
  }

  /// A conversation with the model asked for in the settings, or the best one that fits in memory.
  ///
  /// - Parameters:
  ///   - id: keep the conversation under this id (see `newSessionID`); it is in the list from its
  ///     first question on. nil keeps nothing. Turns kept under the id already are not read:
  ///     `resumeSession` does that.
  ///   - folder: the folder it belongs to; nil takes the current one.
  public func makeSession(
    model: String? = nil, id: String?, folder: String? = nil
  ) async throws -> GenerationSession {
    let session = try await makeSession(model: model)
    if let id { try await keep(session, id, folder, []) }
    return session
  }

  /// The kept conversations, the latest first.
  public func sessions() async throws -> [SessionSummary] {
    try store(creating: false)?.sessions() ?? []
  }

  /// Ids of the kept conversations, the latest first.
  package func keptSessionIDs() throws -> [String] {
    try store(creating: false)?.sessions().map(\.id) ?? []
  }

  /// A kept conversation with its turns restored: the next question's prompt begins with the very
  /// tokens the model read then. `GenerationSession.warm` reads them ahead of that question.
  ///
  /// - Parameters:
  ///   - id: the id, or an unambiguous beginning of it.
  ///   - model: nil takes the settings' model, or routes each question as a new session would.
  /// - Throws: `CarrelError` where there is no such session.
  public func resumeSession(_ id: String, model: String? = nil) async throws -> GenerationSession {
    guard let store = try store(creating: false) else { throw SessionStore.unknown(id) }
    let summary = try store.find(id)
    let session = try await makeSession(model: model)
    let turns = try store.turns(of: summary.id).compactMap { row -> Turn? in
      let turn = row.turn
      guard turn.state != .failed else { return nil }
      // Of a turn that was cut off only the question may be known: it is shown, not sent.
      let prompt = row.prompt ?? turn.question
      return Turn(
        prompt: prompt, question: turn.question, answer: turn.answer,
        isInPrompt: !turn.answer.allSatisfy(\.isWhitespace), row: turn.n)
    }
    try await keep(session, summary.id, summary.folder, turns)
    return session
  }

  /// Everything that is kept of a conversation.
  public func transcript(_ id: String) async throws -> SessionTranscript {
    guard let store = try store(creating: false) else { throw SessionStore.unknown(id) }
    let summary = try store.find(id)
    return SessionTranscript(session: summary, turns: try store.turns(of: summary.id).map(\.turn))
  }

  /// A conversation as one document, ending in a line break.
  public func exportSession(_ id: String, as format: SessionFormat) async throws -> String {
    let transcript = try await transcript(id)
    return switch format {
    case .markdown: transcript.markdown
    case .json: try transcript.json + "\n"
    }
  }

  /// Removes a conversation for good.
  /// - Returns: its id in full.
  @discardableResult
  public func removeSession(_ id: String) async throws -> String {
    guard let store = try store(creating: false) else { throw SessionStore.unknown(id) }
    let summary = try store.find(id)
    try store.remove(session: summary.id)
    snapshots?.remove(session: summary.id)
    return summary.id
  }

  private func keep(
    _ session: GenerationSession, _ id: String, _ folder: String?, _ turns: [Turn]
  ) async throws {
    let isSafe =
      (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy {
        $0 == 0x2D || $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
          || (0x61...0x7A).contains($0)
      }
    guard isSafe else {
      throw CarrelError(
        .usage, "\(id) cannot be the id of a session: at most 64 letters, digits, - and _.")
    }
    let store: SessionStore?
    var failure: String?
    do { store = try self.store(creating: true) } catch {
      store = nil
      failure = "This conversation is not being kept: \(error)"
    }
    let folder = folder ?? FileManager.default.currentDirectoryPath
    await session.keep(
      store.map { SessionRecorder(store: $0, id: id, folder: folder) }, turns, failure: failure)
  }

  /// The open store; nil where there is no file and none is to be made.
  func store(creating: Bool) throws -> SessionStore? {
    try sessionStore.withLock { opened in
      if let opened { return opened }
      guard creating || access(settings.sessions, F_OK) == 0 else { return nil }
      let store = try SessionStore(path: settings.sessions, creating: creating)
      opened = store
      return store
    }
  }
}

import Synchronization

/// The right to answer one request, once. A request whose reply is dropped unanswered by mistake is
/// answered with an internal error, so that no client waits for ever.
package final class RPCReply: Sendable {
  package let id: RPCID

  private struct State {
    /// Takes the answer; nil once it was given.
    var sink: (@Sendable (JSONValue?) -> Void)?
    var onCancel: (@ControlActor @Sendable () -> Void)?
    var isCancelled = false
  }
  private let state: Mutex<State>

  /// - Parameter sink: called exactly once, with nil where no answer is to be sent.
  init(_ id: RPCID, _ sink: @escaping @Sendable (JSONValue?) -> Void) {
    self.id = id
    state = Mutex(State(sink: sink))
  }

  deinit { fail(RPCError(.internalError, "The request ended without an answer.")) }

  package func succeed(_ result: JSONValue) { finish(RPCMessage.answer(id, .success(result))) }

  package func fail(_ error: RPCError) { finish(RPCMessage.answer(id, .failure(error))) }

  package func answer(_ outcome: Result<JSONValue, RPCError>) {
    finish(RPCMessage.answer(id, outcome))
  }

  /// Ends the request without an answer: MCP's cancelled requests get none.
  package func drop() { finish(nil) }

  private func finish(_ message: JSONValue?) {
    let sink = state.withLock { state in
      defer {
        state.sink = nil
        state.onCancel = nil
      }
      return state.sink
    }
    sink?(message)
  }

  package var isAnswered: Bool { state.withLock { $0.sink == nil } }

  /// What to do when the client takes the request back; done at once if it already has.
  @ControlActor package func onCancel(_ body: @escaping @ControlActor @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      if !state.isCancelled, state.sink != nil { state.onCancel = body }
      return state.isCancelled
    }
    if isCancelled { body() }
  }

  @ControlActor func cancel() {
    let body = state.withLock { state in
      state.isCancelled = true
      defer { state.onCancel = nil }
      return state.onCancel
    }
    body?()
  }
}

/// Gathers the answers to a batch, which go out together (JSON-RPC 2.0, section 6).
final class RPCBatch: Sendable {
  private let state: Mutex<(answers: [JSONValue], missing: Int)>
  private let send: @Sendable (JSONValue) -> Void

  /// - Parameter count: messages of the batch that may be answered.
  init(count: Int, _ send: @escaping @Sendable (JSONValue) -> Void) {
    state = Mutex(([], count))
    self.send = send
  }

  func add(_ answer: JSONValue?) {
    let answers = state.withLock { state -> [JSONValue]? in
      if let answer { state.answers.append(answer) }
      state.missing -= 1
      return state.missing == 0 && !state.answers.isEmpty ? state.answers : nil
    }
    if let answers { send(.array(answers)) }
  }
}

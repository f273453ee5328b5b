import CarrelKit
import FoundationEssentials

/// One session of a client: its options, its conversation, and at most one turn at a time.
///
/// Everything here runs on `ControlActor` and returns at once; answers are made elsewhere. A turn
/// that is cancelled is answered within `patience` whatever the model is doing; the next turn waits
/// until the model has really stopped.
@ControlActor final class ACPSession {
  /// How long a cancelled answer may take to end by itself, in milliseconds.
  static let patience = 100

  let id: String
  /// Absolute.
  let folder: String
  var configuration: ACPConfiguration
  let desk: any AgentDesk
  private let connection: RPCConnection

  private var conversation: (any AgentConversation)?
  /// The model the conversation was opened for.
  private var openedFor: String?
  /// Something was said, in this run or an earlier one: reopening must bring it back.
  private var hasTurns: Bool
  private var turn: ACPTurn?
  private var turns = 0
  /// The latest turn's work, which may go on for a moment after the turn was answered.
  private var work: Task<Void, Never>?

  init(
    id: String, folder: String, configuration: ACPConfiguration, hasTurns: Bool,
    desk: any AgentDesk, connection: RPCConnection
  ) {
    self.id = id
    self.folder = folder
    self.configuration = configuration
    self.hasTurns = hasTurns
    self.desk = desk
    self.connection = connection
  }

  func send(_ update: JSONValue) {
    connection.notify("session/update", ["sessionId": .string(id), "update": update])
  }

  // MARK: Turns

  func prompt(_ prompt: ACPPrompt, _ reply: RPCReply) {
    guard turn == nil else {
      return reply.fail(
        RPCError(
          .invalidRequest, "This session is still answering; cancel that or wait for its end."))
    }
    turns += 1
    let turn = ACPTurn(
      number: turns, reply: reply,
      updates: ACPTurnUpdates(turn: turns, showsThoughts: configuration.showsThoughts))
    self.turn = turn
    reply.onCancel { [weak self] in self?.cancel() }
    let before = work
    work = Task { @ControlActor in
      await before?.value
      await self.run(turn, prompt)
    }
  }

  /// Stops the turn that runs, if any: it is answered with `cancelled`, once.
  func cancel() {
    guard let turn, !turn.isCancelled else { return }
    turn.cancel()
    ControlActor.after(milliseconds: Self.patience) { self.finish(turn, .success("cancelled")) }
  }

  /// Waits until the model has really stopped.
  func end() async { await work?.value }

  private func run(_ turn: ACPTurn, _ prompt: ACPPrompt) async {
    guard !turn.isAnswered else { return }
    do {
      let reason =
        if let command = ACPCommand(prompt.question), prompt.attachments.isEmpty {
          try await run(command, turn)
        } else {
          try await answer(prompt, turn)
        }
      finish(turn, .success(turn.isCancelled ? "cancelled" : reason))
    } catch {
      finish(turn, turn.isCancelled ? .success("cancelled") : .failure(RPCError(useCase: error)))
    }
  }

  /// Answers the prompt, unless that was done already. Nothing of the turn is sent afterwards.
  private func finish(_ turn: ACPTurn, _ outcome: Result<JSONValue, RPCError>) {
    if self.turn === turn { self.turn = nil }
    guard !turn.isAnswered else { return }
    let isDone = if case .success(let reason) = outcome { reason != "cancelled" } else { false }
    for update in turn.updates.close(isDone ? "completed" : "failed") { send(update) }
    turn.reply.answer(outcome.map { ["stopReason": $0] })
  }

  /// Sends an update of a turn, unless the turn has been answered.
  func send(_ updates: [JSONValue], of turn: ACPTurn) {
    guard !turn.isAnswered else { return }
    for update in updates { send(update) }
  }

  /// Which model the turn waits for.
  var awaited: ACPTurnUpdates.Awaited { turn?.updates.awaited ?? .none }

  /// A model takes a step, perhaps one that a turn waits for.
  /// - Parameter isAwaited: some session's turn waits for just this model.
  func take(_ event: ModelEvent, isAwaited: Bool) {
    guard let turn, awaited != .some || !isAwaited else { return }
    send(turn.updates.take(event), of: turn)
  }

  // MARK: Answers

  private func answer(_ prompt: ACPPrompt, _ turn: ACPTurn) async throws -> JSONValue {
    let conversation = try await open(turn)
    guard !turn.isCancelled else { return "cancelled" }
    // Two bytes for each token of the context: about half of it, the rest is for passages and answer.
    let (attachments, notices) = await prompt.resolve(limit: conversation.context * 2)
    var options = configuration.options
    options.attachments = attachments
    turn.updates.context = conversation.context
    turn.updates.attach(attachments.count)
    for notice in notices { send([turn.updates.notice(notice)], of: turn) }
    if options.retrieval != .off, await isIndexEmpty() {
      send(
        [
          turn.updates.notice(
            "Nothing is indexed yet, so there was no search; /index adds \(folder).")
        ],
        of: turn)
      if options.retrieval == .required, attachments.isEmpty { return "end_turn" }
      options.retrieval = .off
    }
    var reason: JSONValue = "end_turn"
    for try await event in conversation.ask(prompt.question, options: options, stop: turn.stop) {
      send(turn.updates.take(event), of: turn)
      if case .done(let answer) = event { reason = ACPTurnUpdates.stopReason(answer.stop) }
    }
    if !hasTurns {
      hasTurns = true
      send(
        [
          [
            "sessionUpdate": "session_info_update",
            "title": .string(ACPTurnUpdates.title(prompt.question)),
            "updatedAt": .string(Date.now.ISO8601Format()),
          ]
        ], of: turn)
    }
    return reason
  }

  /// The conversation with the model that is wanted now.
  private func open(_ turn: ACPTurn) async throws -> any AgentConversation {
    let wanted = configuration.wantedModel
    turn.updates.awaited = wanted.map { .model($0) } ?? .some
    if let conversation, openedFor == wanted { return conversation }
    // The old one goes first: two timelines need not fit in memory.
    conversation = nil
    let opened =
      hasTurns
      ? try await desk.reopenConversation(id, model: wanted)
      : try await desk.openConversation(model: wanted, id: id, folder: folder)
    conversation = opened
    openedFor = wanted
    return opened
  }

  private func isIndexEmpty() async -> Bool {
    guard let report = try? await desk.indexReport(checkingDisk: false) else { return true }
    return report.files == 0
  }
}

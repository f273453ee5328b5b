import Conversation
import FoundationEssentials
import Inference
import Synchronization
import Tokenization

/// What a session does about its turns besides answering: keeping, forgetting, reading ahead.
extension GenerationSession {
  /// The id the conversation is kept under; nil where it is not.
  public var id: String? { recorder?.id }

  func keep(_ recorder: SessionRecorder?, _ turns: [Turn], failure: String?) {
    self.recorder = recorder
    self.turns = turns
    unkept = failure
  }

  /// Begins to keep the conversation under a new id, or stops keeping it; from the next question on.
  /// As `reset` and `undo`, waits for an answer that is being written.
  public func setKept(_ isKept: Bool) async throws {
    await idle()
    if !isKept {
      recorder = nil
      unkept = nil
    } else if recorder == nil, let store = try workspace.store(creating: true) {
      recorder = SessionRecorder(
        store: store, id: Workspace.newSessionID(),
        folder: FileManager.default.currentDirectoryPath)
      // What was kept elsewhere stays there.
      for index in turns.indices { turns[index].row = nil }
    }
  }

  /// Forgets the conversation. What was kept of it stays kept; what follows is another session.
  public func reset() async {
    await idle()
    leave()
    for seat in seats.values { seat.timeline.forget() }
    turns = []
    recorder = recorder?.renamed(Workspace.newSessionID())
  }

  /// Takes the last question back, here and where it is kept. Returns it, nil when there is none.
  public func undo() async -> String? {
    await idle()
    guard let last = turns.popLast() else { return nil }
    if let row = last.row { recorder?.remove(turn: row) }
    if let id { workspace.snapshots?.remove(session: id) }
    for seat in seats.values { seat.timeline.forget() }
    return last.question
  }

  /// Reads what the next prompt will begin with, whatever the question: after `resumeSession` the
  /// first answer then waits for its own passages and words only. Stops soon after `stop` is raised;
  /// what was read stays useful.
  public func warm(stop: StopFlag = StopFlag()) async throws {
    guard !answering, case .local(let choice) = origin, turns.contains(where: \.isInPrompt) else {
      return
    }
    try await withSeat(of: choice) { seat in
      let style = PromptBuilder.Style(weightBytes: seat.model.network.weightBytes)
      var messages = [Message(.system, style.system)]
      for turn in turns where turn.isInPrompt {
        messages.append(Message(.user, turn.prompt))
        messages.append(Message(.assistant, turn.answer))
      }
      // What follows the last answer depends on the question: what both prompts share is read.
      let format = try seat.model.format(AskOptions())
      let shared = Self.shared(messages, format)
      guard !shared.isEmpty, shared.count < seat.context * 3 / 4, !stop.isRaised else { return }
      _ = try seat.timeline.sync(to: shared) { _, _ in !stop.isRaised }
    }
  }

  /// Ends the stream of an answer, and writes what may be written once it has ended. Whatever the
  /// reader of the stream then asks of this session comes after that.
  func conclude(_ finish: () -> Void) {
    // A program that ends with its answer still gets to write this: it is small, and new once.
    for seat in seats.values { seat.timeline.writePrefix() }
    finish()
    writeTimelines(isLeft: false)
  }

  /// Writes what models have read of this conversation, where that pays; the next question stops it.
  func writeTimelines(isLeft: Bool) {
    guard let id, !answering, recorder?.isKept == true else { return }
    let asked = questions.load(ordering: .relaxed)
    for seat in seats.values {
      seat.timeline.write(session: id, isLeft: isLeft) {
        isLeft || questions.load(ordering: .relaxed) == asked
      }
    }
    // Removed meanwhile: what was written after that must not stay behind.
    if recorder?.isKept == false { workspace.snapshots?.remove(session: id) }
  }

  /// Says that nothing will be asked soon. What the model has read is kept on disk where that pays, so
  /// that the conversation is resumed at once; takes some milliseconds.
  public func leave() {
    writeTimelines(isLeft: true)
  }

  /// Answers and keeps the turn as it happens.
  func record(
    _ question: String, _ options: AskOptions, _ stop: StopFlag,
    emit: @escaping @Sendable (GenerationEvent) -> Void
  ) async throws {
    guard !answering else { throw CarrelError.stillAnswering }
    if let unkept {
      emit(.notice(unkept))
      self.unkept = nil
    }
    guard recorder != nil else { return try await answer(question, options, stop, emit: emit) }
    // Events come one after the other, from this actor.
    let tape = Tape(recorder)
    let settings = TurnSettings(options, workspace.settings, context: context)
    let model = modelID
    if let complaint = tape.use({ $0.begin(question, model: model, settings: settings) }) {
      emit(.notice(complaint))
    }
    do {
      try await answer(question, options, stop) { event in
        switch event {
        case .done(let answer): tape.hold(answer)
        default:
          if let complaint = tape.use({ $0.take(event) }) { emit(.notice(complaint)) }
          emit(event)
        }
      }
    } catch {
      _ = tape.use {
        $0.fail(error)
        return nil
      }
      recorder = tape.recorder
      throw error
    }
    guard let answer = tape.answer else { return }
    let last = turns.indices.last
    let prompt = last.flatMap { turns[$0].isInPrompt ? turns[$0].prompt : nil }
    var row: Int?
    let complaint = tape.use {
      let (turn, complaint) = $0.finish(answer, prompt: prompt)
      row = turn
      return complaint
    }
    if let last { turns[last].row = row }
    recorder = tape.recorder
    if let complaint { emit(.notice(complaint)) }
    // Only now: whoever sees the end may rely on the turn being kept.
    emit(.done(answer))
  }
}

/// The recorder while events pass through a closure, and the answer they end with.
private final class Tape: Sendable {
  private let state: Mutex<(recorder: SessionRecorder?, answer: Answer?)>

  init(_ recorder: SessionRecorder?) { state = Mutex((recorder, nil)) }

  var recorder: SessionRecorder? { state.withLock { $0.recorder } }
  var answer: Answer? { state.withLock { $0.answer } }

  func hold(_ answer: Answer) { state.withLock { $0.answer = answer } }

  /// Gives what the recorder has to say to the user.
  func use(_ body: (inout SessionRecorder) -> String?) -> String? {
    state.withLock { state in
      guard var recorder = state.recorder else { return nil }
      defer { state.recorder = recorder }
      return body(&recorder)
    }
  }
}

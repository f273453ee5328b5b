import Compute
import Conversation
import Inference
import Synchronization
import Tokenization

/// One conversation: retrieves, decides who answers, builds the prompt, streams the answer, remembers
/// the turn.
///
/// An actor on an executor of its own: answers come one at a time, and their arithmetic never holds
/// up a thread others need. It owns a timeline (`DecodingSession`) on each model that answered in it;
/// the networks are shared.
public actor GenerationSession {
  let workspace: Workspace
  /// Whom the session was opened with: asked for, or the best there is.
  let origin: Answerer
  /// Whether each question is routed between several models; false when one was asked for.
  private let isRouted: Bool
  /// Timelines by model id; a model that is unloaded has none, and is loaded again when it is wanted.
  var seats: [String: Seat] = [:]
  /// Notices of models that were said already.
  private var said: Set<String> = []
  /// The model an answer is being written with; it cannot be let go of.
  var modelInUse: String?
  var turns: [Turn] = []
  private(set) var answering = false
  /// Who waits for the end of the answer.
  private var waiting: [CheckedContinuation<Void, Never>] = []
  /// Keeps the turns on disk; nil for a conversation nobody wants kept.
  var recorder: SessionRecorder?
  /// Why nothing can be kept, until the user has been told.
  var unkept: String?
  /// How many questions were asked: writing what was read gives way to the next one.
  nonisolated let questions = Atomic(0)
  private let executor = SerialWorkExecutor(label: "carrel.generation")

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The id of the model the session was opened with. Each answer says which one wrote it.
  public nonisolated let modelID: String
  /// Tokens its context window holds.
  public nonisolated let context: Int

  /// What the KV cache of the session's own model holds: the last prompt as it read it, then what it
  /// wrote.
  package var timeline: [TokenID] { seats[modelID]?.decoding.tokens ?? [] }

  init(workspace: Workspace, origin: Answerer, isRouted: Bool) {
    self.workspace = workspace
    self.origin = origin
    self.isRouted = isRouted
    modelID = origin.id
    context = origin.context
    workspace.host.sessions.add(self)
  }

  /// Answers a question. Raising `stop` ends the answer within one token: the partial answer stays in
  /// the conversation and the stream still ends with `done`. Dropping the stream stops as well.
  public nonisolated func ask(
    _ question: String, options: AskOptions = AskOptions(), stop: StopFlag = StopFlag()
  ) -> AsyncThrowingStream<GenerationEvent, any Error> {
    questions.add(1, ordering: .relaxed)
    return AsyncThrowingStream { continuation in
      let task = Task {
        do {
          try await self.record(question, options, stop) { continuation.yield($0) }
          await self.conclude { continuation.finish() }
        } catch {
          await self.conclude { continuation.finish(throwing: error) }
        }
      }
      continuation.onTermination = { _ in
        stop.raise()
        task.cancel()
      }
    }
  }

  /// Answers, without keeping anything on disk; `record` does both.
  func answer(
    _ question: String, _ options: AskOptions, _ stop: StopFlag,
    emit: @escaping @Sendable (GenerationEvent) -> Void
  ) async throws {
    guard !answering else { throw CarrelError.stillAnswering }
    answering = true
    defer {
      answering = false
      modelInUse = nil
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    let started = ContinuousClock.now
    var run = AnswerRun(route: origin.route, emit: emit)
    // Thanks and greetings lean on nothing, and need no documents.
    let isMeta = QuestionFeatures(question).task == .meta
    let background =
      isMeta
      ? nil
      : FollowUp.background(
        of: question, after: turns.filter(\.isInPrompt).map(\.question))
    let attached = options.attachments.enumerated().map { Source($1, n: $0 + 1) }
    let found =
      options.retrieval == .off
      ? attached
      : attached
        + (try await passages(
          question, after: background, options, numberedFrom: attached.count + 1, &run))
    let routing = try isRouted ? Routing(workspace, question, options, found) : nil
    if found.isEmpty, options.retrieval == .required, !options.offersSearchTool, !isMeta {
      run.say(
        "Nothing in the index\(options.scope.place) matches this question, so no model was asked. "
          + "Ask with --no-retrieval (or /set retrieval off) for an answer without documents.")
      turns.append(Turn(prompt: question, question: question, answer: "", isInPrompt: false))
      emit(.done(run.answer(stop: .nothingRetrieved)))
      return
    }
    if found.isEmpty, options.retrieval == .preferred {
      run.say(
        "Nothing in the index\(options.scope.place) matches this question; the answer is the "
          + "model's own.")
    }
    var work = Work(question: routing?.decision.question ?? question, found: found)
    let reason = try await respond(&work, routing, options, stop, &run)
    if run.stats.generatedTokens > 0 {
      // They stay in the conversation, but later prompts do not repeat them.
      for index in turns.indices.filter({ turns[$0].isInPrompt }).prefix(work.droppedTurns) {
        turns[index].isInPrompt = false
      }
    }
    turns.append(
      Turn(
        prompt: work.prompt, question: question, answer: run.text,
        isInPrompt: run.stats.generatedTokens > 0))
    run.finish(reason, question: question)
    if reason != .cancelled { await run.compare(using: workspace.host.loadedEmbedder()) }
    let answer = run.answer(stop: reason)
    routing?.log(answer, seconds: started.duration(to: .now) / .seconds(1))
    emit(.done(answer))
  }

  /// Waits for the end of an answer that is being written: while it waits for passages or a model, its
  /// session is free to do other things.
  func idle() async {
    while answering { await withCheckedContinuation { waiting.append($0) } }
  }

  /// A question with its passages, and what of the conversation its prompt took in.
  struct Work {
    var question: String
    let found: [Source]
    var prompt = ""
    var droppedTurns = 0
    /// A larger model stands ready to take the question over.
    var mayHandOver = false
    /// The model is told so.
    var offersHandOver = false
  }

  /// Lets the first answer that can: a model that cannot be loaded or a server that cannot be reached
  /// is passed over, with a word about it, as long as nothing was written.
  private func respond(
    _ work: inout Work, _ routing: Routing?, _ options: AskOptions, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) async throws -> AnswerStop {
    var answerers = try routing?.answerers() ?? [origin]
    while true {
      let answerer = answerers.removeFirst()
      run.startOver()
      run.route = answerer.route
      do {
        switch answerer {
        case .local(let choice):
          let (seat, lease) = try await takeSeat(choice)
          defer { lease.end() }
          run.emit(.routed(run.route))
          sayNotices(of: seat.model, &run)
          work.mayHandOver = routing?.mayHandOver(from: choice.id) ?? false
          let reason = try await answerHere(&work, seat, options, stop, &run)
          guard let call = run.handOver, let large = try routing?.large() else { return reason }
          return try await handOver(call, to: large, &work, options, stop, &run)
        case .remote(let endpoint, _):
          run.emit(.routed(run.route))
          return try answerThere(&work, endpoint, options, stop, &run)
        }
      } catch {
        modelInUse = nil
        guard let next = answerers.first, run.stats.generatedTokens == 0,
          answerer.mayBePassedOver(error)
        else { throw error }
        run.say("\(answerer.id) cannot answer (\(error)); \(next.id) answers instead.")
      }
    }
  }

  /// What is to be known of a model is said once, with the first answer it gives here.
  private func sayNotices(of model: LoadedModel, _ run: inout AnswerRun) {
    for notice in model.notices where said.insert(notice).inserted { run.say(notice) }
  }

  /// The small model passed the question on.
  private func handOver(
    _ call: HandOver, to large: Answerer, _ work: inout Work, _ options: AskOptions,
    _ stop: StopFlag, _ run: inout AnswerRun
  ) async throws -> AnswerStop {
    let from = run.route.choice
    run.handOver = nil
    run.startOver()
    run.stats.generatedTokens = 0
    work.question = call.prompt
    work.mayHandOver = false
    var options = options
    options.temperature = call.temperature ?? options.temperature
    options.maximumTokens = call.maximumTokens ?? options.maximumTokens
    run.route = Route(
      choice: large.id,
      reason: "\(from) handed it over" + (call.taskType.map { " (\($0))" } ?? ""),
      host: large.route.host)
    run.emit(.routed(run.route))
    switch large {
    case .local(let choice):
      modelInUse = nil
      let (seat, lease) = try await takeSeat(choice)
      defer { lease.end() }
      return try await answerHere(&work, seat, options, stop, &run)
    case .remote(let endpoint, _):
      return try answerThere(&work, endpoint, options, stop, &run)
    }
  }
}

extension CarrelError {
  static let stillAnswering = CarrelError(
    .failed, "This session is still answering the previous question.")
}

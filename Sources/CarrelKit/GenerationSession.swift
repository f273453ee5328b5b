import Compute
import Conversation
import Inference
import Tokenization

/// One conversation: retrieves, builds the prompt, streams the answer, remembers the turn.
///
/// An actor on an executor of its own: answers come one at a time, and their arithmetic never holds
/// up a thread others need. It owns the timeline (`DecodingSession`); the network is shared.
public actor GenerationSession {
  private let choice: ModelChoice
  private let route: Route
  private let workspace: Workspace
  /// nil while the model is unloaded; the next question loads it again.
  private var seat: Seat?
  private var turns: [Turn] = []
  private var answering = false
  /// An answer is being written with the model: it cannot be let go of.
  private var isUsingModel = false
  private let executor = SerialWorkExecutor(label: "carrel.generation")

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The model's id.
  public nonisolated var modelID: String { choice.id }
  /// Tokens the context window holds.
  public nonisolated let context: Int

  /// What the KV cache holds: the last prompt as the model read it, then what it wrote.
  package var timeline: [TokenID] { seat?.decoding.tokens ?? [] }

  /// The network, and this conversation's timeline on it.
  private struct Seat {
    let model: LoadedModel
    let decoding: DecodingSession

    init(_ model: LoadedModel, context: Int) throws {
      self.model = model
      decoding = try DecodingSession(model: model.network, engine: model.engine, context: context)
    }
  }

  init(workspace: Workspace, model: LoadedModel, choice: ModelChoice) throws {
    self.workspace = workspace
    self.choice = choice
    self.route = choice.route
    self.context = model.context
    self.seat = try Seat(model, context: model.context)
    workspace.host.sessions.add(self)
  }

  private var model: LoadedModel { get throws { try seated.model } }
  private var decoding: DecodingSession { get throws { try seated.decoding } }
  private var seated: Seat {
    get throws {
      guard let seat else { throw CarrelError(.failed, "\(modelID) is not loaded.") }
      return seat
    }
  }

  /// The model is to be unloaded: drops network and timeline. The conversation stays; the next
  /// question reads it again.
  func letGo() {
    if !isUsingModel { seat = nil }
  }

  /// Keeps the model while an answer is written, loading it again if it was let go of.
  private func takeSeat() async throws -> ModelLease {
    let (model, lease) = try await workspace.host.use(choice)
    if seat == nil { seat = try Seat(model, context: min(context, model.context)) }
    isUsingModel = true
    return lease
  }

  /// Answers a question. Raising `stop` ends the answer within one token: the partial answer stays in
  /// the conversation and the stream still ends with `done`. Dropping the stream stops as well.
  public nonisolated func ask(
    _ question: String, options: AskOptions = AskOptions(), stop: StopFlag = StopFlag()
  ) -> AsyncThrowingStream<GenerationEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          try await self.answer(question, options, stop) { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in
        stop.raise()
        task.cancel()
      }
    }
  }

  /// Forgets the conversation.
  public func reset() { turns = [] }

  /// Forgets the last question and answer. Returns the question, nil when there is none.
  public func undo() -> String? { turns.popLast()?.question }

  private func answer(
    _ question: String, _ options: AskOptions, _ stop: StopFlag,
    emit: @escaping @Sendable (GenerationEvent) -> Void
  ) async throws {
    guard !answering else {
      throw CarrelError(.failed, "This session is still answering the previous question.")
    }
    answering = true
    defer { answering = false }
    let lease = try await takeSeat()
    defer {
      isUsingModel = false
      lease.end()
    }

    var run = AnswerRun(route: route, emit: emit)
    emit(.routed(route))
    let query = FollowUp.query(for: question, after: turns.last?.question)
    let found =
      options.retrieval == .off ? [] : try await passages(query, options, numberedFrom: 1, &run)
    if found.isEmpty, options.retrieval == .required, !options.offersSearchTool {
      run.say(
        "Nothing in the index matches this question, so no model was asked. Ask with --no-retrieval "
          + "(or /set retrieval off) for an answer without documents.")
      emit(.done(run.answer(model: modelID, stop: .nothingRetrieved)))
      return
    }
    if found.isEmpty, options.retrieval == .preferred {
      run.say("Nothing in the index matches this question; the answer is the model's own.")
    }
    let plan = try plan(question, sources: found, options, &run)
    run.add(Array(found.prefix(plan.passages)))
    let reason = try await converse(plan.messages, options, stop, &run)
    if run.stats.generatedTokens > 0 {
      turns.removeFirst(plan.droppedTurns)
      turns.append(Turn(prompt: plan.prompt, question: question, answer: run.text))
    }
    run.finish(reason, question: question)
    emit(.done(run.answer(model: modelID, stop: reason)))
  }

  /// Reads the prompt and writes the answer; where the model calls the search, answers the call and
  /// goes on.
  private func converse(
    _ start: [Message], _ options: AskOptions, _ stop: StopFlag, _ run: inout AnswerRun
  ) async throws -> AnswerStop {
    var messages = start
    let format = try model.format(options)
    for round in 0... {
      guard try readPrompt(format.render(messages), stop, &run) else { return .cancelled }
      let (reason, history) = try generate(format, options, stop, &run)
      guard reason == .toolCall, let call = run.takeCall() else { return reason }
      guard options.offersSearchTool, round < SearchTool.maximumRounds else {
        run.say(
          "The model called \(call.recipient)"
            + (options.offersSearchTool ? " more often than allowed." : ", which is not offered."))
        return reason
      }
      var found: [Source] = []
      if let query = SearchTool.query(call.arguments) {
        found = try await passages(
          query, options, numberedFrom: run.sources.count + 1, &run)
        run.add(found)
      }
      messages += history
      messages.append(.toolResult(of: call.recipient, SearchTool.result(found)))
    }
    return .toolCall
  }

  /// Passages for a query, numbered, or none.
  private func passages(
    _ query: String, _ options: AskOptions, numberedFrom first: Int, _ run: inout AnswerRun
  ) async throws -> [Source] {
    run.emit(.retrieving(query: query))
    let report = try await workspace.search(query, limit: options.passages)
    run.stats.retrievalSeconds += report.seconds
    return report.hits.filter(Relevance.passes).enumerated().map { place, hit in
      Source(
        n: first + place, path: hit.path, startLine: hit.startLine, endLine: hit.endLine,
        startByte: hit.startByte, endByte: hit.endByte, text: hit.text)
    }
  }

  private func plan(
    _ question: String, sources: [Source], _ options: AskOptions, _ run: inout AnswerRun
  ) throws -> PromptBuilder.Plan {
    let limit = options.maximumTokens ?? workspace.settings.maximumTokens
    let model = try model
    let builder = PromptBuilder(
      context: context, answerReserve: min(limit, context / 4),
      style: PromptBuilder.Style(weightBytes: model.network.weightBytes))
    let plan = try builder.plan(
      system: sources.isEmpty ? PromptBuilder.plainSystem : builder.style.system,
      turns: turns, question: question, passages: sources
    ) { model.tokenizer.encode($0).count }
    if plan.droppedTurns > 0 {
      run.say(
        "The conversation no longer fits in \(context) tokens: the oldest "
          + (plan.droppedTurns == 1 ? "turn was" : "\(plan.droppedTurns) turns were")
          + " left out.")
    }
    if plan.droppedPassages > 0 {
      run.say(
        "\(plan.passages) of \(sources.count) passages fit in the prompt; the "
          + "\(plan.droppedPassages) least relevant were left out.")
    }
    return plan
  }

  /// Brings the KV cache to the prompt. False when stopped.
  private func readPrompt(
    _ prompt: [TokenID], _ stop: StopFlag, _ run: inout AnswerRun
  ) throws -> Bool {
    guard prompt.count < context else {
      throw CarrelError(
        .failed,
        "The prompt has \(prompt.count) tokens, but the context holds \(context). Ask a shorter "
          + "question or raise --context.")
    }
    let emit = run.emit
    let decoding = try decoding
    let started = ContinuousClock.now
    let result = try decoding.sync(to: prompt) { done, total in
      emit(.prefill(done: done, total: total))
      return !stop.isRaised
    }
    let seconds = started.duration(to: .now) / .seconds(1)
    if run.stats.generatedTokens == 0 {
      run.stats.promptTokens = prompt.count
      run.stats.cachedTokens = result.reused
      run.stats.prefillTokensPerSecond = seconds > 0 ? Double(result.evaluated) / seconds : 0
    }
    return !result.cancelled
  }

  /// Samples until the model, a limit or the user ends the answer.
  ///
  /// - Returns: why it ended, and what was generated as history keeps it (Harmony only).
  private func generate(
    _ format: any ChatFormat, _ options: AskOptions, _ stop: StopFlag, _ run: inout AnswerRun
  ) throws -> (AnswerStop, [Message]) {
    let model = try model
    let decoding = try decoding
    var sampler = Sampler(workspace.samplerSettings(options))
    var decoder = format.makeDecoder()
    // A vocabulary may end turns with tokens its chat format does not name. Harmony's decoder knows
    // its own: there `<|end|>`, which files list as an end of turn, only ends a message.
    let ends = format.family == .harmony ? [] : Set(model.network.endTokens)
    let room = context - decoding.tokens.count
    let wanted =
      (options.maximumTokens ?? workspace.settings.maximumTokens) - run.stats.generatedTokens
    var reason: StopReason = wanted < room ? .maximumTokens : .contextFull
    // Only what this answer says is held against repetition: the prompt's words are the ones wanted.
    let promptEnd = decoding.tokens.count
    var ids: [TokenID] = []
    let started = ContinuousClock.now
    while ids.count < min(wanted, room) {
      if stop.isRaised {
        reason = .cancelled
        break
      }
      let id = sampler.sample(decoding.logits, history: decoding.tokens[promptEnd...])
      ids.append(id)
      run.stats.generatedTokens += 1
      for event in decoder.feed(id) { run.take(event) }
      if let request = decoder.stopRequest {
        reason = request
        break
      }
      if ends.contains(id) {
        reason = .endOfTurn
        break
      }
      if ids.count < min(wanted, room) { try decoding.advance(id) }
    }
    let seconds = started.duration(to: .now) / .seconds(1)
    run.stats.decodeTokensPerSecond = seconds > 0 ? Double(ids.count) / seconds : 0
    for event in decoder.finish(reason) { run.take(event) }
    guard let harmony = decoder as? HarmonyDecoder else { return (run.stop ?? .endOfTurn, []) }
    run.count(harmony.result.recoveries)
    return (run.stop ?? .endOfTurn, harmony.result.history(generated: ids))
  }
}

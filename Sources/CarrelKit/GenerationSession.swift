import Compute
import Conversation
import Inference
import Tokenization

/// One conversation: retrieves, builds the prompt, streams the answer, remembers the turn.
///
/// An actor on an executor of its own: answers come one at a time, and their arithmetic never holds
/// up a thread others need. It owns the timeline (`DecodingSession`); the network is shared.
public actor GenerationSession {
  private let model: LoadedModel
  private let route: Route
  private let workspace: Workspace
  private let decoding: DecodingSession
  private var turns: [Turn] = []
  private var answering = false
  private let executor = SerialWorkExecutor(label: "carrel.generation")

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The model's id.
  public nonisolated var modelID: String { model.id }
  /// Tokens the context window holds.
  public nonisolated var context: Int { model.context }

  init(workspace: Workspace, model: LoadedModel, route: Route) throws {
    self.workspace = workspace
    self.model = model
    self.route = route
    self.decoding = try DecodingSession(
      model: model.network, engine: model.engine, context: model.context)
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

    var run = AnswerRun(route: route, emit: emit)
    emit(.routed(route))
    let sources = try await retrieve(question, options, stop, &run)
    if sources.isEmpty, options.retrieval == .required {
      run.say(
        "Nothing in the index matches this question, so no model was asked. Ask with --no-retrieval "
          + "(or /set retrieval off) for an answer without documents.")
      emit(.done(run.answer(model: model.id, stop: .nothingRetrieved, sources: [])))
      return
    }
    let plan = try plan(question, sources: sources, options, &run)
    let used = Array(sources.prefix(plan.passages))
    if !used.isEmpty { emit(.retrieved(used)) }

    let format = try model.format(options)
    guard try readPrompt(format.render(plan.messages), stop, &run) else {
      emit(.done(run.answer(model: model.id, stop: .cancelled, sources: used)))
      return
    }
    let reason = try generate(format, options, stop, &run)
    turns.removeFirst(plan.droppedTurns)
    turns.append(Turn(prompt: plan.prompt, question: question, answer: run.text))
    run.finish()
    emit(.done(run.answer(model: model.id, stop: reason, sources: used)))
  }

  /// Passages for the question, numbered, or none.
  private func retrieve(
    _ question: String, _ options: AskOptions, _ stop: StopFlag, _ run: inout AnswerRun
  ) async throws -> [Source] {
    guard options.retrieval != .off else { return [] }
    let query = FollowUp.query(for: question, after: turns.last?.question)
    run.emit(.retrieving(query: query))
    let started = ContinuousClock.now
    let report = try await workspace.search(query, limit: options.passages)
    run.stats.retrievalSeconds = started.duration(to: .now) / .seconds(1)
    let hits = report.hits.filter(Relevance.passes)
    if hits.isEmpty, options.retrieval == .preferred {
      run.say("Nothing in the index matches this question; the answer is the model's own.")
    }
    return hits.enumerated().map { place, hit in
      Source(
        n: place + 1, path: hit.path, startLine: hit.startLine, endLine: hit.endLine,
        startByte: hit.startByte, endByte: hit.endByte, text: hit.text)
    }
  }

  private func plan(
    _ question: String, sources: [Source], _ options: AskOptions, _ run: inout AnswerRun
  ) throws -> PromptBuilder.Plan {
    let limit = options.maximumTokens ?? workspace.settings.maximumTokens
    let builder = PromptBuilder(context: context, answerReserve: min(limit, context / 4))
    let plan = try builder.plan(
      system: sources.isEmpty ? PromptBuilder.plainSystem : PromptBuilder.groundedSystem,
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
    let started = ContinuousClock.now
    let result = try decoding.sync(to: prompt) { done, total in
      emit(.prefill(done: done, total: total))
      return !stop.isRaised
    }
    let seconds = started.duration(to: .now) / .seconds(1)
    run.stats.promptTokens = prompt.count
    run.stats.cachedTokens = result.reused
    run.stats.prefillTokensPerSecond = seconds > 0 ? Double(result.evaluated) / seconds : 0
    return !result.cancelled
  }

  /// Samples until the model, a limit or the user ends the answer.
  private func generate(
    _ format: any ChatFormat, _ options: AskOptions, _ stop: StopFlag, _ run: inout AnswerRun
  ) throws -> AnswerStop {
    var sampler = Sampler(workspace.samplerSettings(options))
    var decoder = format.makeDecoder()
    // A vocabulary may end turns with tokens its chat format does not name. Harmony's decoder knows
    // its own: there `<|end|>`, which files list as an end of turn, only ends a message.
    let ends = format.family == .harmony ? [] : Set(model.network.endTokens)
    let limit = min(
      options.maximumTokens ?? workspace.settings.maximumTokens, context - decoding.tokens.count)
    var reason: StopReason = limit < context - decoding.tokens.count ? .maximumTokens : .contextFull
    // Only what this answer says is held against repetition: the prompt's words are the ones wanted.
    let promptEnd = decoding.tokens.count
    let started = ContinuousClock.now
    while run.stats.generatedTokens < limit {
      if stop.isRaised {
        reason = .cancelled
        break
      }
      let id = sampler.sample(decoding.logits, history: decoding.tokens[promptEnd...])
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
      if run.stats.generatedTokens < limit { try decoding.advance(id) }
    }
    let seconds = started.duration(to: .now) / .seconds(1)
    run.stats.decodeTokensPerSecond =
      seconds > 0 ? Double(run.stats.generatedTokens) / seconds : 0
    for event in decoder.finish(reason) { run.take(event) }
    return run.stop ?? AnswerStop(reason)
  }
}

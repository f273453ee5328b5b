import Compute
import Conversation
import Inference
import Tokenization

// Answers written by a network in this process.

extension GenerationSession {
  func answerHere(
    _ work: inout Work, _ seat: Seat, _ options: AskOptions, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) async throws -> AnswerStop {
    let model = seat.model
    let style = PromptBuilder.Style(weightBytes: model.network.weightBytes)
    // The smallest models cannot follow the instructions; they would only be confused by them.
    work.offersHandOver = work.mayHandOver && style == .cited && model.family != .harmony
    if work.offersHandOver { run.handOverReader = HandOverReader() }
    let plan = try plan(&work, context: seat.context, style: style, options, &run) {
      model.tokenizer.encode($0).count
    }
    return try await converse(plan.messages, seat, options, stop, &run)
  }

  /// Reads the prompt and writes the answer; where the model calls the search, answers the call and
  /// goes on.
  private func converse(
    _ start: [Message], _ seat: Seat, _ options: AskOptions, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) async throws -> AnswerStop {
    var messages = start
    let format = try seat.model.format(options)
    for round in 0... {
      guard try readPrompt(messages, format, seat, stop, &run) else { return .cancelled }
      let (reason, history) = try generate(format, seat, options, stop, &run)
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

  /// Brings the KV cache to the prompt. False when stopped.
  private func readPrompt(
    _ messages: [Message], _ format: any ChatFormat, _ seat: Seat, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) throws -> Bool {
    let prompt = format.render(messages)
    guard prompt.count < seat.context else {
      throw CarrelError(
        .failed,
        "The prompt has \(prompt.count) tokens, but the context holds \(seat.context). Ask a shorter "
          + "question or raise --context.")
    }
    let emit = run.emit
    let started = ContinuousClock.now
    let borders =
      seat.decoding.keepsBorders
      ? PrefixReuse.borders(of: messages, in: prompt, format: format) : []
    let result = try seat.timeline.sync(to: prompt, borders: borders) {
      let fixed = Self.shared(messages.prefix { $0.role != .user }, format)
      return zip(fixed, prompt).prefix { $0 == $1 }.count
    } progress: { done, total in
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

  /// The tokens every prompt begins with that continues these messages with a question.
  package static func shared(_ messages: some Sequence<Message>, _ format: any ChatFormat)
    -> [TokenID]
  {
    let one = format.render(messages + [Message(.user, "a")])
    let other = format.render(messages + [Message(.user, "b")])
    return zip(one, other).prefix { $0 == $1 }.map(\.0)
  }

  /// Samples until the model, a limit or the user ends the answer.
  ///
  /// - Returns: why it ended, and what was generated as history keeps it (Harmony only).
  private func generate(
    _ format: any ChatFormat, _ seat: Seat, _ options: AskOptions, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) throws -> (AnswerStop, [Message]) {
    let model = seat.model
    let decoding = seat.decoding
    var sampler = Sampler(workspace.samplerSettings(options))
    var decoder = format.makeDecoder()
    // A vocabulary may end turns with tokens its chat format does not name. Harmony's decoder knows
    // its own: there `<|end|>`, which files list as an end of turn, only ends a message.
    let ends = format.family == .harmony ? [] : Set(model.network.endTokens)
    let room = seat.context - decoding.tokens.count
    let wanted =
      (options.maximumTokens ?? workspace.settings.maximumTokens) - run.stats.generatedTokens
    var reason: StopReason = wanted < room ? .maximumTokens : .contextFull
    // Only what this answer says is held against repetition: the prompt's words are the ones wanted.
    var ids: [TokenID] = []
    let most = min(wanted, room)
    /// Takes one more token. False when the answer ends with it.
    func take(_ id: TokenID) -> Bool {
      ids.append(id)
      run.stats.generatedTokens += 1
      for event in decoder.feed(id) { run.take(event) }
      if run.handOver != nil {
        reason = .toolCall
      } else if let request = decoder.stopRequest {
        reason = request
      } else if ends.contains(id) {
        reason = .endOfTurn
      } else {
        return ids.count < most
      }
      return false
    }
    var drafter = options.drafts ? Drafter(decoding.tokens) : nil
    let started = ContinuousClock.now
    var next = most > 0 ? decoding.output.choose(&sampler, history: []) : nil
    while let id = next {
      next = nil
      if stop.isRaised {
        reason = .cancelled
        break
      }
      guard take(id) else { break }
      // The last token of an answer is never evaluated.
      let guess = drafter?.guess(after: id, limit: most - ids.count - 1) ?? Draft()
      if guess.tokens.isEmpty {
        try decoding.advance(id)
        next = decoding.output.choose(&sampler, history: ids[...])
        drafter?.took(Draft(), accepted: 0)
        continue
      }
      var place = guess.tokens.startIndex
      let accepted = try decoding.advance(id, drafting: guess.tokens) { output in
        let chosen = output.choose(&sampler, history: ids[...])
        guard !stop.isRaised, place < guess.tokens.endIndex, chosen == guess.tokens[place] else {
          next = chosen
          return nil
        }
        place += 1
        return take(chosen) ? chosen : nil
      }
      run.stats.draftedTokens += accepted
      drafter?.took(guess, accepted: accepted)
    }
    let seconds = started.duration(to: .now) / .seconds(1)
    run.stats.decodeTokensPerSecond = seconds > 0 ? Double(ids.count) / seconds : 0
    for event in decoder.finish(reason) { run.take(event) }
    run.endHandOver()
    guard let harmony = decoder as? HarmonyDecoder else { return (run.stop ?? .endOfTurn, []) }
    run.count(harmony.result.recoveries)
    return (run.stop ?? .endOfTurn, harmony.result.history(generated: ids))
  }
}
